// The tree of an HDF5 file: every object that hard links lead to, once. Soft links, external links, files outside and virtual datasets are
// facts here and are never followed. What cannot be read is a problem of the file, never silence.
import { AirlockError, printable } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';
import { readSymbolTable } from './btree-1.ts';
import { readTreeRecords } from './btree-2.ts';
import { datasetBytes, storedBytesOf } from './chunks.ts';
import { readDataspace, readDatatype } from './datatype.ts';
import { FractalHeap } from './fractal-heap.ts';
import { GlobalHeap } from './global-heap.ts';
import type { Hdf5Bytes } from './hdf5-bytes.ts';
import type { Hdf5Attribute, Hdf5Dataset, Hdf5File, Hdf5Link, Hdf5Object, Hdf5Type } from './hdf5-types.ts';
import { readAttribute, readExternalFiles, readFilters, readLayout, readLink } from './messages.ts';
import { type HeaderMessage, readObjectHeader } from './object-header.ts';
import { readSuperblock } from './superblock.ts';
import { textsOf } from './texts.ts';

const types = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

const maxProblems = 100;
const maxPathChars = 4096;

export interface ReadHdf5Limits {
  /** Objects, links and attributes together. */
  readonly maxParts: number;
}

class FileReader {
  readonly problems: string[] = [];
  readonly #file: Hdf5Bytes;
  readonly #heap: GlobalHeap;
  #partsLeft: number;

  constructor(file: Hdf5Bytes, heap: GlobalHeap, maxParts: number) {
    this.#file = file;
    this.#heap = heap;
    this.#partsLeft = maxParts;
  }

  #takePart(): void {
    if (--this.#partsLeft < 0) throw this.#file.fail('it has too many objects, links or attributes');
  }

