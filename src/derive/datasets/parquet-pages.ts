// Looks at every page of one column chunk before the library decodes it. The library trusts counts: a run-length run of two billion values
// costs six bytes, and it would write them all. After this check every page inflates to what its header says, and every run and block in
// it has room in the page's number of values.
import type { Compressors } from 'hyparquet';
import { datasetError } from './dataset-error.ts';
import { walkThrift } from './thrift-walk.ts';

export interface ChunkInfo {
  readonly column: string;
  readonly codec: keyof Compressors;
  /** BOOLEAN is run-length encoded without a dictionary. */
  readonly isBoolean: boolean;
  readonly maxRepetitionLevel: number;
  readonly maxDefinitionLevel: number;
  /** As the footer says. */
  readonly values: number;
  readonly compressors: Compressors;
}

const maxPageBytes = 256 * 1024 * 1024;
const pageTypes = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const;
const encodings = { plain: 0, plainDictionary: 2, rle: 3, deltaBinary: 5, deltaLength: 6, rleDictionary: 8, split: 9 } as const;
const refusedEncodings: Readonly<Record<number, string>> = {
  1: 'GROUP_VAR_INT',
  4: 'BIT_PACKED',
  7: 'DELTA_BYTE_ARRAY',
  10: 'ALP',
};

/** @throws DATASET_INVALID for pages that do not agree with themselves or the footer, and for encodings that cannot be bounded, by name. */
export function checkPages(chunk: Buffer, info: ChunkInfo): void {
  let values = 0;
  let dictionary: number | undefined;
  for (let at = 0; at < chunk.length && values < info.values; ) {
    const { end, integers, booleans } = walkThrift(chunk, at);
    const type = integers.get('1') ?? -1;
    const size = integers.get('2') ?? -1;
    const packed = integers.get('3') ?? -1;
    if (size < 0 || size > maxPageBytes || packed < 0 || packed > chunk.length - end)
      throw damaged(info, `pages of at most ${maxPageBytes} bytes inside their column`);
    const body = chunk.subarray(end, end + packed);
    at = end + packed;
    if (type === pageTypes.index) continue;
    const prefix = type === pageTypes.data ? '5' : type === pageTypes.dictionary ? '7' : type === pageTypes.dataV2 ? '8' : '';
    const count = integers.get(`${prefix}.1`) ?? -1;
    if (prefix === '' || count < 0) throw damaged(info, 'pages of a known type');
    if (type === pageTypes.dictionary) {
      dictionary = count;
      // A value of a dictionary takes at least a bit; nothing is allocated by the count alone.
      if (count > Math.max(size, 1) * 8) throw damaged(info, 'a dictionary with bytes for its values');
      continue;
    }
    values += count;
    if (values > info.values) throw damaged(info, `${info.values} values, as the footer says`);
    if (type === pageTypes.data) checkDataPage(body, size, count, integers.get('5.2') ?? -1, dictionary, info);
    else checkDataPageV2(body, size, count, integers, booleans.get('8.7') === false, dictionary, info);
  }
  if (values !== info.values) throw damaged(info, `${info.values} values, as the footer says`);
}

function checkDataPage(
  body: Buffer,
  size: number,
  count: number,
  encoding: number,
  dictionary: number | undefined,
  info: ChunkInfo,
): void {
  const page = inflatePage(body, size, info);
  let at = 0;
  let present = count;
  for (const level of [info.maxRepetitionLevel, info.maxDefinitionLevel]) {
    if (level === 0) continue;
    if (page.length - at < 4) throw damaged(info, 'levels inside their page');
    const length = page.readUInt32LE(at);
    if (length > page.length - at - 4) throw damaged(info, 'levels inside their page');
    present = checkRuns(page.subarray(at + 4, at + 4 + length), bitWidth(level), count, info, level);
    at += 4 + length;
  }
  // Levels of definition come last: values are there where they are full.
  checkValues(page.subarray(at), encoding, info.maxDefinitionLevel === 0 ? count : present, dictionary, info);
}

function checkDataPageV2(
  body: Buffer,
  size: number,
  count: number,
  integers: ReadonlyMap<string, number>,
  isStored: boolean,
  dictionary: number | undefined,
  info: ChunkInfo,
): void {
  // Where one of these is missing the library adds undefined to its offset, and never ends.
  const [nulls, rows, , definitionBytes, repetitionBytes] = [2, 3, 4, 5, 6].map((field) => integers.get(`8.${field}`) ?? -1);
  const levels = definitionBytes + repetitionBytes;
  if (definitionBytes < 0 || repetitionBytes < 0 || levels > body.length || levels > size || nulls < 0 || nulls > count)
    throw damaged(info, 'levels inside their page');
  if (rows < 0 || rows > count) throw damaged(info, 'no more rows than values');
  if (info.maxRepetitionLevel > 0) checkRuns(body.subarray(0, repetitionBytes), bitWidth(info.maxRepetitionLevel), count, info);
  if (info.maxDefinitionLevel > 0)
    checkRuns(body.subarray(repetitionBytes, levels), bitWidth(info.maxDefinitionLevel), count, info);
  const rest = body.subarray(levels);
  const page = isStored || size === levels ? rest : inflatePage(rest, size - levels, info);
  checkValues(page, integers.get('8.4') ?? -1, count - nulls, dictionary, info);
}

function inflatePage(body: Buffer, size: number, info: ChunkInfo): Buffer {
  const inflate = info.compressors[info.codec];
  const page = info.codec === 'UNCOMPRESSED' ? body : inflate?.(body, size);
  if (page === undefined) throw datasetError({ column: info.column }, 'a known compression', info.codec);
  if (page.length !== size) throw damaged(info, 'pages of the size that they declare');
  return Buffer.from(page.buffer, page.byteOffset, page.length);
}

