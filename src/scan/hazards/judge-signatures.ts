// Signatures against the graph: a signature is the model's contract, and servers check requests against it. Where it names what is not there,
// or another type than the graph has, the check is worthless; and an input that is no placeholder lets a request overwrite a part of the model.
import type { Severity } from '../../core/index.ts';
import { DataType } from '../../model/index.ts';
import type { SignatureEntry, TensorRef } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { shapeAttr } from './node-facts.ts';
import { tensorTypes } from './node-types.ts';
import { reportModel } from './report-hazard.ts';

const placeholders: ReadonlySet<string> = new Set(['Placeholder', 'PlaceholderV2', 'PlaceholderWithDefault', '_Arg']);
// Feeding one of these puts the request in place of a weight or of the result of a check. Feeding others (a decoded image, a parsed record, an
// iterator's element) is how graphs of TensorFlow 1 are cut at another place, and common.
const guarded =
  /^(?:Const|HostConst|ImmutableConst|Variable|VariableV2|VarHandleOp|ReadVariableOp|Assert|CheckNumerics|Equal|NotEqual|Less|LessEqual|Greater|GreaterEqual|Logical\w+|All|Any|HashTable\w*|ResourceGather\w*)$/;
// Results of layers, losses and calls: no export cuts a graph there. Scaling of images (Sub, Mul) stands before the model in old graphs.
const computed =
  /^(?:Minimum|Maximum|ClipByValue|Relu\w*|LeakyRelu|Elu|Selu|Gelu|Sigmoid|Tanh|Softplus|Softsign|Swish|LogSoftmax|Softmax|(?:Batch)?MatMul\w*|_?Fused\w+|Conv\d?D\w*|DepthwiseConv2d\w*|BiasAdd|AddV2|AddN|Einsum|(?:Max|Avg)Pool\w*|Mean|Sum|Prod|Max|Min|ArgMax|ArgMin|TopK\w*|Exp|Log|Log1p|Sqrt|Rsqrt|Pow|Concat\w*|GatherV2|SelectV?2?|LRN|L2Loss|Where|(?:Stateful)?PartitionedCall|(?:Stateless)?(?:If|While|Case)|LookupTableFind\w*|ReadFile|Quantize\w*|Dequantize)$/;
const referenceTypes = 100;

const maxMissingOps = 20;

interface Place {
  readonly node: number;
  readonly output: number;
}

/** Where a tensor name points in the main graph; undefined when nothing is there. */
function resolve(c: Case, name: string): Place | undefined {
  const { main } = c.program;
  const colon = name.lastIndexOf(':');
  const index = colon === -1 ? '0' : name.slice(colon + 1);
  const node = main.find(colon === -1 ? name : name.slice(0, colon)) ?? main.find(name);
  if (node === undefined || !/^\d{1,5}$/.test(index)) return undefined;
  return { node, output: Number(index) };
}

function outputTypes(c: Case, node: number): readonly (number | undefined)[] | undefined {
  const { main } = c.program;
  const definition = c.context.ops.get(main.op(node));
  return definition === undefined || c.program.functions.has(main.op(node))
    ? undefined
    : tensorTypes(main, node, definition.outputs);
}

function typeName(type: number): string {
  const found = Object.entries(DataType).find(([, number]) => number === type);
  return found?.[0] ?? `type ${type}`;
}

function sameShape(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  return a.length === b.length && a.every((size, axis) => size < 0 || (b[axis] ?? -1) < 0 || size === b[axis]);
}

class SignatureJudge {
  readonly #case: Case;
  readonly #signature: SignatureEntry;

  constructor(c: Case, signature: SignatureEntry) {
    this.#case = c;
    this.#signature = signature;
  }

