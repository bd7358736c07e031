// Memory for the bodies of requests, kept for the next one. Fresh memory costs a page fault per 4 KiB when it is first written, which for
// an image as JSON is a fifth of the whole decoding. A buffer that comes back still holds the last body; the parser never reads behind
// the bytes that it was given, exactly as with any memory that is not cleared.

const keptBuffers = 4;
/** Smaller ones come from Node's own pool; larger ones are not kept, so at most 16 MiB are. */
const leastBytes = 64 * 1024;
const mostBytes = 4 * 1024 * 1024 + 1;

const kept: Buffer[] = [];

/** A buffer of at least `bytes`, with unknown content. */
export function takeBodyMemory(bytes: number): Buffer {
  const index = bytes < leastBytes ? -1 : kept.findIndex((buffer) => buffer.length >= bytes);
  return index < 0 ? Buffer.allocUnsafe(bytes) : kept.splice(index, 1)[0];
}

/** Gives a buffer back; nothing may refer to it any more. */
export function returnBodyMemory(buffer: Buffer): void {
  if (buffer.length >= leastBytes && buffer.length <= mostBytes && kept.length < keptBuffers) kept.push(buffer);
}