function checkValues(bytes: Buffer, encoding: number, count: number, dictionary: number | undefined, info: ChunkInfo): void {
  switch (encoding) {
    case encodings.plain:
    case encodings.split:
      return;
    case encodings.plainDictionary:
    case encodings.rleDictionary: {
      // Without a dictionary the library would hand out the indices as if they were the values.
      if (dictionary === undefined) throw damaged(info, 'a dictionary before its indices');
      if (count === 0 || bytes.length === 0) return;
      const width = bytes[0];
      if (width > 31) throw damaged(info, 'indices of at most 31 bits');
      if (width > 0) checkRuns(bytes.subarray(1), width, count, info);
      return;
    }
    case encodings.rle:
      if (!info.isBoolean) break;
      if (count === 0) return;
      if (bytes.length < 4 || bytes.readUInt32LE(0) > bytes.length - 4) throw damaged(info, 'runs inside their page');
      checkRuns(bytes.subarray(4, 4 + bytes.readUInt32LE(0)), 1, count, info);
      return;
    case encodings.deltaBinary:
    case encodings.deltaLength:
      if (count > 0) checkDelta(bytes, count, info);
      return;
    default:
      break;
  }
  throw datasetError(
    { column: info.column },
    'an encoding that can be bounded',
    refusedEncodings[encoding] ?? `encoding ${encoding}`,
  );
}

function bitWidth(value: number): number {
  return 32 - Math.clz32(value);
}

/**
 * The hybrid of runs and packed bits: it must stand for exactly `count` values and the padding of the last group of eight. The library
 * reads on until it has them, past the end of these bytes too, and takes what it finds there for lengths. Gives how many values are
 * `wanted`.
 */
function checkRuns(bytes: Buffer, width: number, count: number, info: ChunkInfo, wanted = 0): number {
  let values = 0;
  let found = 0;
  let at = 0;
  while (at < bytes.length && values < count) {
    const [header, end] = varint32(bytes, at, info);
    at = end;
    const isPacked = (header & 1) === 1;
    const run = header >>> 1;
    // Runs of nothing would let few bytes keep the library busy, and no writer makes them.
    if (run === 0 || (isPacked ? (run - 1) * 8 : run) > count - values) throw damaged(info, 'runs no longer than their page');
    const bytesOfRun = isPacked ? run * width : (width + 7) >> 3;
    const left = Math.min(run * (isPacked ? 8 : 1), count - values);
    // The padding of a page's last group may be cut off, but no bit of a value.
    if (at + (isPacked ? Math.ceil((left * width) / 8) : bytesOfRun) > bytes.length)
      throw damaged(info, 'runs inside their page');
    if (wanted > 0) {
      if (isPacked) found += countPacked(bytes, at, width, left, wanted);
      else if (bytes.readUIntLE(at, bytesOfRun) === wanted) found += left;
    }
    values += left;
    at += bytesOfRun;
  }
  if (values < count) throw damaged(info, 'runs as long as their page');
  return found;
}

/** Of `count` values of `width` bits each, at most 8, how many are `wanted`. */
function countPacked(bytes: Buffer, start: number, width: number, count: number, wanted: number): number {
  let found = 0;
  for (let index = 0; index < count; index++) {
    const bit = index * width;
    const at = start + (bit >> 3);
    const pair = bytes[at] | ((bytes[at + 1] ?? 0) << 8);
    if (((pair >> (bit & 7)) & ((1 << width) - 1)) === wanted) found++;
  }
  return found;
}

/** Blocks of differences: bounded widths, and numbers of at most ten bytes, whose bits the library shifts as one large integer. */
function checkDelta(bytes: Buffer, count: number, info: ChunkInfo): void {
  const [blockSize, afterSize] = varint32(bytes, 0, info);
  const [parts, afterParts] = varint32(bytes, afterSize, info);
  const [, afterCount] = varint32(bytes, afterParts, info);
  let at = skipVarint(bytes, afterCount, info);
  if (parts === 0 || parts > 512 || blockSize === 0 || blockSize % 128 !== 0 || blockSize % parts !== 0 || blockSize > 1 << 20)
    throw damaged(info, 'blocks of differences of a legal size');
  for (let values = 1; values < count; ) {
    at = skipVarint(bytes, at, info);
    const widths = bytes.subarray(at, at + parts);
    if (widths.length < parts) throw damaged(info, 'whole blocks of differences');
    at += parts;
    for (const width of widths) {
      if (values >= count) break;
      if (width > 64) throw damaged(info, 'differences of at most 64 bits');
      at += ((blockSize / parts) * width) / 8;
      values += blockSize / parts;
    }
    if (at > bytes.length + 8) throw damaged(info, 'whole blocks of differences');
  }
}

function varint32(bytes: Buffer, start: number, info: ChunkInfo): [number, number] {
  let value = 0;
  for (let at = start, scale = 1; at < bytes.length && scale <= 2 ** 28; at++, scale *= 128) {
    value += (bytes[at] & 0x7f) * scale;
    if (bytes[at] < 0x80) {
      if (value > 0x7fff_ffff) break;
      return [value, at + 1];
    }
  }
  throw damaged(info, 'numbers that fit 31 bits');
}

function skipVarint(bytes: Buffer, start: number, info: ChunkInfo): number {
  for (let at = start; at < bytes.length && at < start + 10; at++) if (bytes[at] < 0x80) return at + 1;
  throw damaged(info, 'numbers of at most ten bytes');
}

function damaged(info: ChunkInfo, expected: string) {
  return datasetError({ column: info.column }, `Parquet: ${expected}`, 'something else');
}
