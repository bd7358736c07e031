// Values that say nothing of a client and that a model's contract accepts, as far as single values can tell: for what must not get into a recording, and for requests
// that a rehearsal makes up. Whether a whole request passes is asked of the compiled contract by whoever puts these in.
import type { ContractNumber, ContractValue, FeatureRules, TensorRules } from '../contract/index.ts';
import { type DType, dtypes, elementCount, type StringTensor, type Tensor, tensorFromValue } from '../tensor/index.ts';

/** What stands for a text where its contract allows any. */
export const redactedText = 'redacted';

type ValueRules = Pick<TensorRules, 'allowed' | 'vocabulary' | 'min' | 'max'> &
  Partial<Pick<TensorRules, 'exclusiveMin' | 'exclusiveMax'>>;

function toNumber(value: ContractNumber | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** Between the bounds, then the bounds themselves, then what most models take. */
function numbers({ min, max, exclusiveMin, exclusiveMax }: ValueRules): readonly number[] {
  const low = toNumber(min) ?? toNumber(exclusiveMin);
  const high = toNumber(max) ?? toNumber(exclusiveMax);
  const found: number[] = [];
  if (low !== undefined && high !== undefined) found.push(low + (high - low) / 2);
  if (low !== undefined) found.push(exclusiveMin === undefined ? low : low + 1);
  if (high !== undefined) found.push(exclusiveMax === undefined ? high : high - 1);
  return [...found, 0, 1];
}

function listed({ allowed, vocabulary }: ValueRules): readonly ContractValue[] {
  const [word] = vocabulary?.entries ?? [];
  return [...(allowed?.slice(0, 2) ?? []), ...(word === undefined ? [] : [word])];
}

const texts = [redactedText, '', 'a', '0'] as const;

/** Single values to try, the most telling first; at most a dozen. */
function candidates(dtype: DType, rules: ValueRules): readonly ContractValue[] {
  const { kind } = dtypes[dtype];
  if (kind === 'string') return [...listed(rules), ...texts];
  if (kind === 'bool') return [...listed(rules), false, true];
  const whole = kind === 'int';
  return [...listed(rules), ...numbers(rules).map((value) => (whole ? Math.round(value) : value))];
}

/** A tensor of one value in each element; undefined when the type does not hold the value, or the shape is none. */
export function filledTensor(dtype: DType, shape: readonly number[], value: ContractValue): Tensor | undefined {
  const elements = elementCount(shape);
  if (!Number.isSafeInteger(elements)) return undefined;
  const one = oneElement(dtype, value);
  if (one === undefined) return undefined;
  const bytes = new Uint8Array(elements * one.bytes.length);
  for (let at = 0; at < bytes.length; at += one.bytes.length) bytes.set(one.bytes, at);
  if (dtype !== 'DT_STRING') return { dtype, shape, bytes };
  return { dtype, shape, bytes, offsets: Uint32Array.from({ length: elements + 1 }, (_, index) => index * one.bytes.length) };
}

function oneElement(dtype: DType, value: ContractValue): Tensor | undefined {
  try {
    const spec = { alias: 'value', tensorName: 'value', dtype, shape: [] };
    if (dtypes[dtype].kind === 'complex')
      return { dtype, shape: [], bytes: new Uint8Array(dtype === 'DT_COMPLEX64' ? 8 : 16) } as Tensor;
    return tensorFromValue(spec, dtypes[dtype].kind === 'float' ? Number(value) : value);
  } catch {
    return undefined;
  }
}

/** Tensors to try for an input of this type and shape. */
export function standInTensors(dtype: DType, shape: readonly number[], rules: TensorRules | undefined): readonly Tensor[] {
  return candidates(dtype, rules ?? {}).flatMap((value) => filledTensor(dtype, shape, value) ?? []);
}

/** Values to try for a feature of a tf.Example. */
export function standInFeatures(kind: 'bytes' | 'float' | 'int64', rules: FeatureRules | undefined): readonly ContractValue[] {
  const dtype = kind === 'bytes' ? 'DT_STRING' : kind === 'float' ? 'DT_FLOAT' : 'DT_INT64';
  return candidates(dtype, rules ?? {});
}

/** Element `index` of a string tensor; a view. */
export function stringElement({ bytes, offsets }: StringTensor, index: number): Uint8Array {
  return bytes.subarray(offsets[index], offsets[index + 1]);
}

/** A string tensor of these elements. */
export function stringTensor(shape: readonly number[], elements: readonly Uint8Array[]): StringTensor {
  const offsets = new Uint32Array(elements.length + 1);
  for (const [index, element] of elements.entries()) offsets[index + 1] = offsets[index] + element.length;
  return { dtype: 'DT_STRING', shape, bytes: Buffer.concat(elements), offsets };
}
