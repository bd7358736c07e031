// Little-endian numbers at any place of a source, held in a few pages: a TFLite file of gigabytes is mostly weights, of which a scan needs
// next to nothing. It must never hold a whole large file, and it checks every bound itself, since all offsets come from the file.
import { AirlockError } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';

const smallBytes = 32 * 1024 * 1024;
const pageBytes = 256 * 1024;
const maxPages = 64;

/** Random access to a source. Everything that reads throws MODEL_INVALID outside of `0 … sizeBytes`. */
export class PagedBytes {
  readonly sizeBytes: number;
  readonly name: string;
  readonly #source: Source;
  readonly #pageBytes: number;
  readonly #pages = new Map<number, Buffer>();
  #lastIndex = -1;
  #last: Buffer = Buffer.alloc(0);

  constructor(source: Source) {
    this.#source = source;
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    this.#pageBytes = source.sizeBytes <= smallBytes ? Math.max(source.sizeBytes, 1) : pageBytes;
  }

  has(offset: number, length: number): boolean {
    return Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.sizeBytes;
  }

  #page(index: number): Buffer {
    if (index === this.#lastIndex) return this.#last;
    let page = this.#pages.get(index);
    if (page === undefined) {
      const start = index * this.#pageBytes;
      page = this.#source.read(start, Math.min(this.#pageBytes, this.sizeBytes - start));
      if (this.#pages.size >= maxPages) {
        const [oldest] = this.#pages.keys();
        if (oldest !== undefined) this.#pages.delete(oldest);
      }
      this.#pages.set(index, page);
    }
    this.#lastIndex = index;
    this.#last = page;
    return page;
  }

  /** `length` bytes, which may be shared with a page: never write to them. The caller bounds `length`. */
  bytes(offset: number, length: number): Buffer {
    if (!this.has(offset, length)) {
      throw new AirlockError('MODEL_INVALID', {
        message: `${this.name}: offset ${offset} with ${length} bytes lies outside of the file`,
      });
    }
    if (length === 0) return Buffer.alloc(0);
    const index = Math.floor(offset / this.#pageBytes);
    const start = offset - index * this.#pageBytes;
    if (start + length <= this.#pageBytes) return this.#page(index).subarray(start, start + length);
    return this.#source.read(offset, length);
  }

  u8(offset: number): number {
    return this.bytes(offset, 1).readUInt8(0);
  }

  i8(offset: number): number {
    return this.bytes(offset, 1).readInt8(0);
  }

  u16(offset: number): number {
    return this.bytes(offset, 2).readUInt16LE(0);
  }

  u32(offset: number): number {
    return this.bytes(offset, 4).readUInt32LE(0);
  }

  i32(offset: number): number {
    return this.bytes(offset, 4).readInt32LE(0);
  }

  f32(offset: number): number {
    return this.bytes(offset, 4).readFloatLE(0);
  }

  /** Loses precision beyond 2^53, which no size or index that makes sense has. */
  i64(offset: number): number {
    return Number(this.bytes(offset, 8).readBigInt64LE(0));
  }

  u64(offset: number): number {
    return Number(this.bytes(offset, 8).readBigUInt64LE(0));
  }
}