  #report(ruleId: string, severity: Severity, message: string): void {
    const path = `signature ${this.#signature.name}`;
    reportModel(this.#case, {
      ruleId,
      severity,
      trigger: 'inference',
      message: `Signature ${this.#signature.name}: ${message}`,
      path,
    });
  }

  #tensor(ref: TensorRef, direction: 'input' | 'output'): void {
    const place = resolve(this.#case, ref.name);
    const what = `${direction} ${ref.alias}`;
    if (place === undefined) {
      this.#report('contract/signature-tensor', 'medium', `${what} is the tensor ${ref.name}, which the graph does not have`);
      return;
    }
    const types = outputTypes(this.#case, place.node);
    if (types !== undefined && place.output >= types.length) {
      this.#report(
        'contract/signature-tensor',
        'medium',
        `${what} is output ${place.output} of ${ref.name}, which has ${types.length} outputs`,
      );
      return;
    }
    this.#type(ref, what, types?.[place.output]);
    this.#shape(ref, what, place);
    if (direction === 'input') this.#input(ref, place);
  }

  #type(ref: TensorRef, what: string, type: number | undefined): void {
    if (type === undefined || type === 0 || ref.dtype === 0) return;
    if (type % referenceTypes === ref.dtype % referenceTypes) return;
    // Old exports of classify and regress give the type of the parsed tensor for the serialized examples; servers know what they get.
    const isExamples = type === DataType.DT_STRING && /\/(?:classify|regress)$/.test(this.#signature.methodName);
    this.#report(
      'contract/signature-type',
      isExamples ? 'low' : 'medium',
      `${what} says ${typeName(ref.dtype)}, and the tensor ${ref.name} is ${typeName(type)}`,
    );
  }

  #shape(ref: TensorRef, what: string, { node }: Place): void {
    const { main } = this.#case.program;
    if (main.op(node) !== 'Placeholder') return;
    const shape = shapeAttr(main, node, 'shape');
    // Placeholders of old graphs have the shape [] and mean an unknown one.
    if (shape === undefined || shape.length === 0 || sameShape(ref.shape, shape)) return;
    this.#report(
      'contract/signature-type',
      'medium',
      `${what} says the shape [${ref.shape?.join(', ')}], and the tensor ${ref.name} has [${shape.join(', ')}]`,
    );
  }

  #input(ref: TensorRef, { node }: Place): void {
    const { main } = this.#case.program;
    const op = main.op(node);
    if (!placeholders.has(op)) {
      const isGuarded = guarded.test(op) || computed.test(op) || this.#case.program.functions.has(op);
      const why = guarded.test(op)
        ? 'whoever calls it overwrites a part of the model or the result of a check'
        : 'a request is put into its middle, and what stands before it is passed over';
      this.#report(
        'contract/input-not-placeholder',
        isGuarded ? 'medium' : 'low',
        `input ${ref.alias} is the result of ${op} "${main.name(node)}": ${why}`,
      );
    } else if (main.consumers(node).length === 0 && !this.#signature.outputs.some(({ name }) => name === ref.name)) {
      this.#report('contract/unused-input', 'info', `input ${ref.alias} is not used`);
    }
  }

  judge(): void {
    const { inputs, outputs } = this.#signature;
    for (const ref of inputs) if (ref.encoding === 'name') this.#tensor(ref, 'input');
    for (const ref of outputs) if (ref.encoding === 'name') this.#tensor(ref, 'output');
    const names = inputs.filter(({ encoding }) => encoding === 'name').map(({ name }) => name);
    const twice = names.find((name, place) => names.indexOf(name) !== place);
    if (twice !== undefined) this.#report('contract/alias', 'low', `two inputs are the same tensor ${twice}`);
    const empty = [...inputs, ...outputs].find(({ encoding }) => encoding === 'none');
    if (empty !== undefined) this.#report('contract/signature-tensor', 'low', `${empty.alias} names no tensor`);
  }
}

function judgeInitOp(c: Case, signature: SignatureEntry): void {
  for (const ref of signature.outputs) {
    const node = c.program.main.find(ref.name) ?? resolve(c, ref.name)?.node;
    if (node !== undefined || ref.encoding !== 'name') continue;
    reportModel(c, {
      ruleId: 'contract/init-op',
      severity: 'medium',
      trigger: 'load-cpp',
      message: `${signature.name} runs ${ref.name} when the model is loaded, and the graph does not have it`,
      path: `signature ${signature.name}`,
    });
  }
}

/** What loaders run by name and the graph does not have. */
function judgeMissingOps(c: Case): void {
  const { main, saver, collections, kind } = c.program;
  if (kind !== 'saved-model' || c.depth > 0) return;
  const named = ['saved_model_main_op', 'legacy_init_op'].flatMap((collection) =>
    (collections.get(collection) ?? []).map((bytes) => [collection, bytes.toString('utf8')] as const),
  );
  if (saver !== undefined && saver.restoreOp !== '') named.push(['saver_def.restore_op_name', saver.restoreOp]);
  for (const [what, name] of named.slice(0, maxMissingOps)) {
    if (main.find(name) !== undefined || resolve(c, name) !== undefined) continue;
    reportModel(c, {
      ruleId: 'contract/init-op',
      severity: 'medium',
      trigger: 'load-cpp',
      message: `${what} names the operation ${name} to run when the model is loaded, and the graph does not have it`,
      path: what,
    });
  }
}

/** Judges every signature, the initialisation that is written as one, and what names the tensors of assets. */
export function judgeSignatures(c: Case): void {
  for (const signature of c.program.signatures) {
    if (signature.name.startsWith('__saved_model_')) judgeInitOp(c, signature);
    else new SignatureJudge(c, signature).judge();
  }
  judgeMissingOps(c);
  for (const { filename, tensorName } of c.program.assetFiles) {
    if (tensorName === '' || resolve(c, tensorName) !== undefined) continue;
    reportModel(c, {
      ruleId: 'contract/asset-tensor',
      severity: 'medium',
      trigger: 'load',
      message: `The path of the asset ${filename} is put into the tensor ${tensorName}, which the graph does not have`,
      path: filename,
    });
  }
}
