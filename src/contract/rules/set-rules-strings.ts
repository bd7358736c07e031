// Small helpers for rules that look at strings as bytes: what a message shows of one, and a tensor with some of them replaced.
import type { StringTensor, Tensor } from '../../tensor/index.ts';
import { numberView } from './element-access.ts';
import { maxGrowthBytes } from './strings-rebuild.ts';

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
const previewBytes = 64;

/** An element as text for a message; the beginning of a string. Not safe to show before it has passed `printable`. */
export function elementPreview(tensor: Tensor, index: number): string {
  if (tensor.dtype !== 'DT_STRING') {
    const value = numberView(tensor).exact(index);
    return tensor.dtype === 'DT_BOOL' ? String(value === 1) : String(value);
  }
  const start = tensor.offsets[index];
  return decoder.decode(tensor.bytes.subarray(start, Math.min(tensor.offsets[index + 1], start + previewBytes)));
}

/**
 * A copy of `tensor` in which the strings at `indices` (rising) are `filling`. Undefined when it would be larger than the tensor that came
 * by more than 16 MiB.
 */
export function replaceStrings(tensor: StringTensor, indices: readonly number[], filling: Uint8Array): StringTensor | undefined {
  const { bytes, offsets, shape } = tensor;
  const removed = indices.reduce((sum, index) => sum + offsets[index + 1] - offsets[index], 0);
  if (indices.length * filling.byteLength - removed > maxGrowthBytes) return undefined;
  const result = new Uint8Array(bytes.byteLength - removed + indices.length * filling.byteLength);
  const moved = new Uint32Array(offsets.length);
  let next = 0;
  for (let index = 0; index < offsets.length - 1; index++) {
    const isReplaced = indices[next] === index;
    const content = isReplaced ? filling : bytes.subarray(offsets[index], offsets[index + 1]);
    if (isReplaced) next++;
    result.set(content, moved[index]);
    moved[index + 1] = moved[index] + content.byteLength;
  }
  return { dtype: 'DT_STRING', shape, bytes: result, offsets: moved };
}
