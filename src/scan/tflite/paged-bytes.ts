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
  /** -1: `#last` is no page. */
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

  /** Where in `#last` a number begins; the page is made to hold it, or a copy where two pages have it. */
  #locate(offset: number, length: number): number {
    const start = offset - this.#lastIndex * this.#pageBytes;
    if (this.#lastIndex >= 0 && start >= 0 && start + length <= this.#last.length) return start;
    if (!this.has(offset, length)) this.bytes(offset, length);
    const index = Math.floor(offset / this.#pageBytes);
    if (offset + length <= (index + 1) * this.#pageBytes) {
      this.#page(index);
      return offset - index * this.#pageBytes;
    }
    this.#last = this.#source.read(offset, length);
    this.#lastIndex = -1;
    return 0;
  }

  u8(offset: number): number {
    const at = this.#locate(offset, 1);
    return this.#last[at] ?? 0;
  }

  i8(offset: number): number {
    const at = this.#locate(offset, 1);
    return this.#last.readInt8(at);
  }

  u16(offset: number): number {
    const at = this.#locate(offset, 2);
    return this.#last.readUInt16LE(at);
  }

  u32(offset: number): number {
    const at = this.#locate(offset, 4);
    return this.#last.readUInt32LE(at);
  }

  i32(offset: number): number {
    const at = this.#locate(offset, 4);
    return this.#last.readInt32LE(at);
  }

  f32(offset: number): number {
    const at = this.#locate(offset, 4);
    return this.#last.readFloatLE(at);
  }

  /** Loses precision beyond 2^53, which no size or index that makes sense has. */
  i64(offset: number): number {
    const at = this.#locate(offset, 8);
    return Number(this.#last.readBigInt64LE(at));
  }

  u64(offset: number): number {
    const at = this.#locate(offset, 8);
    return Number(this.#last.readBigUInt64LE(at));
  }
}
