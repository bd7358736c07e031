// Fractal heaps: where groups with many links and objects with many attributes keep them (HDF5 file format specification, III.G). Objects are
// looked up by the ids that a B-tree gives. Heaps with filters are not read.
import { bytesFor } from './datatype.ts';
import type { Hdf5Bytes } from './hdf5-bytes.ts';

const maxBlocks = 100_000;

interface Block {
  /** In the heap's own address space. */
  readonly start: number;
  readonly sizeBytes: number;
  readonly address: number;
}

export class FractalHeap {
  readonly #file: Hdf5Bytes;
  readonly #blocks: Block[] = [];
  readonly #offsetBytes: number;
  readonly #lengthBytes: number;
  readonly #width: number;
  readonly #firstBytes: number;
  readonly #maxDirectBytes: number;

  /** @throws MODEL_INVALID. */
  constructor(file: Hdf5Bytes, address: number) {
    this.#file = file;
    const cursor = file.cursor(file.upTo(address, 256), 'a fractal heap');
    cursor.signature('FRHP');
    cursor.skip(3);
    const filterBytes = cursor.u16();
    cursor.skip(1);
    const maxManaged = cursor.u32();
    cursor.length();
    cursor.address();
    cursor.length();
    cursor.address();
    for (let index = 0; index < 8; index++) cursor.length();
    this.#width = cursor.u16();
    this.#firstBytes = cursor.length();
    this.#maxDirectBytes = cursor.length();
    const heapBits = cursor.u16();
    cursor.skip(2);
    const root = cursor.address();
    const rows = cursor.u16();
    if (filterBytes !== 0) throw file.fail('a fractal heap is compressed, which is not supported');
    const isPower = (size: number) => size >= 1 && size <= 2 ** 40 && Number.isInteger(Math.log2(size));
    if (this.#width === 0 || heapBits > 64 || !isPower(this.#firstBytes) || !isPower(this.#maxDirectBytes)) {
      throw file.fail('a fractal heap cannot be right');
    }
    this.#offsetBytes = Math.ceil(heapBits / 8);
    this.#lengthBytes = Math.min(bytesFor(maxManaged), bytesFor(this.#maxDirectBytes));
    if (root === undefined) return;
    if (rows === 0) this.#blocks.push({ start: 0, sizeBytes: this.#firstBytes, address: root });
    else this.#readIndirect(root, rows);
  }

  #rowBytes(row: number): number {
    return row === 0 ? this.#firstBytes : this.#firstBytes * 2 ** (row - 1);
  }

  #readIndirect(root: number, rootRows: number): void {
    const seen = new Set<number>();
    const stack = [{ address: root, rows: rootRows, start: 0 }];
    for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
      if (seen.has(block.address) || block.rows > 64) throw this.#file.fail('a fractal heap leads back into itself');
      seen.add(block.address);
      const headBytes = 5 + this.#file.offsetBytes + this.#offsetBytes;
      const cursor = this.#file.cursor(
        this.#file.at(block.address, headBytes + block.rows * this.#width * this.#file.offsetBytes),
        'an indirect block',
      );
      cursor.signature('FHIB');
      cursor.skip(headBytes - 4);
      let start = block.start;
      for (let row = 0; row < block.rows; row++) {
        const sizeBytes = this.#rowBytes(row);
        for (let column = 0; column < this.#width; column++, start += sizeBytes) {
          const address = cursor.address();
          if (address === undefined) continue;
          if (sizeBytes <= this.#maxDirectBytes) this.#blocks.push({ start, sizeBytes, address });
          else stack.push({ address, rows: Math.log2(sizeBytes / (this.#firstBytes * this.#width)) + 1, start });
          if (this.#blocks.length + stack.length > maxBlocks) throw this.#file.fail('a fractal heap has too many blocks');
        }
      }
    }
    this.#blocks.sort((a, b) => a.start - b.start);
  }

  /** The object of an id. @throws MODEL_INVALID; of kinds that are not supported as well. */
  object(id: Buffer): Buffer {
    const kind = (id[0] >> 4) & 3;
    if (kind === 2) {
      const size = (id[0] & 15) + 1;
      if (size >= id.length) throw this.#file.fail('a tiny object of a fractal heap cannot be right');
      return id.subarray(1, 1 + size);
    }
    if (kind !== 0) throw this.#file.fail('a huge object of a fractal heap is not supported');
    const cursor = this.#file.cursor(id.subarray(1), 'an id in a fractal heap');
    const offset = cursor.uint(this.#offsetBytes);
    const length = cursor.uint(this.#lengthBytes);
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle].start + this.#blocks[middle].sizeBytes <= offset) low = middle + 1;
      else high = middle;
    }
    const block = this.#blocks[low];
    if (block === undefined || offset < block.start || offset + length > block.start + block.sizeBytes) {
      throw this.#file.fail('an id in a fractal heap leads nowhere');
    }
    return this.#file.at(block.address + offset - block.start, length);
  }
}
