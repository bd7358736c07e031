// The shape that an operator gives its output, computed from its operands and not from what the file says about the output: an interpreter
// computes it as well, so a file cannot make a large tensor look small. Sizes that are not known are -1. It never allocates by a size.
import type { Folded } from './fold.ts';
import type { TfliteOperator } from './tflite-model.ts';

export interface Operand {
  readonly constant: Folded | undefined;
  readonly shape: readonly number[] | undefined;
}

export type Shape = readonly number[] | undefined;

interface Sized {
  /** Inputs whose values decide over the size. */
  readonly deciding: readonly number[];
  readonly shape: (operands: readonly Operand[], operator: TfliteOperator) => Shape;
}

function numbersOf(operand: Operand | undefined): readonly number[] | undefined {
  return operand?.constant?.numbers;
}

/** The value of the operand is the shape. */
function givenShape(at: number): Sized {
  return { deciding: [at], shape: (operands) => numbersOf(operands[at]) };
}

const resize: Sized = {
  deciding: [1],
  shape: ([image, size]) => {
    const numbers = numbersOf(size);
    if (numbers?.length !== 2) return undefined;
    const of = image?.shape ?? [-1, -1, -1, -1];
    return [of[0] ?? -1, ...numbers, of[3] ?? -1];
  },
};

const pad: Sized = {
  deciding: [1],
  shape: ([input, paddings]) => {
    const numbers = numbersOf(paddings);
    if (numbers === undefined) return undefined;
    return (input?.shape ?? Array.from({ length: numbers.length / 2 }, () => -1)).map((size, at) => {
      const before = numbers[at * 2] ?? 0;
      const after = numbers[at * 2 + 1] ?? 0;
      return (size < 0 ? 1 : size) + before + after;
    });
  },
};

const segments: Sized = {
  deciding: [2],
  shape: ([data, ids, count]) => {
    const number = numbersOf(count)?.[0];
    return number === undefined ? undefined : [number, ...(data?.shape?.slice(ids?.shape?.length ?? 1) ?? [])];
  },
};

const sized: Readonly<Record<string, Sized>> = {
  FILL: givenShape(0),
  BROADCAST_TO: givenShape(1),
  SPARSE_TO_DENSE: givenShape(1),
  SCATTER_ND: givenShape(2),
  TRANSPOSE_CONV: givenShape(0),
  CONV_3D_TRANSPOSE: givenShape(0),
  RANDOM_UNIFORM: givenShape(0),
  RANDOM_STANDARD_NORMAL: givenShape(0),
  EMBEDDING_LOOKUP_SPARSE: givenShape(2),
  NON_MAX_SUPPRESSION_V4: givenShape(2),
  NON_MAX_SUPPRESSION_V5: givenShape(2),
  RESIZE_BILINEAR: resize,
  RESIZE_NEAREST_NEIGHBOR: resize,
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: pad,
  UNSORTED_SEGMENT_SUM: segments,
  UNSORTED_SEGMENT_PROD: segments,
  UNSORTED_SEGMENT_MAX: segments,
  UNSORTED_SEGMENT_MIN: segments,
  TILE: {
    deciding: [1],
    shape: ([input, multiples]) => {
      const numbers = numbersOf(multiples);
      return numbers?.map((multiple, at) => Math.max(input?.shape?.[at] ?? 1, 1) * multiple);
    },
  },
  RANGE: {
    deciding: [0, 1, 2],
    shape: (operands) => {
      const [start, limit, delta] = operands.map((operand) => numbersOf(operand)?.[0]);
      if (start === undefined || limit === undefined || delta === undefined) return undefined;
      return [Math.max(0, Math.ceil((limit - start) / delta))];
    },
  },
  ONE_HOT: {
    deciding: [1],
    shape: ([indices, depth]) => {
      const number = numbersOf(depth)?.[0];
      return number === undefined ? undefined : [...(indices?.shape ?? []), number];
    },
  },
  MULTINOMIAL: {
    deciding: [1],
    shape: ([logits, count]) => {
      const number = numbersOf(count)?.[0];
      return number === undefined ? undefined : [logits?.shape?.[0] ?? -1, number];
    },
  },
  SEGMENT_SUM: {
    deciding: [1],
    shape: ([data, ids]) => {
      const numbers = numbersOf(ids);
      if (numbers === undefined || numbers.length === 0) return undefined;
      return [Math.max(...numbers) + 1, ...(data?.shape?.slice(1) ?? [])];
    },
  },
  SPACE_TO_BATCH_ND: {
    deciding: [2],
    shape: ([input, , paddings]) => {
      const numbers = numbersOf(paddings);
      // As many elements as this; how they lie does not matter for the size.
      return numbers === undefined
        ? undefined
        : input?.shape?.map(
            (size, at) => Math.max(size, 1) + (at === 0 ? 0 : (numbers[at * 2 - 2] ?? 0) + (numbers[at * 2 - 1] ?? 0)),
          );
    },
  },
  RFFT2D: {
    deciding: [1],
    shape: ([input, length]) => {
      const numbers = numbersOf(length);
      return numbers === undefined ? undefined : [...(input?.shape?.slice(0, -2) ?? []), ...numbers];
    },
  },
};

