// The strings of a flexbuffer whose root is a vector, as Flex operations have their name and their TensorFlow node. It reads nothing else of
// the format, checks every bound, and copies nothing.
import { AirlockError } from '../../core/index.ts';

const vectorTypes: ReadonlySet<number> = new Set([9, 10]); // A map holds its values like a vector.
const stringTypes: ReadonlySet<number> = new Set([5, 25]);
const keyType = 4;

function damaged(what: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `a flexbuffer ${what}` });
}

function unsigned(bytes: Buffer, offset: number, width: number): number {
  if (offset < 0 || offset + width > bytes.length) throw damaged('leads out of its bytes');
  return width === 8 ? Number(bytes.readBigUInt64LE(offset)) : bytes.readUIntLE(offset, width);
}

/**
 * The elements of the root vector, each a string or undefined when it is of another type.
 * @param maxElements more are left out.
 * @throws MODEL_INVALID when it is no vector or leads out of its bytes.
 */
export function readFlexbufferStrings(bytes: Buffer, maxElements: number): readonly (Buffer | undefined)[] {
  const rootWidth = unsigned(bytes, bytes.length - 1, 1);
  const rootType = unsigned(bytes, bytes.length - 2, 1);
  if (![1, 2, 4, 8].includes(rootWidth)) throw damaged('has a root of an impossible width');
  if (!vectorTypes.has(rootType >> 2)) throw damaged('has a root that is no vector');
  const rootAt = bytes.length - 2 - rootWidth;
  const start = rootAt - unsigned(bytes, rootAt, rootWidth);
  const width = 1 << (rootType & 3);
  const count = unsigned(bytes, start - width, width);
  const types = start + count * width;
  if (count > bytes.length || types + count > bytes.length) throw damaged('has a vector that leads out of its bytes');
  return Array.from({ length: Math.min(count, maxElements) }, (_, index) => {
    const elementType = unsigned(bytes, types + index, 1);
    const at = start + index * width;
    const isKey = elementType >> 2 === keyType;
    if (!isKey && !stringTypes.has(elementType >> 2)) return undefined;
    const content = at - unsigned(bytes, at, width);
    if (isKey) {
      const end = content < 0 ? -1 : bytes.indexOf(0, content);
      if (end < 0) throw damaged('has a key without an end');
      return bytes.subarray(content, end);
    }
    const lengthWidth = 1 << (elementType & 3);
    const length = unsigned(bytes, content - lengthWidth, lengthWidth);
    if (content + length > bytes.length) throw damaged('has a string that leads out of its bytes');
    return bytes.subarray(content, content + length);
  });
}
