// Computes the outputs of operators whose inputs are known: integers, as shapes and sizes need them. It never makes more than
// `maxFolded` numbers, whatever the operands ask for.
import { contentOf, type TfliteModel, type TfliteOperator, type TfliteTensor } from './tflite-model.ts';

/** Elements of a constant that is followed. */
export const maxFolded = 1024;
/** Of a float one; shapes are integers, and a loop may count in floats. */
const maxFloats = 16;

export interface Folded {
  readonly shape: readonly number[];
  readonly numbers: readonly number[];
}

/** The content of a constant tensor of numbers; undefined when it has none, is too large, or its bytes do not fit its shape. */
export function readConstant(model: TfliteModel, tensor: TfliteTensor): Folded | undefined {
  const content = contentOf(model, tensor);
  const bits = tensor.type?.bits;
  if (bits === undefined || bits < 8 || tensor.sparsity !== undefined) return undefined;
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  if (count === 0) return { shape: tensor.shape, numbers: [] };
  if (
    content === undefined ||
    count > (tensor.type?.name === 'FLOAT32' ? maxFloats : maxFolded) ||
    count * (bits / 8) !== content.sizeBytes
  )
    return undefined;
  const { bytes } = model;
  const at = (index: number): number => content.offset + index * (bits / 8);
  const readers: Readonly<Record<string, (index: number) => number>> = {
    INT32: (index) => bytes.i32(at(index)),
    UINT32: (index) => bytes.u32(at(index)),
    INT64: (index) => bytes.i64(at(index)),
    UINT64: (index) => bytes.u64(at(index)),
    INT8: (index) => bytes.i8(at(index)),
    UINT8: (index) => bytes.u8(at(index)),
    BOOL: (index) => bytes.u8(at(index)),
    INT16: (index) => (bytes.u16(at(index)) << 16) >> 16,
    UINT16: (index) => bytes.u16(at(index)),
    FLOAT32: (index) => bytes.f32(at(index)),
  };
  const read = readers[tensor.type?.name ?? ''];
  return read === undefined
    ? undefined
    : { shape: tensor.shape, numbers: Array.from({ length: count }, (_, index) => read(index)) };
}

const truth = (value: boolean): number => (value ? 1 : 0);

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  ADD: (a, b) => a + b,
  SUB: (a, b) => a - b,
  MUL: (a, b) => a * b,
  DIV: (a, b) => a / b,
  FLOOR_DIV: (a, b) => Math.floor(a / b),
  FLOOR_MOD: (a, b) => a - Math.floor(a / b) * b,
  MAXIMUM: (a, b) => Math.max(a, b),
  MINIMUM: (a, b) => Math.min(a, b),
  POW: (a, b) => a ** b,
  LESS: (a, b) => truth(a < b),
  LESS_EQUAL: (a, b) => truth(a <= b),
  GREATER: (a, b) => truth(a > b),
  GREATER_EQUAL: (a, b) => truth(a >= b),
  EQUAL: (a, b) => truth(a === b),
  NOT_EQUAL: (a, b) => truth(a !== b),
  LOGICAL_AND: (a, b) => truth(a !== 0 && b !== 0),
  LOGICAL_OR: (a, b) => truth(a !== 0 || b !== 0),
};

const unary: Readonly<Record<string, (a: number) => number>> = {
  LOGICAL_NOT: (a) => truth(a === 0),
  NEG: (a) => -a,
  ABS: Math.abs,
  SQUARE: (a) => a * a,
  FLOOR: Math.floor,
  CEIL: Math.ceil,
  ZEROS_LIKE: () => 0,
};

/** Operations that keep the numbers and change at most their shape. */
const keeping = new Set([
  'RESHAPE',
  'SQUEEZE',
  'EXPAND_DIMS',
  'CAST',
  'DEQUANTIZE',
  'QUANTIZE',
  'STABLEHLO_RESHAPE',
  'STABLEHLO_CONVERT',
]);

function flat(numbers: readonly number[]): Folded {
  return { shape: [numbers.length], numbers };
}

