// JavaScript values to tensors and back, for those who call a model as a library. As strict as the JSON decoder: a number is not a
// string, 1.5 is not an integer, and nothing is cut to fit.
import { type AirlockError, printable, violationError } from '../core/index.ts';
import { type DType, dtypes } from './dtype.ts';
import { maxRank } from './frame.ts';
import { bfloat16Bits, halfBits } from './json/decimal.ts';
import { formatShape, type TensorSpec } from './signature.ts';
import { elementCount, type Tensor } from './tensor.ts';

export type TypedArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

/** One element, or lists of elements that all have the same lengths. Bytes are an element of a string tensor. */
export type NestedValue = number | bigint | boolean | string | Uint8Array | readonly NestedValue[];

/** Elements in row-major order with their shape; the array must be the one that belongs to the type. */
export interface FlatValue {
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly string[] | readonly Uint8Array[];
}

export type TensorValue = NestedValue | FlatValue;

/** An answer. `data`: the typed array of the type; half and bfloat16 as their 16 bits, complex as pairs, strings as bytes. */
export interface OutputTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly Buffer[];
}

type ArrayConstructor = new (buffer: ArrayBufferLike) => TypedArray;

const arrays: Readonly<Record<Exclude<DType, 'DT_STRING'>, ArrayConstructor>> = {
  DT_FLOAT: Float32Array,
  DT_DOUBLE: Float64Array,
  DT_INT32: Int32Array,
  DT_UINT8: Uint8Array,
  DT_INT16: Int16Array,
  DT_INT8: Int8Array,
  DT_COMPLEX64: Float32Array,
  DT_INT64: BigInt64Array,
  DT_BOOL: Uint8Array,
  DT_BFLOAT16: Uint16Array,
  DT_UINT16: Uint16Array,
  DT_COMPLEX128: Float64Array,
  DT_HALF: Uint16Array,
  DT_UINT32: Uint32Array,
  DT_UINT64: BigUint64Array,
};

export interface ValueOptions {
  /** Take NaN and the infinities; default false. */
  readonly allowNonFinite?: boolean;
  /** Where they are not all taken: whether this one is. */
  readonly takesNonFinite?: (value: number) => boolean;
}

/**
 * The tensor for an input. Takes nested lists, a single element, or `{ shape, data }` without copying `data`.
 * @throws TENSOR_TYPE_MISMATCH, TENSOR_NOT_INTEGER, TENSOR_OUT_OF_RANGE, TENSOR_NOT_FINITE, TENSOR_RAGGED, TENSOR_INVALID.
 */
export function tensorFromValue(spec: TensorSpec, value: TensorValue, options: ValueOptions = {}): Tensor {
  const tensor = convert(spec, value);
  if (options.allowNonFinite !== true) assertFinite(spec, tensor, options.takesNonFinite);
  return tensor;
}

function convert(spec: TensorSpec, value: TensorValue): Tensor {
  if (isFlat(value)) return fromFlat(spec, value);
  const shape: number[] = [];
  for (let at: NestedValue = value; isList(at); at = at[0]) {
    if (shape.length === maxRank) throw invalid(spec, `at most ${maxRank} dimensions`, 'more');
    shape.push(at.length);
    if (at.length === 0) break;
  }
  const elements: NestedValue[] = [];
  flatten(spec, value, shape, 0, elements);
  return spec.dtype === 'DT_STRING' ? strings(spec, shape, elements) : numbers(spec, spec.dtype, shape, elements);
}

function isFlat(value: TensorValue): value is FlatValue {
  return typeof value === 'object' && !isList(value) && !(value instanceof Uint8Array);
}

function isList(value: TensorValue): value is readonly NestedValue[] {
  return Array.isArray(value);
}

function flatten(spec: TensorSpec, value: NestedValue, shape: readonly number[], level: number, into: NestedValue[]): void {
  if (level === shape.length) {
    if (isList(value)) throw ragged(spec);
    into.push(value);
    return;
  }
  if (!isList(value) || value.length !== shape[level]) throw ragged(spec);
  for (const inner of value) flatten(spec, inner, shape, level + 1, into);
}

