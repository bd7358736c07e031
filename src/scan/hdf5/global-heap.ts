// The global heap: where values of variable length lie, strings of attributes above all (HDF5 file format specification, III.E).
import type { Hdf5Bytes } from './hdf5-bytes.ts';

const maxCollections = 256;

export class GlobalHeap {
  readonly #file: Hdf5Bytes;
  /** Objects of the collections that were asked for last, by index. */
  readonly #collections = new Map<number, ReadonlyMap<number, Buffer>>();

  constructor(file: Hdf5Bytes) {
    this.#file = file;
  }

  /** An object; undefined where there is none. @throws MODEL_INVALID. */
  object(address: number, index: number): Buffer | undefined {
    const known = this.#collections.get(address) ?? this.#read(address);
    return known.get(index);
  }

  #read(address: number): ReadonlyMap<number, Buffer> {
    const file = this.#file;
    const head = file.cursor(file.at(address, 8 + file.lengthBytes), 'a global heap');
    head.signature('GCOL');
    head.skip(4);
    const size = head.length();
    const cursor = file.cursor(file.at(address, size), 'a global heap');
    cursor.skip(head.position);
    const objects = new Map<number, Buffer>();
    while (cursor.left >= 8 + file.lengthBytes) {
      const index = cursor.u16();
      cursor.skip(6);
      const length = cursor.length();
      // The rest of the collection is free.
      if (index === 0) break;
      objects.set(index, cursor.take(Math.min(length, cursor.left)));
      cursor.skip(Math.min((8 - (length % 8)) % 8, cursor.left));
    }
    if (this.#collections.size >= maxCollections) this.#collections.clear();
    this.#collections.set(address, objects);
    return objects;
  }
}
