// Short ways to write the tensors of the attacks and what a contract says of well-formed ones.
import type { RuleDraft } from '../../support/contracts.ts';
import { numbers, strings } from '../../support/contracts.ts';
import { type AttrInput, attrInts, attrString } from '../../support/graph-builder.ts';
import { type Argument, computed, fixed, raw, request } from './attack.ts';

type Rules = Omit<RuleDraft, 'dtype'>;
type Shape = readonly number[];

const count = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);
const filled = (shape: Shape, values: readonly (number | bigint)[]): (number | bigint)[] =>
  Array.from({ length: count(shape) }, (_, index) => values[index % Math.max(1, values.length)] ?? 0);

const tensorOf = (dtype: 'DT_FLOAT' | 'DT_INT32' | 'DT_INT64' | 'DT_HALF' | 'DT_DOUBLE') => {
  return (shape: Shape, ...values: (number | bigint)[]) => numbers(dtype, filled(shape, values), [...shape]);
};

/** The values are repeated until the shape is full; none are zeros. */
export const f32 = tensorOf('DT_FLOAT');
export const f64 = tensorOf('DT_DOUBLE');
export const f16 = tensorOf('DT_HALF');
export const i32 = tensorOf('DT_INT32');
export const i64 = tensorOf('DT_INT64');

/** The same as constants of the model. */
export const constF32 = (shape: Shape, ...values: number[]): Argument => fixed(f32(shape, ...values));
export const constF64 = (shape: Shape, ...values: number[]): Argument => fixed(f64(shape, ...values));
export const constI32 = (shape: Shape, ...values: number[]): Argument => fixed(i32(shape, ...values));
export const constI64 = (shape: Shape, ...values: (number | bigint)[]): Argument => fixed(i64(shape, ...values));
export const constText = (shape: Shape, ...values: string[]): Argument => fixed(strings(values, [...shape]));

/** Zeros of a quantised type, which no request may carry. */
export const quantised = (dtype: 'DT_QUINT8' | 'DT_QINT8' | 'DT_QINT32' | 'DT_QINT16', shape: Shape): Argument =>
  raw(dtype, shape, Buffer.alloc(count(shape) * (dtype === 'DT_QINT32' ? 4 : dtype === 'DT_QINT16' ? 2 : 1)));

/** Exactly this shape; -1 is any size. */
export const shaped = (...sizes: number[]): Rules => ({
  shape: sizes.map((size) => (size === -1 ? { kind: 'any' } : { kind: 'fixed', size })),
});

/** A scalar of a request that comes as a vector of `values`. */
export const notScalar = (...values: number[]): Argument => request(f32([values.length], ...values), shaped());
/** A scalar of a request that comes empty. */
export const emptyScalar = (): Argument => computed(f32([0]), shaped());

export const ints = (...values: number[]): AttrInput => attrInts(values);
export const text = (value: string): AttrInput => attrString(value);