function fromFlat(spec: TensorSpec, { shape, data }: FlatValue): Tensor {
  const { dtype } = spec;
  if (dtype === 'DT_STRING') {
    if (!isList(data as TensorValue)) throw mismatch(spec, 'a typed array');
    const tensor = strings(spec, shape, data as readonly (string | Uint8Array)[]);
    if (elementCount(shape) !== tensor.offsets.length - 1) throw wrongCount(spec, shape);
    return tensor;
  }
  if (!(data instanceof arrays[dtype])) throw mismatch(spec, `${data.constructor.name} instead of ${arrays[dtype].name}`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (elementCount(shape) * dtypes[dtype].itemBytes !== bytes.length) throw wrongCount(spec, shape);
  // Any other byte is undefined behaviour in TensorFlow's C++.
  if (dtype === 'DT_BOOL' && bytes.some((byte) => byte > 1)) throw mismatch(spec, 'bytes other than 0 and 1');
  return { dtype, shape: [...shape], bytes };
}

function strings(spec: TensorSpec, shape: readonly number[], elements: readonly NestedValue[]) {
  const parts = elements.map((element) => {
    if (element instanceof Uint8Array) return element;
    if (typeof element !== 'string') throw mismatch(spec, describe(element));
    if (/\p{Cs}/u.test(element)) throw invalid(spec, 'text of whole characters', 'half of a surrogate pair');
    return Buffer.from(element, 'utf8');
  });
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, index) => {
    offsets[index + 1] = offsets[index] + part.length;
  });
  return { dtype: 'DT_STRING', shape: [...shape], bytes: Buffer.concat(parts), offsets } as const;
}

function numbers(
  spec: TensorSpec,
  dtype: Exclude<DType, 'DT_STRING'>,
  shape: readonly number[],
  elements: readonly NestedValue[],
): Tensor {
  const { kind, itemBytes } = dtypes[dtype];
  if (kind === 'complex') throw invalid(spec, '{ shape, data } for complex numbers', 'a list');
  const values = new arrays[dtype](new ArrayBuffer(elements.length * itemBytes));
  for (const [index, element] of elements.entries()) {
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) values[index] = exactInteger(spec, element, values);
    else
      values[index] =
        kind === 'int'
          ? smallInteger(spec, element, values, index)
          : kind === 'bool'
            ? truth(spec, element)
            : float(spec, element);
  }
  return { dtype, shape, bytes: new Uint8Array(values.buffer) };
}

function exactInteger(spec: TensorSpec, element: NestedValue, values: BigInt64Array | BigUint64Array): bigint {
  if (typeof element !== 'bigint' && typeof element !== 'number') throw mismatch(spec, describe(element));
  if (typeof element === 'number' && !Number.isSafeInteger(element)) throw notInteger(spec, element);
  const value = BigInt(element);
  const fits = values instanceof BigInt64Array ? BigInt.asIntN(64, value) === value : BigInt.asUintN(64, value) === value;
  if (!fits) throw outOfRange(spec, value);
  return value;
}

function smallInteger(
  spec: TensorSpec,
  element: NestedValue,
  values: Exclude<TypedArray, BigInt64Array | BigUint64Array>,
  index: number,
): number {
  if (typeof element !== 'number') throw mismatch(spec, describe(element));
  if (!Number.isInteger(element)) throw notInteger(spec, element);
  // What the array keeps is what fits it.
  values[index] = element;
  if (values[index] !== element) throw outOfRange(spec, element);
  return element;
}

function truth(spec: TensorSpec, element: NestedValue): number {
  if (typeof element !== 'boolean') throw mismatch(spec, describe(element));
  return element ? 1 : 0;
}

