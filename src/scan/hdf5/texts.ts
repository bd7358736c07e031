// The texts in an attribute or dataset: strings of a fixed length, and strings of variable length in the global heap.
import type { GlobalHeap } from './global-heap.ts';
import type { Hdf5Bytes } from './hdf5-bytes.ts';
import { elementsOf, type Hdf5Type } from './hdf5-types.ts';

const maxTexts = 1_000_000;

/** Without what pads them. Undefined when it is no text, or has more than `maxBytes`. */
export function textsOf(
  file: Hdf5Bytes,
  heap: GlobalHeap,
  type: Hdf5Type,
  shape: readonly number[] | undefined,
  data: Buffer,
  maxBytes: number,
): readonly Buffer[] | undefined {
  const count = elementsOf(shape);
  if (count > maxTexts) return undefined;
  const found: Buffer[] = [];
  if (type.class === 'string') {
    if (count * type.sizeBytes > Math.min(data.length, maxBytes)) return undefined;
    for (let index = 0; index < count; index++) {
      const text = data.subarray(index * type.sizeBytes, (index + 1) * type.sizeBytes);
      const end = text.indexOf(0);
      found.push(end === -1 ? text : text.subarray(0, end));
    }
    return found;
  }
  // Variable length: how many, the address of a collection and the index in it.
  if (type.class !== 'vlen' || (!type.isText && type.base?.sizeBytes !== 1)) return undefined;
  const cursor = file.cursor(data, 'texts');
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (cursor.left < 8 + file.offsetBytes) return undefined;
    const length = cursor.u32();
    const address = cursor.address();
    const object = cursor.u32();
    const text = length === 0 || address === undefined || object === 0 ? undefined : heap.object(address, object);
    total += length;
    if (total > maxBytes) return undefined;
    found.push(text?.subarray(0, length) ?? Buffer.alloc(0));
  }
  return found;
}