const keepsShape = new Set(
  `RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LOGISTIC TANH ELU GELU HARD_SWISH LEAKY_RELU NEG ABS SQUARE SQRT RSQRT EXP LOG SIN COS FLOOR
  CEIL ROUND SOFTMAX LOG_SOFTMAX CAST DEQUANTIZE QUANTIZE ZEROS_LIKE LOGICAL_NOT SIGN CUMSUM REVERSE_V2`.split(/\s+/),
);
const broadcasts = new Set(
  `ADD SUB MUL DIV MAXIMUM MINIMUM POW SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL
  LOGICAL_AND LOGICAL_OR ATAN2 BITWISE_XOR RIGHT_SHIFT SELECT_V2`.split(/\s+/),
);

function broadcast(operands: readonly Operand[]): Shape {
  const shapes = operands.map((operand) => operand.shape);
  if (shapes.length === 0 || shapes.includes(undefined)) return undefined;
  const rank = Math.max(...shapes.map((shape) => shape?.length ?? 0));
  return Array.from({ length: rank }, (_, at) => {
    const sizes = shapes.map((shape) => shape?.[shape.length - rank + at] ?? 1);
    return sizes.includes(-1) ? Math.max(-1, ...sizes.filter((size) => size > 1)) : Math.max(...sizes);
  });
}

function concatenation(operands: readonly Operand[], axis: number): Shape {
  const first = operands[0]?.shape;
  const at = axis < 0 ? axis + (first?.length ?? 0) : axis;
  if (first === undefined || at >= first.length) return undefined;
  let total = 0;
  for (const operand of operands) {
    const size = operand.shape?.[at];
    if (size === undefined || size < 0) return undefined;
    total += size;
  }
  return first.map((size, index) => (index === at ? total : size));
}

function reshaped(operands: readonly Operand[], operator: TfliteOperator): Shape {
  const shape = numbersOf(operands[1]) ?? (operator.inputs.length < 2 ? operator.options?.numbers('newShape') : undefined);
  const input = operands[0]?.shape;
  if (shape === undefined) return undefined;
  if (!shape.includes(-1) || input === undefined || input.includes(-1)) return shape;
  const known = shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const all = input.reduce((product, size) => product * size, 1);
  return shape.map((size) => (size < 0 ? Math.floor(all / Math.max(known, 1)) : size));
}

/** Undefined where nothing better is known than what the file says about the output. */
export function shapeOfOutput(operator: TfliteOperator, operands: readonly Operand[]): Shape {
  const builtin = operator.code?.builtin ?? '';
  const entry = sized[builtin];
  if (entry !== undefined) return entry.shape(operands, operator);
  if (keepsShape.has(builtin)) return operands[0]?.shape;
  if (broadcasts.has(builtin)) return broadcast(operands);
  switch (builtin) {
    case 'CONCATENATION':
      return concatenation(operands, operator.options?.number('axis') ?? 0);
    case 'PACK':
      return operands[0]?.shape && [operands.length, ...operands[0].shape];
    case 'RESHAPE':
      return reshaped(operands, operator);
    case 'BATCH_MATMUL': {
      const [left, right] = [operands[0]?.shape, operands[1]?.shape];
      if (left === undefined || right === undefined || left.length < 2 || right.length < 2) return undefined;
      const rows = left.at(operator.options?.number('adjX') ? -1 : -2) ?? -1;
      const columns = right.at(operator.options?.number('adjY') ? -2 : -1) ?? -1;
      return [...left.slice(0, -2), rows, columns];
    }
    default:
      return undefined;
  }
}

/** Inputs of this operation whose values choose how large its output is. */
export function decidingInputs(builtin: string): readonly number[] {
  return sized[builtin]?.deciding ?? [];
}
