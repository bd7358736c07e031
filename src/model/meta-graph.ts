// Turns the decoded edges of a MetaGraph into signatures that the server can check requests against. Every name here was chosen by
// the model's author and will stand in answers, logs and consoles, so a name that cannot be shown as it is makes the model invalid.
import { AirlockError, printable } from '../core/index.ts';
import { type DType, dtypeName, dtypeOfCode, maxRank, type Signature, type TensorSpec } from '../tensor/index.ts';
import type { MetaGraphDef, SignatureDef, SignatureDef_TensorInfoEntry, TensorInfo } from './gen/tensorflow/saved_model_pb.ts';
import type { TensorShapeProto } from './gen/tensorflow/types_pb.ts';

/** What one MetaGraph offers. Signatures are sorted by name. */
export interface MetaGraphInfo {
  readonly tags: readonly string[];
  /** The TensorFlow that wrote it, for example `2.21.0`; may be empty. */
  readonly tensorflowVersion: string;
  readonly signatures: readonly Signature[];
  /** Files that must be in `assets/`. */
  readonly assetFiles: readonly string[];
  /** True when TensorFlow restores variables from a checkpoint while it loads this MetaGraph. */
  readonly restoresVariables: boolean;
}

export interface MetaGraphLimits {
  readonly maxSignatures: number;
  /** Inputs of one signature, and outputs of one signature. */
  readonly maxTensors: number;
}

const maxNames = 100;
const maxAssetFiles = 10_000;
const maxNameLength = 1024;
// TensorFlow's own rule for the name of an operation, then the number of its output.
const tensorNamePattern = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*:(0|[1-9][0-9]{0,4})$/;
// Operations that run at load, written as signatures without a usable output; nobody calls them.
const pseudoSignatures: ReadonlySet<string> = new Set(['__saved_model_init_op', '__saved_model_train_op']);

function invalid(message: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message });
}

function checkName(name: string, what: string): string {
  if (name.length > maxNameLength) throw invalid(`The model has ${what} of more than ${maxNameLength} characters`);
  if (printable(name, maxNameLength) !== name) {
    throw invalid(`The model has ${what} with characters that cannot be shown: ${printable(name)}`);
  }
  return name;
}

function readShape(shape: TensorShapeProto | undefined, where: string): readonly number[] | null {
  // Old exports leave the shape out; TensorFlow then checks nothing.
  if (shape === undefined) return null;
  if (shape.unknownRank) {
    if (shape.dim.length > 0) throw invalid(`The shape of ${where} has dimensions and an unknown rank`);
    return null;
  }
  return shape.dim.map(({ size }) => {
    if (size < -1n || size > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`The shape of ${where} is not valid`);
    return Number(size);
  });
}

/** A spec, or in words why this tensor cannot be sent or returned. */
function readTensor(info: TensorInfo | undefined, alias: string, direction: 'input' | 'output'): TensorSpec | string {
  const where = `${direction} "${alias}"`;
  const encoding = info?.encoding;
  if (info === undefined || encoding === undefined || encoding.case === undefined) return `${where} names no tensor`;
  if (encoding.case === 'cooSparse') return `${where} is a sparse tensor`;
  if (encoding.case === 'compositeTensor') return `${where} is a composite tensor`;
  const tensorName = checkName(encoding.value, 'a tensor name');
  const dtype = readDType(info.dtype, direction);
  if (dtype === undefined) return `${where} has the data type ${dtypeName(info.dtype)}`;
  if (!tensorNamePattern.test(tensorName)) return `${where} does not name a tensor as name:index`;
  if (info.tensorShape !== undefined && info.tensorShape.dim.length > maxRank)
    return `${where} has more than ${maxRank} dimensions`;
  return { alias, tensorName, dtype, shape: readShape(info.tensorShape, where) };
}

