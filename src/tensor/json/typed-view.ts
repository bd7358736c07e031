// Typed arrays over memory that exists, or over Node's own pool.

export interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** `bytes`, which must begin at a multiple of the element's size, seen as elements. */
export function arrayOver<T>(type: ArrayType<T>, { buffer, byteOffset, byteLength }: Uint8Array): T {
  return new type(buffer, byteOffset, byteLength / type.BYTES_PER_ELEMENT);
}

/**
 * An array of unknown content. Over Node's own pool when it is small: a small typed array of V8 lies in the heap, and asking for its
 * memory later moves it out, which costs more than a small request takes to decode.
 */
export function allocateArray<T>(type: ArrayType<T>, length: number): T {
  const memory = Buffer.allocUnsafe(length * type.BYTES_PER_ELEMENT);
  return new type(memory.buffer, memory.byteOffset, length);
}