function float(spec: TensorSpec, element: NestedValue): number {
  if (typeof element !== 'number') throw mismatch(spec, describe(element));
  if (!Number.isFinite(element))
    return spec.dtype === 'DT_HALF' ? halfBits(element) : spec.dtype === 'DT_BFLOAT16' ? bfloat16Bits(element) : element;
  switch (spec.dtype) {
    case 'DT_HALF':
      if (Math.abs(element) >= 65520) throw outOfRange(spec, element);
      return halfBits(element);
    case 'DT_BFLOAT16':
      if ((bfloat16Bits(element) & 0x7fff) === 0x7f80) throw outOfRange(spec, element);
      return bfloat16Bits(element);
    case 'DT_FLOAT':
      if (!Number.isFinite(Math.fround(element))) throw outOfRange(spec, element);
      return element;
    default:
      return element;
  }
}

function assertFinite(spec: TensorSpec, tensor: Tensor, takes: ValueOptions['takesNonFinite']): void {
  if (dtypes[tensor.dtype].kind !== 'float' && dtypes[tensor.dtype].kind !== 'complex') return;
  const { data } = valueFromTensor(tensor);
  // Half and bfloat16 are bits here: all ones in the exponent is NaN or an infinity.
  const exponent = tensor.dtype === 'DT_HALF' ? 0x7c00 : tensor.dtype === 'DT_BFLOAT16' ? 0x7f80 : 0;
  for (const value of data) {
    if (typeof value !== 'number') continue;
    if (exponent === 0 ? Number.isFinite(value) : (value & exponent) !== exponent) continue;
    const number = exponent === 0 ? value : (value & 0x7fff) === exponent ? Number.POSITIVE_INFINITY : Number.NaN;
    if (takes?.(number) !== true) {
      throw violationError('TENSOR_NOT_FINITE', {
        path: spec.alias,
        rule: 'finite',
        expected: `finite ${spec.dtype}`,
        got: 'NaN or an infinity',
      });
    }
  }
}

/** The answer for a caller: `data` is a view of the tensor's memory where its place in memory allows it, else a copy. */
export function valueFromTensor(tensor: Tensor): OutputTensor {
  const { dtype, shape, bytes } = tensor;
  if (dtype === 'DT_STRING') {
    const { offsets } = tensor;
    const data = Array.from({ length: offsets.length - 1 }, (_, index) =>
      Buffer.from(bytes.subarray(offsets[index], offsets[index + 1])),
    );
    return { dtype, shape, data };
  }
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return { dtype, shape, data: new arrays[dtype](whole ? bytes.buffer : bytes.slice().buffer) };
}

function describe(element: NestedValue): string {
  return element instanceof Uint8Array
    ? 'bytes'
    : typeof element === 'string'
      ? `the string ${printable(element, 40)}`
      : `${typeof element} ${String(element)}`;
}

function mismatch(spec: TensorSpec, got: string): AirlockError {
  return violationError('TENSOR_TYPE_MISMATCH', { path: spec.alias, rule: 'type', expected: spec.dtype, got });
}

function notInteger(spec: TensorSpec, element: number): AirlockError {
  return violationError('TENSOR_NOT_INTEGER', {
    path: spec.alias,
    rule: 'integer',
    expected: `${spec.dtype}, exactly`,
    got: String(element),
  });
}

function outOfRange(spec: TensorSpec, element: number | bigint): AirlockError {
  return violationError('TENSOR_OUT_OF_RANGE', {
    path: spec.alias,
    rule: 'range',
    expected: `a number that fits ${spec.dtype}`,
    got: String(element),
  });
}

function ragged(spec: TensorSpec): AirlockError {
  return violationError('TENSOR_RAGGED', {
    path: spec.alias,
    rule: 'ragged',
    expected: 'lists of one length at each level',
    got: 'different lengths',
  });
}

function wrongCount(spec: TensorSpec, shape: readonly number[]): AirlockError {
  return invalid(spec, `as many elements as ${formatShape(shape)} has`, 'more or fewer');
}

function invalid(spec: TensorSpec, expected: string, got: string): AirlockError {
  return violationError('TENSOR_INVALID', { path: spec.alias, rule: 'tensor', expected, got });
}
