// What a request costs where rate limits are set, and when each part is paid: reading before a byte is read, computing before it is
// computed. docs/rate-limits.md explains the numbers.
import { elementCount, type Tensor } from '../tensor/index.ts';

/** One unit, about, is what a request of a small model costs in time of the processor. */
const bodyBytesPerUnit = 10_000;
const elementsPerUnit = 1_000;

/** For each request of a model without a contract; a contract names its own. */
export const defaultBaseUnits = 1;

/** Units for reading and decoding `bytes` of a body. */
export function bodyUnits(bytes: number): number {
  return bytes / bodyBytesPerUnit;
}

/** Units for running a request, without a contract; those of the base are in it. */
export function tensorUnits(tensors: readonly Tensor[]): number {
  let elements = 0;
  for (const { shape } of tensors) elements += elementCount(shape);
  return defaultBaseUnits + elements / elementsPerUnit;
}
