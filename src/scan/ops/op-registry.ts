// What TensorFlow says about its operations: inputs, outputs and attributes, from data/tensorflow-ops.json. The list is TensorFlow 2.21's,
// made by its own registry, and never the host's: a scan needs no TensorFlow, and what is a custom operation must not depend on the machine.
import { readFileSync } from 'node:fs';

export interface OpArg {
  readonly name: string;
  /** `DT_STRING`, or the attribute that says it: `T`. */
  readonly type: string;
  /** The type is a list of types, in the attribute `type`. */
  readonly isTypeList: boolean;
  /** The attribute that says how many tensors of the type there are. */
  readonly numberAttr: string | undefined;
  readonly isRef: boolean;
}

export interface OpAttr {
  readonly name: string;
  /** `string`, `list(type)`, `func`, … */
  readonly type: string;
  /** As Python writes it: `b''`, `False`, `-1`; a number is DataType. Undefined when the node must give it. */
  readonly default: string | undefined;
}

export interface OpDefinition {
  readonly name: string;
  readonly inputs: readonly OpArg[];
  readonly outputs: readonly OpArg[];
  readonly attrs: ReadonlyMap<string, OpAttr>;
  readonly isStateful: boolean;
  readonly hasCpuKernel: boolean;
}

export interface OpRegistry {
  /** Undefined when this TensorFlow has no such operation: a custom one, or one of another version. */
  get(op: string): OpDefinition | undefined;
}

interface OpEntry {
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly attrs: Readonly<Record<string, readonly string[]>>;
  readonly stateful?: boolean;
  readonly noCpuKernel?: boolean;
}

const dataFile = new URL('../../../data/tensorflow-ops.json', import.meta.url);

function readArg(text: string): OpArg {
  const [, name = '', list, type = '', numberAttr, ref] = /^([^:]+):(@)?([^*&]+)(?:\*([^&]+))?(&)?$/.exec(text) ?? [];
  return { name, type, isTypeList: list !== undefined, numberAttr, isRef: ref !== undefined };
}

function readDefinition(name: string, entry: OpEntry): OpDefinition {
  return {
    name,
    inputs: entry.in.map(readArg),
    outputs: entry.out.map(readArg),
    attrs: new Map(
      Object.entries(entry.attrs).map(([attr, [type, fallback]]) => [attr, { name: attr, type, default: fallback }]),
    ),
    isStateful: entry.stateful === true,
    hasCpuKernel: entry.noCpuKernel !== true,
  };
}

/** Reads the list; definitions are made when they are first asked for. */
export function openOpRegistry(): OpRegistry {
  const { ops } = JSON.parse(readFileSync(dataFile, 'utf8')) as { readonly ops: Record<string, OpEntry> };
  const entries = new Map(Object.entries(ops));
  const definitions = new Map<string, OpDefinition>();
  return {
    get(op) {
      const known = definitions.get(op);
      if (known !== undefined) return known;
      const entry = entries.get(op);
      if (entry === undefined) return undefined;
      const definition = readDefinition(op, entry);
      definitions.set(op, definition);
      return definition;
    },
  };
}
