// Pieces of a stream, taken out again in the lengths that a format asks for. It holds at most one piece more than what was asked for,
// and what may be asked for is the caller's to bound.
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #pieces: Uint8Array[] = [];
  #held = 0;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; fewer only when the stream ends before. A copy where they lie in two pieces. */
  async take(length: number): Promise<Buffer> {
    while (this.#held < length && !this.#ended) {
      const { value, done } = await this.#source.next();
      if (done === true) this.#ended = true;
      else if (value.length > 0) {
        this.#pieces.push(value);
        this.#held += value.length;
      }
    }
    const size = Math.min(length, this.#held);
    const [first] = this.#pieces;
    if (first !== undefined && first.length > size) {
      this.#pieces[0] = first.subarray(size);
      this.#held -= size;
      return Buffer.from(first.buffer, first.byteOffset, size);
    }
    const result = Buffer.allocUnsafeSlow(size);
    for (let done = 0; done < size; ) {
      const piece = this.#pieces[0];
      const part = piece.subarray(0, size - done);
      result.set(part, done);
      done += part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#held -= size;
    return result;
  }

  /** True when nothing more comes. */
  async atEnd(): Promise<boolean> {
    if (this.#held > 0) return false;
    const next = await this.take(1);
    if (next.length === 0) return true;
    this.#pieces.unshift(next);
    this.#held += 1;
    return false;
  }

  /** Ends the stream that feeds the queue. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