  #guard<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (error.code === 'INTERNAL' || this.#partsLeft < 0) throw thrown;
      if (this.problems.length < maxProblems) this.problems.push(`${printable(what, 200)}: ${error.message}`);
      return undefined;
    }
  }

  /** A data type in the header of a committed one. */
  #sharedType(body: Buffer): Hdf5Type | undefined {
    const cursor = this.#file.cursor(body, 'a shared message');
    const version = cursor.u8();
    const kind = cursor.u8();
    if (version === 1) cursor.skip(6);
    if (version >= 3 && kind !== 2) return undefined;
    const address = cursor.address();
    if (address === undefined) return undefined;
    const message = readObjectHeader(this.#file, address).find(({ type, isShared }) => type === types.datatype && !isShared);
    return message === undefined ? undefined : readDatatype(this.#file.cursor(message.body, 'a data type'));
  }

  #dense<T>(what: string, heapAddress: number | undefined, tree: number | undefined, read: (object: Buffer) => T): T[] {
    if (heapAddress === undefined || tree === undefined) return [];
    return (
      this.#guard(what, () => {
        const heap = new FractalHeap(this.#file, heapAddress);
        const { type, records } = readTreeRecords(this.#file, tree);
        // 5: hash, then the id. 8: the id, then flags.
        if (type !== 5 && type !== 8) throw this.#file.fail('an index of names is of an unknown kind');
        return records.map((record) => {
          this.#takePart();
          if (type === 8 && record.length > 8 && (record[8] & 2) !== 0)
            throw this.#file.fail('a shared attribute is not supported');
          return read(heap.object(type === 5 ? record.subarray(4) : record.subarray(0, 8)));
        });
      }) ?? []
    );
  }

  #links(messages: readonly HeaderMessage[], path: string): Hdf5Link[] {
    const links: Hdf5Link[] = [];
    for (const { type, body } of messages) {
      const cursor = this.#file.cursor(body, `the links of ${path}`);
      if (type === types.link) {
        this.#takePart();
        const link = this.#guard(`link in ${path}`, () => readLink(cursor));
        if (link !== undefined) links.push(link);
      } else if (type === types.symbolTable) {
        const found = this.#guard(`group ${path}`, () => {
          const [tree, heap] = [cursor.address(), cursor.address()];
          return tree === undefined || heap === undefined ? [] : readSymbolTable(this.#file, tree, heap, this.#partsLeft);
        });
        for (const link of found ?? []) {
          this.#takePart();
          links.push(link);
        }
      } else if (type === types.linkInfo) {
        const place = this.#guard(`group ${path}`, () => {
          cursor.skip(1);
          if ((cursor.u8() & 1) !== 0) cursor.skip(8);
          return { heap: cursor.address(), tree: cursor.address() };
        });
        const found = this.#dense(`group ${path}`, place?.heap, place?.tree, (object) =>
          readLink(this.#file.cursor(object, `a link of ${path}`)),
        );
        for (const link of found) if (link !== undefined) links.push(link);
      }
    }
    return links;
  }

  #attributes(messages: readonly HeaderMessage[], path: string): Hdf5Attribute[] {
    const attributes: Hdf5Attribute[] = [];
    const read = (body: Buffer) =>
      readAttribute(this.#file.cursor(body, `an attribute of ${path}`), this.#file, (shared) => this.#sharedType(shared));
    for (const { type, body, isShared } of messages) {
      if (type === types.attribute) {
        this.#takePart();
        const found = this.#guard(`attribute of ${path}`, () => {
          if (isShared) throw this.#file.fail('a shared attribute is not supported');
          return read(body);
        });
        if (found !== undefined) attributes.push(found);
      } else if (type === types.attributeInfo) {
        const cursor = this.#file.cursor(body, `the attributes of ${path}`);
        const place = this.#guard(`attributes of ${path}`, () => {
          cursor.skip(1);
          if ((cursor.u8() & 1) !== 0) cursor.skip(2);
          return { heap: cursor.address(), tree: cursor.address() };
        });
        attributes.push(...this.#dense(`attributes of ${path}`, place?.heap, place?.tree, read));
      }
    }
    return attributes;
  }

  #dataset(messages: readonly HeaderMessage[], path: string): Hdf5Dataset | undefined {
    return this.#guard(`dataset ${path}`, () => {
      const body = (type: number): Buffer | undefined => {
        const message = messages.find((one) => one.type === type);
        if (message?.isShared === true) throw this.#file.fail('a shared message is not supported');
        return message?.body;
      };
      const cursor = (type: number) => {
        const found = body(type);
        return found === undefined ? undefined : this.#file.cursor(found, `dataset ${path}`);
      };
      const typeMessage = messages.find(({ type }) => type === types.datatype);
      const spaceBody = cursor(types.dataspace);
      const layoutBody = cursor(types.layout);
      if (typeMessage === undefined || spaceBody === undefined || layoutBody === undefined)
        throw this.#file.fail('a dataset lacks a part');
      const type = typeMessage.isShared
        ? this.#sharedType(typeMessage.body)
        : readDatatype(this.#file.cursor(typeMessage.body, `the type of ${path}`));
      if (type === undefined) throw this.#file.fail('a shared data type is not supported');
      const filterBody = cursor(types.filters);
      const externalBody = cursor(types.externalFiles);
      const filters = filterBody === undefined ? [] : readFilters(filterBody);
      return {
        type,
        ...readDataspace(spaceBody),
        layout: readLayout(layoutBody, this.#heap, filters.length > 0),
        filters,
        external: externalBody === undefined ? [] : readExternalFiles(externalBody),
      };
    });
  }

  #object(address: number, path: string): Hdf5Object | undefined {
    const messages = this.#guard(`object ${path}`, () => readObjectHeader(this.#file, address));
    if (messages === undefined) return undefined;
    const has = (type: number) => messages.some((message) => message.type === type);
    const attributes = this.#attributes(messages, path);
    if (has(types.layout) || has(types.externalFiles)) {
      const dataset = this.#dataset(messages, path);
      return { address, path, kind: 'dataset', attributes, links: [], ...(dataset === undefined ? {} : { dataset }) };
    }
    const isGroup = has(types.symbolTable) || has(types.linkInfo) || has(types.link);
    const kind = !isGroup && has(types.datatype) ? 'datatype' : 'group';
    return { address, path, kind, attributes, links: kind === 'group' ? this.#links(messages, path) : [] };
  }

  objects(root: number): Hdf5Object[] {
    const found: Hdf5Object[] = [];
    const seen = new Set([root]);
    const queue = [{ address: root, path: '/' }];
    for (let index = 0; index < queue.length; index++) {
      this.#takePart();
      const { address, path } = queue[index];
      const object = this.#object(address, path);
      if (object === undefined) continue;
      found.push(object);
      for (const link of object.links) {
        if (link.kind !== 'hard' || seen.has(link.address)) continue;
        seen.add(link.address);
        const full = `${path === '/' ? '' : path}/${link.name}`;
        queue.push({ address: link.address, path: full.length > maxPathChars ? `…${full.slice(-200)}` : full });
      }
    }
    return found;
  }
}

/** Reads all but the data. @throws MODEL_INVALID, MODEL_INCOMPLETE when there is no tree to read at all. */
export function readHdf5(source: Source, limits: ReadHdf5Limits): Hdf5File {
  const { version, userBlockBytes, endBytes, rootAddress, bytes, extensionAddress } = readSuperblock(source);
  const heap = new GlobalHeap(bytes);
  const reader = new FileReader(bytes, heap, limits.maxParts);
  const objects = reader.objects(rootAddress);
  if (objects.length === 0)
    throw new AirlockError('MODEL_INVALID', { message: reader.problems[0] ?? 'its root group cannot be read' });
  if (extensionAddress !== undefined && extensionAddress + bytes.base + 4 > source.sizeBytes) {
    reader.problems.push('the extension of the superblock lies outside of the file');
  }
  return {
    name: source.name,
    source,
    superblockVersion: version,
    userBlockBytes,
    baseBytes: bytes.base,
    endBytes,
    objects,
    problems: reader.problems,
    text: (type, shape, data, maxBytes = 64 * 1024 ** 2) => textsOf(bytes, heap, type, shape, data, maxBytes),
    bytes: (dataset, maxBytes) => datasetBytes(bytes, dataset, maxBytes),
    storedBytes: (dataset) => storedBytesOf(bytes, dataset),
  };
}
