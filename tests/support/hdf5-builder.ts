// Writes small HDF5 files for tests, also such as no library writes: superblock 2, headers of version 2, everything at the end of what was
// written before. Checksums are left at zero, which the scanner does not look at.

export interface H5Attribute {
  /** Text becomes a string of fixed length; bytes become one opaque value. */
  readonly [name: string]: string | Buffer;
}

export interface H5Group {
  readonly kind: 'group';
  readonly links?: Readonly<Record<string, H5Node | H5Link>>;
  readonly attributes?: H5Attribute;
}

export type H5Link =
  | { readonly kind: 'soft'; readonly target: string }
  | { readonly kind: 'external'; readonly file: string; readonly target: string }
  | { readonly kind: 'hard'; readonly address: number }
  | { readonly kind: 'user'; readonly type: number };

export interface H5Dataset {
  readonly kind: 'dataset';
  readonly type: 'f4' | 'u1' | 'opaque' | 'string';
  /** Bytes of an element of `opaque` and `string`. */
  readonly sizeBytes?: number;
  readonly shape: readonly number[];
  /** Contiguous; not given: nothing is stored. */
  readonly data?: Buffer;
  readonly compact?: Buffer;
  readonly chunk?: readonly number[];
  /** What is stored for the only chunk, which has the shape of the dataset. */
  readonly packed?: Buffer;
  readonly filters?: readonly { readonly id: number; readonly name: string; readonly values: readonly number[] }[];
  readonly external?: readonly { readonly file: string; readonly offset: number; readonly sizeBytes: number }[];
  readonly virtual?: { readonly file: string; readonly dataset: string };
  readonly attributes?: H5Attribute;
}

export type H5Node = H5Group | H5Dataset;

const none = Buffer.alloc(8, 0xff);

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const bytesOf = (...parts: readonly (Buffer | string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string))));

function datatype(type: H5Dataset['type'], sizeBytes: number): Buffer {
  if (type === 'f4') return bytesOf(0x11, 0x20, 0x1f, 0, u32(4), u16(0), u16(32), 23, 8, 0, 23, u32(127));
  if (type === 'u1') return bytesOf(0x10, 0, 0, 0, u32(1), u16(0), u16(8));
  if (type === 'string') return bytesOf(0x13, 0, 0, 0, u32(sizeBytes));
  return bytesOf(0x15, 0, 0, 0, u32(sizeBytes));
}

const dataspace = (shape: readonly number[]) => bytesOf(2, shape.length, 0, shape.length === 0 ? 0 : 1, ...shape.map(u64));

class Writer {
  readonly #parts: Buffer[] = [Buffer.alloc(48)];
  length = 48;

  add(bytes: Buffer): number {
    const address = this.length;
    this.#parts.push(bytes);
    this.length += bytes.length;
    return address;
  }

  header(messages: readonly (readonly [type: number, body: Buffer])[]): number {
    const body = Buffer.concat(messages.map(([type, bytes]) => bytesOf(type, u16(bytes.length), 0, bytes)));
    return this.add(bytesOf('OHDR', 2, 2, u32(body.length), body, u32(0)));
  }

  attributes(attributes: H5Attribute = {}): (readonly [number, Buffer])[] {
    return Object.entries(attributes).map(([name, value]) => {
      const data = Buffer.from(value as string);
      const type = datatype(typeof value === 'string' ? 'string' : 'opaque', data.length);
      const space = dataspace([]);
      const nameBytes = bytesOf(name, 0);
      return [0x0c, bytesOf(3, 0, u16(nameBytes.length), u16(type.length), u16(space.length), 0, nameBytes, type, space, data)];
    });
  }

  localHeap(texts: readonly string[]): { address: number; offsets: number[] } {
    const offsets: number[] = [];
    let data = Buffer.alloc(8);
    for (const text of texts) {
      offsets.push(data.length);
      data = bytesOf(data, text, 0);
    }
    const place = this.add(data);
    return { address: this.add(bytesOf('HEAP', 0, 0, 0, 0, u64(data.length), none, u64(place))), offsets };
  }