function readDType(code: number, direction: 'input' | 'output'): DType | undefined {
  // TensorFlow returns the value of a variable where an output is a reference to it, but refuses to be fed one.
  const plain = direction === 'output' && code > 100 ? code - 100 : code;
  return dtypeOfCode(plain);
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function readTensors(
  entries: readonly SignatureDef_TensorInfoEntry[],
  direction: 'input' | 'output',
  maxTensors: number,
  reasons: string[],
): TensorSpec[] {
  if (entries.length > maxTensors) throw invalid(`A signature of the model has more than ${maxTensors} ${direction}s`);
  const seen = new Set<string>();
  const specs: TensorSpec[] = [];
  for (const { key, value } of entries) {
    const alias = checkName(key, `an ${direction} name`);
    if (seen.has(alias)) throw invalid(`A signature of the model has the ${direction} "${printable(alias)}" twice`);
    seen.add(alias);
    const spec = readTensor(value, alias, direction);
    if (typeof spec === 'string') reasons.push(spec);
    else specs.push(spec);
  }
  return specs.sort((a, b) => byText(a.alias, b.alias));
}

function readSignature(name: string, def: SignatureDef | undefined, maxTensors: number): Signature {
  const reasons: string[] = [];
  const methodName = checkName(def?.methodName ?? '', 'a method name');
  const inputs = readTensors(def?.inputs ?? [], 'input', maxTensors, reasons);
  const outputs = readTensors(def?.outputs ?? [], 'output', maxTensors, reasons);
  if (outputs.length === 0 && reasons.length === 0) reasons.push('it has no outputs');
  const signature = { name, methodName, inputs, outputs };
  if (reasons.length === 0) return signature;
  const more = reasons.length > 3 ? `; and ${reasons.length - 3} more` : '';
  return { ...signature, unsupported: `${reasons.slice(0, 3).join('; ')}${more}` };
}

/** Collects one MetaGraph from its parts; protobuf lets a message arrive in pieces, and the reader hands over one field at a time. */
export class MetaGraphBuilder {
  readonly #limits: MetaGraphLimits;
  readonly #tags = new Set<string>();
  readonly #signatures = new Map<string, Signature | undefined>();
  readonly #assetFiles = new Set<string>();
  #tensorflowVersion = '';
  #restoresVariables = false;

  constructor(limits: MetaGraphLimits) {
    this.#limits = limits;
  }

  /** @throws MODEL_INVALID when a limit is passed, or a name is there twice or cannot be shown. */
  add(part: MetaGraphDef): void {
    for (const tag of part.metaInfoDef?.tags ?? []) this.#tags.add(checkName(tag, 'a tag'));
    if (this.#tags.size > maxNames) throw invalid(`The model has a MetaGraph with more than ${maxNames} tags`);
    const version = part.metaInfoDef?.tensorflowVersion ?? '';
    if (version !== '') this.#tensorflowVersion = checkName(version, 'a TensorFlow version');
    if ((part.saverDef?.restoreOpName ?? '') !== '') this.#restoresVariables = true;
    for (const { filename } of part.assetFileDef) this.#assetFiles.add(checkName(filename, 'an asset file name'));
    if (this.#assetFiles.size > maxAssetFiles) throw invalid(`The model has more than ${maxAssetFiles} asset files`);
    for (const { key, value } of part.signatureDef) this.#addSignature(checkName(key, 'a signature name'), value);
  }

  #addSignature(name: string, def: SignatureDef | undefined): void {
    if (this.#signatures.has(name)) throw invalid(`The model has the signature "${printable(name)}" twice`);
    if (this.#signatures.size === this.#limits.maxSignatures) {
      throw invalid(`The model has more than ${this.#limits.maxSignatures} signatures`);
    }
    this.#signatures.set(name, pseudoSignatures.has(name) ? undefined : readSignature(name, def, this.#limits.maxTensors));
  }

  build(): MetaGraphInfo {
    return {
      tags: [...this.#tags],
      tensorflowVersion: this.#tensorflowVersion,
      signatures: [...this.#signatures.values()]
        .filter((signature) => signature !== undefined)
        .sort((a, b) => byText(a.name, b.name)),
      assetFiles: [...this.#assetFiles],
      restoresVariables: this.#restoresVariables,
    };
  }
}
