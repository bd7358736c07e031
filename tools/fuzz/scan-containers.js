// Writes and reads what models are packed in, for fuzzing: sorted tables, Riegeli records, zip, tar and gzip. The checksums are right, so that
// damage inside gets past them.
import { brotliCompressSync, crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { bytesField, numberField, varint } from './scan-protobuf.js';

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function tableBlock(entries) {
  const parts = entries.map(([key, value]) => Buffer.concat([varint(0), varint(key.length), varint(value.length), key, value]));
  const restarts = [];
  let at = 0;
  for (const part of parts) {
    restarts.push(uint32(at));
    at += part.length;
  }
  if (restarts.length === 0) restarts.push(uint32(0));
  return Buffer.concat([...parts, ...restarts, uint32(restarts.length)]);
}

/** `[key, value]` as a sorted table with one block of data (table_builder.cc). */
export function sortedTable(entries, maskedCrc32c) {
  const stored = [];
  let length = 0;
  const add = (block) => {
    const handle = Buffer.concat([varint(length), varint(block.length)]);
    const bytes = Buffer.concat([block, Buffer.from([0])]);
    stored.push(bytes, uint32(maskedCrc32c(bytes)));
    length += bytes.length + 4;
    return handle;
  };
  const data = add(tableBlock(entries));
  const meta = add(tableBlock([]));
  const index = add(tableBlock([[Buffer.concat([entries.at(-1)?.[0] ?? Buffer.alloc(0), Buffer.from('z')]), data]]));
  const footer = Buffer.concat([meta, index]);
  return Buffer.concat([...stored, footer, Buffer.alloc(40 - footer.length), Buffer.from('57fb808b247547db', 'hex')]);
}

const blockBytes = 65_536;

class RiegeliLayout {
  parts = [];
  length = 0;

  put(part) {
    this.parts.push(part);
    this.length += part.length;
  }

  chunk(bytes, records) {
    const start = this.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.length % blockBytes === 0) this.put(Buffer.alloc(24));
      const part = bytes.subarray(at, at + blockBytes - (this.length % blockBytes));
      this.put(part);
      at += part.length;
    }
    if (this.length < start + records) this.put(Buffer.alloc(start + records - this.length));
    return start;
  }
}

function riegeliChunk(type, data, records = 0, decodedBytes = 0) {
  const header = Buffer.alloc(40);
  header.writeBigUInt64LE(BigInt(data.length), 8);
  header.write(type, 24, 'latin1');
  header.writeUIntLE(records, 25, 6);
  header.writeBigUInt64LE(BigInt(decodedBytes), 32);
  return Buffer.concat([header, data]);
}

/** Each list of records becomes a chunk. */
export function riegeli(chunks, isPacked = true) {
  const layout = new RiegeliLayout();
  const positions = [];
  const pack = (bytes) =>
    isPacked ? Buffer.concat([varint(bytes.length), brotliCompressSync(bytes, { params: { 1: 1 } })]) : bytes;
  layout.chunk(riegeliChunk('s', Buffer.alloc(0)), 0);
  for (const records of chunks) {
    const sizes = pack(Buffer.concat(records.map(({ length }) => varint(length))));
    const values = Buffer.concat(records);
    const data = Buffer.concat([Buffer.from(isPacked ? 'b' : '\0', 'latin1'), varint(sizes.length), sizes, pack(values)]);
    const start = layout.chunk(riegeliChunk('r', data, records.length, values.length), records.length);
    for (let index = 0; index < records.length; index++) positions.push(start + index);
  }
  const bytes = Buffer.concat(layout.parts);
  Buffer.from('83af70d10d884a3f', 'hex').copy(bytes, 0);
  return { bytes, positions };
}

const tagOf = (step) => {
  if (typeof step === 'number') return bytesField(1, numberField(1, step));
  return bytesField(1, 'index' in step ? numberField(3, step.index) : bytesField(2, bytesField(1, step.key)));
};

/** The records of a chunked SavedModel, and what says how they belong together; the first has no path. */
export function chunkRecords(chunks, isPacked) {
  const bodies = chunks.map(({ bytes }) => bytes);
  const { positions } = riegeli([bodies], isPacked);
  const infos = chunks.map(({ bytes, isBytes }, index) =>
    bytesField(
      2,
      Buffer.concat([numberField(1, isBytes === true ? 2 : 1), numberField(2, bytes.length), numberField(3, positions[index])]),
    ),
  );
  const fields = chunks.flatMap(({ path }, index) =>
    path === undefined ? [] : [bytesField(2, Buffer.concat([...path.map(tagOf), bytesField(3, numberField(1, index))]))],
  );
  return { bodies, metadata: Buffer.concat([...infos, bytesField(3, Buffer.concat([numberField(1, 0), ...fields]))]) };
}

/** `{name, bytes, isStored, mode}` as a zip; `headers` says where the numbers stand. */
export function zip(members) {
  const parts = [];
  const directory = [];
  const headers = [];
  let at = 0;
  for (const { name, bytes, isStored = false, mode = 0 } of members) {
    const label = Buffer.from(name);
    const packed = isStored ? bytes : deflateRawSync(bytes, { level: 1 });
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(0x800, 2);
    facts.writeUInt16LE(isStored ? 0 : 8, 4);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(label.length, 22);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    facts.copy(central, 6);
    central.writeUInt16LE(3 * 256 + 20, 4);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(at, 42);
    directory.push(central, label);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), facts, label, packed);
    headers.push([at, at + 30]);
    at += 30 + label.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length & 0xffff, 8);
  end.writeUInt16LE(members.length & 0xffff, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  headers.push([at, at + central.length + 22]);
  return { bytes: Buffer.concat([...parts, central, end]), headers };
}

/** The members of a sound zip. */
export function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (end === -1) return [];
  const members = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let count = bytes.readUInt16LE(end + 10); count > 0 && at + 46 <= end; count--) {
    const nameBytes = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(start, start + bytes.readUInt32LE(at + 20));
    const name = bytes.toString('utf8', at + 46, at + 46 + nameBytes);
    const isStored = bytes.readUInt16LE(at + 10) === 0;
    members.push({ name, isStored, bytes: isStored ? packed : inflateRawSync(packed) });
    at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return members;
}

/** The checksum of a tar header, made right. */
export function sealTar(header) {
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** `{name, bytes, type, link}` as headers and contents of a tar. */
export function tarParts(members) {
  return members.map(({ name, bytes = Buffer.alloc(0), type = '0', link = '' }) => {
    const header = Buffer.alloc(512);
    header.write(name.slice(0, 100), 0);
    header.write('0000644\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    header.write(link.slice(0, 100), 157);
    header.write('ustar\x0000', 257, 'latin1');
    return { header: sealTar(header), content: Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]) };
  });
}

export const joinTar = (parts) =>
  Buffer.concat([...parts.flatMap(({ header, content }) => [header, content]), Buffer.alloc(1024)]);

export function gzip(bytes, name = '') {
  const head = Buffer.from([0x1f, 0x8b, 8, name === '' ? 0 : 8, 0, 0, 0, 0, 0, 3]);
  const label = name === '' ? Buffer.alloc(0) : Buffer.from(`${name}\0`);
  return Buffer.concat([head, label, deflateRawSync(bytes, { level: 1 }), uint32(crc32(bytes)), uint32(bytes.length)]);
}