function foldReduction(builtin: string, numbers: readonly number[]): Folded | undefined {
  const scalar = (value: number): Folded => ({ shape: [], numbers: [value] });
  switch (builtin) {
    case 'REDUCE_PROD':
      return scalar(numbers.reduce((product, value) => product * value, 1));
    case 'SUM':
      return scalar(numbers.reduce((sum, value) => sum + value, 0));
    case 'REDUCE_MAX':
      return numbers.length === 0 ? undefined : scalar(Math.max(...numbers));
    case 'REDUCE_MIN':
      return numbers.length === 0 ? undefined : scalar(Math.min(...numbers));
    case 'REDUCE_ALL':
      return scalar(truth(numbers.every((value) => value !== 0)));
    case 'REDUCE_ANY':
      return scalar(truth(numbers.some((value) => value !== 0)));
    default:
      return undefined;
  }
}

/** Shapes and sizes are scalars and vectors; what needs more than one dimension is not folded. */
export function fold(operator: TfliteOperator, inputs: readonly (Folded | undefined)[]): Folded | undefined {
  const name = operator.code?.builtin ?? '';
  const [a, b, c, d] = inputs;
  if (keeping.has(name))
    return a === undefined ? undefined : name === 'CAST' ? a : { shape: [a.numbers.length], numbers: a.numbers };
  const one = unary[name];
  if (one !== undefined) return a === undefined ? undefined : { shape: a.shape, numbers: a.numbers.map(one) };
  const two = binary[name];
  if (two !== undefined) {
    if (a === undefined || b === undefined) return undefined;
    const count = Math.max(a.numbers.length, b.numbers.length);
    if ([a, b].some((side) => side.numbers.length !== 1 && side.numbers.length !== count)) return undefined;
    const pick = (side: Folded, index: number): number => side.numbers[side.numbers.length === 1 ? 0 : index] ?? 0;
    return {
      shape: (a.numbers.length === count ? a : b).shape,
      numbers: Array.from({ length: count }, (_, index) => two(pick(a, index), pick(b, index))),
    };
  }
  if (name === 'PACK' || name === 'CONCATENATION') {
    if (inputs.some((input) => input === undefined || input.shape.length > 1)) return undefined;
    const total = inputs.reduce((sum, input) => sum + (input?.numbers.length ?? 0), 0);
    return total > maxFolded ? undefined : flat(inputs.flatMap((input) => input?.numbers ?? []));
  }
  if (name === 'FILL' && a !== undefined && b !== undefined) {
    const count = a.numbers.reduce((product, size) => product * size, 1);
    const value = b.numbers[0];
    if (!(count >= 0 && count <= maxFolded) || value === undefined) return undefined;
    return { shape: a.numbers, numbers: new Array<number>(count).fill(value) };
  }
  if (name === 'GATHER' && a !== undefined && b !== undefined && a.shape.length === 1) {
    const numbers = b.numbers.flatMap((index) => a.numbers[index] ?? []);
    return numbers.length === b.numbers.length ? { shape: b.shape, numbers } : undefined;
  }
  if (name === 'STRIDED_SLICE' && a?.shape.length === 1 && b?.numbers.length === 1 && c?.numbers.length === 1) {
    const masked = (field: string): boolean => ((operator.options?.number(field) ?? 0) & 1) !== 0;
    const wrap = (index: number): number => (index < 0 ? index + a.numbers.length : index);
    const begin = masked('beginMask') ? 0 : wrap(b.numbers[0] ?? 0);
    if (d?.numbers[0] !== 1 || masked('ellipsisMask') || masked('newAxisMask')) return undefined;
    if (masked('shrinkAxisMask')) return { shape: [], numbers: a.numbers.slice(begin, begin + 1) };
    return flat(a.numbers.slice(begin, masked('endMask') ? undefined : wrap(c.numbers[0] ?? 0)));
  }
  if (name === 'SLICE' && a?.shape.length === 1 && b?.numbers.length === 1 && c?.numbers.length === 1) {
    const begin = b.numbers[0] ?? 0;
    const size = c.numbers[0] ?? 0;
    return flat(a.numbers.slice(begin, size < 0 ? undefined : begin + size));
  }
  // Reductions along one axis of a vector, which is all that they are used for in sizes.
  return a !== undefined && a.shape.length <= 1 ? foldReduction(name, a.numbers) : undefined;
}
