// Flat numbers of outputs. Functions name an output by its argument in the operation's definition (`split:output:1`), graphs by its number (`split:1`);
// an argument may be several tensors, by an attribute of the node.
import type { OpRegistry } from '../ops/index.ts';
import { AttrFinder, decodeAttr } from './attr-value.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { type NodeTable, nodeField } from './node-table.ts';

interface Output {
  readonly name: string;
  /** Attributes that say how many tensors it is; neither: one. */
  readonly numberAttr: string | undefined;
  readonly listAttr: string | undefined;
}

interface Outputs {
  readonly list: readonly Output[];
  readonly byName: ReadonlyMap<string, number>;
  /** Every one before the last is one tensor, so that its place is its flat number. */
  readonly isPlain: boolean;
}

function outputsOf(list: readonly Output[]): Outputs {
  return {
    list,
    byName: new Map(list.map(({ name }, index) => [name, index])),
    isPlain: list.slice(0, -1).every(({ numberAttr, listAttr }) => numberAttr === undefined && listAttr === undefined),
  };
}

export class OutputNumbers {
  readonly #table: NodeTable;
  readonly #registry: OpRegistry;
  readonly #functions: ReadonlyMap<string, FunctionDefinition>;
  readonly #finder: AttrFinder;
  readonly #byOp = new Map<number, Outputs | undefined>();
  /** Of rows whose arguments are several tensors: where each begins. */
  readonly #starts = new Map<number, readonly (number | undefined)[]>();

  constructor(table: NodeTable, registry: OpRegistry, functions: ReadonlyMap<string, FunctionDefinition>) {
    this.#table = table;
    this.#registry = registry;
    this.#functions = functions;
    this.#finder = new AttrFinder(table.bytes, table.file);
  }

  #outputs(op: number): Outputs | undefined {
    if (this.#byOp.has(op)) return this.#byOp.get(op);
    const name = this.#table.opNames.names[op];
    const called = this.#functions.get(name);
    let outputs: Outputs | undefined;
    if (called !== undefined) {
      outputs = outputsOf(
        called.outputs.map((output) => ({
          name: output.name,
          numberAttr: output.numberAttr === '' ? undefined : output.numberAttr,
          listAttr: output.typeListAttr === '' ? undefined : output.typeListAttr,
        })),
      );
    } else {
      const known = this.#registry.get(name);
      if (known !== undefined) {
        const list = known.outputs.map((output) => ({
          name: output.name,
          numberAttr: output.numberAttr,
          listAttr: output.isTypeList ? output.type : undefined,
        }));
        outputs = outputsOf(list);
      }
    }
    this.#byOp.set(op, outputs);
    return outputs;
  }

  #size(row: number, { numberAttr, listAttr }: Output): number | undefined {
    const attr = numberAttr ?? listAttr;
    if (attr === undefined) return 1;
    const { messageStarts, messageEnds } = this.#table;
    const found = this.#finder.find(messageStarts[row], messageEnds[row], nodeField.attr, Buffer.from(attr));
    const value = found === undefined ? undefined : decodeAttr(found, () => undefined);
    if (numberAttr !== undefined) return value?.case === 'i' && value.value >= 0n ? Number(value.value) : undefined;
    return value?.case === 'list' ? value.value.type.length : undefined;
  }

  #startsOf(row: number, list: readonly Output[]): readonly (number | undefined)[] {
    const known = this.#starts.get(row);
    if (known !== undefined) return known;
    const starts: (number | undefined)[] = [];
    let next: number | undefined = 0;
    for (const output of list) {
      starts.push(next);
      const size: number | undefined = next === undefined ? undefined : this.#size(row, output);
      next = next === undefined || size === undefined ? undefined : next + size;
    }
    this.#starts.set(row, starts);
    return starts;
  }

  /** Of the tensor `index` of the output `name` of the node in `row`; undefined when its operation is not known or has no such output. */
  flat(row: number, name: string, index: number): number | undefined {
    const outputs = this.#outputs(this.#table.ops[row]);
    const place = outputs?.byName.get(name);
    if (outputs === undefined || place === undefined) return undefined;
    if (outputs.isPlain) return place + index;
    const start = this.#startsOf(row, outputs.list)[place];
    return start === undefined ? undefined : start + index;
  }
}
