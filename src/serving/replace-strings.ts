// A string tensor with some of its strings replaced by others. The size of the result is known before it is taken.
import { AirlockError } from '../core/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** Where offsets of string tensors end. */
const maxBytes = 2 ** 32 - 1;

/** @throws TENSOR_TOO_LARGE when the strings together would not fit 4 GiB. The tensor that is given is not changed. */
export function replaceStrings(tensor: Tensor, replacements: ReadonlyMap<number, Uint8Array> | undefined): Tensor {
  if (replacements === undefined || replacements.size === 0) return tensor;
  if (tensor.dtype !== 'DT_STRING') throw new AirlockError('INTERNAL');
  const { bytes, offsets } = tensor;
  const count = offsets.length - 1;
  const strings = Array.from(
    { length: count },
    (_, index) => replacements.get(index) ?? bytes.subarray(offsets[index], offsets[index + 1]),
  );
  const total = strings.reduce((sum, string) => sum + string.length, 0);
  if (total > maxBytes) throw new AirlockError('TENSOR_TOO_LARGE');
  const replaced = Buffer.allocUnsafe(total);
  const places = new Uint32Array(count + 1);
  for (const [index, string] of strings.entries()) {
    replaced.set(string, places[index]);
    places[index + 1] = places[index] + string.length;
  }
  return { ...tensor, bytes: replaced, offsets: places };
}
