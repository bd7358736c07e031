// Puts changed strings into a copy of their tensor, and says how much may change. Never writes into the tensor that it got.
import type { StringTensor } from '../../tensor/index.ts';

/**
 * Bytes by which the strings of one tensor may grow in all. A replacement is chosen by the contract, how often it is used by a client:
 * a million empty strings must not become a million sentences.
 */
export const maxGrowthBytes = 16 * 1024 * 1024;

/**
 * What the strings of one tensor may break before the rest is not looked at any more, when the request is refused already: more than an
 * answer lists (`maxViolations`). Ten million empty strings must not cost ten million messages.
 */
export const maxReports = 1_000;

/** The tensor with `changed` in the place of the elements of these indices, which are in rising order. */
export function rebuildStrings(tensor: StringTensor, changed: ReadonlyMap<number, Uint8Array>): StringTensor {
  const { bytes, offsets } = tensor;
  const elements = offsets.length - 1;
  let total = bytes.length;
  for (const [index, content] of changed) total += content.length - (offsets[index + 1] - offsets[index]);
  const newBytes = new Uint8Array(total);
  const newOffsets = new Uint32Array(elements + 1);
  for (let index = 0, at = 0; index < elements; index++) {
    const content = changed.get(index) ?? bytes.subarray(offsets[index], offsets[index + 1]);
    newBytes.set(content, at);
    at += content.length;
    newOffsets[index + 1] = at;
  }
  return { dtype: 'DT_STRING', shape: tensor.shape, bytes: newBytes, offsets: newOffsets };
}
