// Where content enters a program: tensors of signatures, arguments of functions that are called from outside, assets, the saver's file name.
import type { Body, ObjectEntry, Program } from '../graph/index.ts';
import { typeOf } from './data-types.ts';
import { requestDim } from './dims.ts';
import { joinValues, originsOf, unknownOf } from './lattice.ts';
import { valueOfRequest } from './transfer.ts';
import type { ContentOrigin, Value } from './value-types.ts';

/** `x:0` and `^x` as node name and output. */
function splitName(name: string): { readonly node: string; readonly output: number } {
  const colon = name.lastIndexOf(':');
  if (colon < 0) return { node: name, output: 0 };
  const output = Number(name.slice(colon + 1));
  return Number.isInteger(output) ? { node: name.slice(0, colon), output } : { node: name, output: 0 };
}

/** What a function says that it is given. Only what comes from outside is believed: it can make findings, and take none away. */
function declaredShape(body: Body, index: number): Value['shape'] {
  const attr = body.attr(index, '_output_shapes');
  const shape = attr?.case === 'list' ? attr.value.shape[0] : undefined;
  if (shape === undefined || shape.unknownRank) return undefined;
  return shape.dim.map(({ size }) => (size < 0n ? requestDim : Number(size)));
}

const originOfObject: Partial<Record<ObjectEntry['kind'], ContentOrigin>> = {
  asset: 'asset',
  variable: 'variable',
  constant: 'constant',
};

export class RequestTensors {
  readonly #program: Program;
  readonly #fed = new Map<string, Value>();
  readonly #fedNodes = new Set<number>();
  readonly #assets = new Set<number>();
  readonly #saverFile: number | undefined;
  readonly #rootTriggers = new Map<Body, Set<string>>();

  constructor(program: Program) {
    this.#program = program;
    const { main } = program;
    for (const { name, inputs } of program.signatures) {
      if (name.startsWith('__saved_model_')) continue;
      for (const tensor of inputs) {
        const place = splitName(tensor.name);
        const node = main.find(place.node);
        if (node === undefined) continue;
        const shape = tensor.shape?.map((size) => (size < 0 ? requestDim : size));
        this.#fedNodes.add(node);
        this.#fed.set(`${node}:${place.output}`, valueOfRequest(tensor.dtype, shape));
      }
    }
    for (const { tensorName } of program.assetFiles) {
      const node = main.find(splitName(tensorName).node);
      if (node !== undefined) this.#assets.add(node);
    }
    this.#saverFile = program.saver === undefined ? undefined : main.find(splitName(program.saver.filenameTensor).node);
    for (const { body, trigger } of program.roots) {
      if (body.function === undefined) continue;
      const triggers = this.#rootTriggers.get(body) ?? new Set();
      this.#rootTriggers.set(body, triggers.add(trigger));
    }
  }

  /** What a signature gives an output of a node of the main graph. */
  tensor(node: number, output: number): Value | undefined {
    return this.#fedNodes.has(node) ? this.#fed.get(`${node}:${output}`) : undefined;
  }

  /** True when a signature feeds any output of the node. */
  isFed(body: Body, node: number): boolean {
    return body === this.#program.main && this.#fedNodes.has(node);
  }

  isAsset(node: number): boolean {
    return this.#assets.has(node);
  }

  isSaverFile(body: Body, node: number): boolean {
    return body === this.#program.main && node === this.#saverFile;
  }

  /** What an argument of a function is when the function is called from outside; undefined when nothing calls it so. */
  argument(body: Body, index: number, dtype: number | undefined): Value | undefined {
    const triggers = this.#rootTriggers.get(body);
    if (triggers === undefined) return undefined;
    const captured = this.#captured(body, index);
    // The function of a signature is called with the placeholders of the main graph: these say more.
    const isCalled = this.#program.callsTo(body).length > 0;
    const asked = [...triggers].filter((trigger) => !(trigger === 'inference' && isCalled));
    if (asked.length === 0) return undefined;
    const values = asked.map((trigger) => {
      if (captured !== undefined) return unknownOf(originsOf(captured), dtype, undefined);
      if (trigger === 'saver') return unknownOf(originsOf(dtype === typeOf.string ? 'saver' : 'variable'), dtype, undefined);
      if (trigger === 'inference' || trigger === 'api') return valueOfRequest(dtype, declaredShape(body, index));
      return unknownOf(originsOf('computed'), dtype, undefined);
    });
    return values.reduce(joinValues);
  }

  /** The objects that a function captures become its last arguments. */
  #captured(body: Body, index: number): ContentOrigin | undefined {
    const bound = body.function === undefined ? undefined : this.#program.boundInputs.get(body.function);
    if (bound === undefined || bound.length > body.argCount) return undefined;
    const id = bound[index - (body.argCount - bound.length)];
    if (id === undefined) return undefined;
    const kind = this.#program.objects[id]?.kind;
    return (kind === undefined ? undefined : originOfObject[kind]) ?? 'computed';
  }
}