  globalHeap(object: Buffer): number {
    const padded = bytesOf(object, Buffer.alloc((8 - (object.length % 8)) % 8));
    return this.add(
      bytesOf('GCOL', 1, 0, 0, 0, u64(16 + 16 + padded.length), u16(1), u16(1), u32(0), u64(object.length), padded),
    );
  }

  layout(dataset: H5Dataset): Buffer {
    const { compact, chunk, virtual, data, packed, shape } = dataset;
    if (virtual !== undefined) {
      const address = this.globalHeap(bytesOf(0, u64(1), virtual.file, 0, virtual.dataset, 0, Buffer.alloc(16)));
      return bytesOf(4, 3, u64(address), u32(1));
    }
    if (compact !== undefined) return bytesOf(3, 0, u16(compact.length), compact);
    if (packed !== undefined) {
      const dims = [...shape, 4].map(u32);
      return bytesOf(4, 2, 2, dims.length, 4, ...dims, 1, u64(packed.length), u32(0), u64(this.add(packed)));
    }
    if (chunk !== undefined) return bytesOf(3, 2, chunk.length + 1, none, ...chunk.map(u32), u32(4));
    if (data === undefined) return bytesOf(3, 1, none, u64(0));
    return bytesOf(3, 1, u64(this.add(data)), u64(data.length));
  }

  dataset(dataset: H5Dataset): number {
    const { type, sizeBytes = 4, shape, filters = [], external = [] } = dataset;
    const messages: (readonly [number, Buffer])[] = [
      [0x01, dataspace(shape)],
      [0x03, datatype(type, sizeBytes)],
      [0x08, this.layout(dataset)],
      ...this.attributes(dataset.attributes),
    ];
    if (filters.length > 0) {
      const list = filters.map(({ id, name, values }) =>
        bytesOf(
          u16(id),
          ...(id >= 256 ? [u16(name.length + 1)] : []),
          u16(0),
          u16(values.length),
          ...(id >= 256 ? [name, 0] : []),
          ...values.map(u32),
        ),
      );
      messages.push([0x0b, bytesOf(2, filters.length, ...list)]);
    }
    if (external.length > 0) {
      const { address, offsets } = this.localHeap(external.map(({ file }) => file));
      const slots = external.map(({ offset, sizeBytes: size }, index) => bytesOf(u64(offsets[index]), u64(offset), u64(size)));
      messages.push([0x07, bytesOf(1, 0, 0, 0, u16(slots.length), u16(slots.length), u64(address), ...slots)]);
    }
    return this.header(messages);
  }

  link(name: string, node: H5Node | H5Link): Buffer {
    const nameBytes = Buffer.from(name);
    const head = (type: number) => bytesOf(1, 8, type, nameBytes.length, nameBytes);
    if (node.kind === 'soft') return bytesOf(head(1), u16(node.target.length), node.target);
    if (node.kind === 'hard') return bytesOf(head(0), u64(node.address));
    if (node.kind === 'user') return bytesOf(head(node.type), u16(0));
    if (node.kind === 'external') {
      const value = bytesOf(0, node.file, 0, node.target, 0);
      return bytesOf(head(64), u16(value.length), value);
    }
    return bytesOf(head(0), u64(this.node(node)));
  }

  node(node: H5Node): number {
    if (node.kind === 'dataset') return this.dataset(node);
    const links = Object.entries(node.links ?? {}).map(([name, child]) => [0x06, this.link(name, child)] as const);
    return this.header([[0x02, bytesOf(0, 0, none, none)], ...links, ...this.attributes(node.attributes)]);
  }

  finish(root: number): Buffer {
    const head = bytesOf('\x89HDF\r\n\x1a\n'.slice(1), 2, 8, 8, 0, u64(0), none, u64(this.length), u64(root), u32(0));
    return Buffer.concat([Buffer.from([0x89]), head, ...this.#parts.slice(1)]);
  }
}

/** The bytes of a file with this root. */
export function hdf5File(root: H5Group): Buffer {
  const writer = new Writer();
  return writer.finish(writer.node(root));
}

/** A group of these links and attributes. */
export const group = (links: H5Group['links'] = {}, attributes: H5Attribute = {}): H5Group => ({
  kind: 'group',
  links,
  attributes,
});
