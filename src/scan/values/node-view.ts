// One node as the tables of this folder see it: what is known of its inputs, and its attributes by type. An attribute that is missing, or of
// another type than it should be, is undefined: whoever asks knows the default.
import type { Body } from '../graph/index.ts';
import type { Dim, Value } from './value-types.ts';

export interface NodeView {
  readonly body: Body;
  readonly node: number;
  readonly op: string;
  readonly inputs: readonly Value[];
  int(name: string): number | undefined;
  ints(name: string): readonly number[] | undefined;
  flag(name: string): boolean;
  text(name: string): string | undefined;
  type(name: string): number | undefined;
  types(name: string): readonly number[] | undefined;
  /** -1 becomes unknown. */
  shape(name: string): readonly Dim[] | undefined;
}

/** Longer lists in attributes are not read. */
const maxListLength = 100_000;

interface EncodedShape {
  readonly dim: readonly { readonly size: bigint }[];
  readonly unknownRank: boolean;
}

function dimsOf(shape: EncodedShape, unknown: Dim): readonly Dim[] | undefined {
  if (shape.unknownRank) return undefined;
  return shape.dim.map(({ size }) => (size < 0n ? unknown : Number(size)));
}

/** @param unknown What an unknown size of a shape attribute stands for. */
export function viewOf(body: Body, node: number, op: string, inputs: readonly Value[], unknown: Dim): NodeView {
  return {
    body,
    node,
    op,
    inputs,
    int(name) {
      const attr = body.attr(node, name);
      return attr?.case === 'i' ? Number(attr.value) : undefined;
    },
    ints(name) {
      const attr = body.attr(node, name);
      if (attr?.case !== 'list' || attr.value.i.length > maxListLength) return undefined;
      return attr.value.i.map(Number);
    },
    flag(name) {
      const attr = body.attr(node, name);
      return attr?.case === 'b' && attr.value;
    },
    text(name) {
      const attr = body.attr(node, name);
      return attr?.case === 's' ? Buffer.from(attr.value).toString('latin1') : undefined;
    },
    type(name) {
      const attr = body.attr(node, name);
      return attr?.case === 'type' ? attr.value : undefined;
    },
    types(name) {
      const attr = body.attr(node, name);
      if (attr?.case !== 'list' || attr.value.type.length > maxListLength) return undefined;
      return attr.value.type;
    },
    shape(name) {
      const attr = body.attr(node, name);
      return attr?.case === 'shape' ? dimsOf(attr.value, unknown) : undefined;
    },
  };
}

/** How many tensors the node gives or takes for an argument of its definition. */
function countOf(
  body: Body,
  node: number,
  arg: { readonly numberAttr: string | undefined; readonly isTypeList: boolean; readonly type: string },
): number {
  if (arg.isTypeList) {
    const attr = body.attr(node, arg.type);
    return attr?.case === 'list' ? Math.min(attr.value.type.length, maxListLength) : 0;
  }
  if (arg.numberAttr === undefined) return 1;
  const attr = body.attr(node, arg.numberAttr);
  return attr?.case === 'i' ? Math.max(0, Math.min(Number(attr.value), maxListLength)) : 0;
}

export interface PlacedArg {
  readonly name: string;
  readonly start: number;
  readonly count: number;
  /** Type of the tensor at an offset within it; undefined when the attributes do not say. */
  typeAt(offset: number): number | undefined;
}

const typeNumbers = [
  'INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16 UINT16 COMPLEX128 HALF',
  'RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN FLOAT8_E4M3FNUZ FLOAT8_E4M3B11FNUZ FLOAT8_E5M2FNUZ INT4 UINT4 INT2 UINT2',
]
  .join(' ')
  .split(' ');

/** Exporters leave out attributes that have the value of the definition. */
function defaultType(attrs: PlacedAttrs | undefined, name: string): number | undefined {
  const number = Number(attrs?.get(name)?.default ?? 'none');
  return Number.isInteger(number) ? number : undefined;
}

type PlacedAttrs = ReadonlyMap<string, { readonly default: string | undefined }>;

/** Where each argument of a definition begins in the flat list of a node's inputs or outputs. */
export function placeArgs(
  body: Body,
  node: number,
  args: readonly {
    readonly name: string;
    readonly type: string;
    readonly isTypeList: boolean;
    readonly numberAttr: string | undefined;
  }[],
  attrs?: PlacedAttrs,
): readonly PlacedArg[] {
  let start = 0;
  return args.map((arg) => {
    const placed = {
      name: arg.name,
      start,
      count: countOf(body, node, arg),
      typeAt(offset: number) {
        if (arg.type.startsWith('DT_')) {
          const number = typeNumbers.indexOf(arg.type.slice(3));
          return number < 0 ? undefined : number;
        }
        const attr = body.attr(node, arg.type);
        if (attr?.case === 'type') return attr.value;
        if (attr === undefined) return defaultType(attrs, arg.type);
        return attr.case === 'list' ? attr.value.type[offset] : undefined;
      },
    };
    start += placed.count;
    return placed;
  });
}
