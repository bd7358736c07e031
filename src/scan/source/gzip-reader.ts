// Reads gzip data: one member after the other, bounded by what is left of the scan's allowance. What follows the last member is reported:
// most readers pass over it.
import { crc32, inflateRawSync } from 'node:zlib';
import { AirlockError, isAirlockError } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import type { ArchiveMember } from './archive-member.ts';
import { maxHeldBytes, memorySource } from './memory-source.ts';
import { damaged, payExpanded, reportFile } from './report-file.ts';

const flag = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;
const bomb = { ratio: 200, minBytes: 64 * 1024 ** 2 } as const;
const maxMembers = 10_000;
/** What a member may grow to although the size at the end of the file says less: that is the last member's only. */
const leastBytes = 256 * 1024 ** 2;

/** Where the compressed data begins, and the file's name. */
function readHeader(bytes: Buffer, start: number, label: string): { dataStart: number; name: string } {
  if (bytes.length < start + 10) throw damaged(label, 'its header is cut short');
  if (bytes[start + 2] !== 8) throw damaged(label, 'it is compressed in an unknown way');
  const flags = bytes[start + 3];
  if ((flags & 0xe0) !== 0) throw damaged(label, 'its header has unknown flags');
  let at = start + 10;
  let name = '';
  const skipText = (): string => {
    const nul = bytes.indexOf(0, at);
    if (nul === -1) throw damaged(label, 'its header is cut short');
    const text = bytes.toString('latin1', at, Math.min(nul, at + 1024));
    at = nul + 1;
    return text;
  };
  if ((flags & flag.extra) !== 0) {
    if (bytes.length < at + 2) throw damaged(label, 'its header is cut short');
    at += 2 + bytes.readUInt16LE(at);
  }
  if ((flags & flag.name) !== 0) name = skipText();
  if ((flags & flag.comment) !== 0) skipText();
  if ((flags & flag.headerCrc) !== 0) at += 2;
  return { dataStart: at, name };
}

interface Inflated {
  readonly bytes: Buffer;
  readonly consumedBytes: number;
}

/** Deflate cannot do more: what claims to is no size but data behind the end. */
const maxRatio = 1040;

function tooLarge(archive: Source, sizeBytes: number, context: ScanContext): AirlockError {
  const message = `${archive.name} grows to ${sizeBytes} bytes or more`;
  const argument = { name: 'size', value: String(sizeBytes) };
  reportFile(context, 'memory/archive-bomb', { file: archive.name, trigger: 'parse', message, argument });
  return new AirlockError('MODEL_INVALID', { message: `${archive.name} grows too large` });
}

/** The size at the end is right for a file of one member: with it, nothing has to be put together, which would take the memory twice. */
function chunkBytes(bytes: Buffer, maxBytes: number): number {
  const announced = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4);
  return announced > 65_536 && announced <= Math.min(maxBytes, bytes.length * maxRatio) ? announced : 65_536;
}

function inflate(bytes: Buffer, archive: Source, maxBytes: number, context: ScanContext): Inflated {
  try {
    // The types of Node do not know `info`.
    const options = { info: true, maxOutputLength: Math.max(1, maxBytes), chunkSize: chunkBytes(bytes, maxBytes) };
    const result = inflateRawSync(bytes, options) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    return { bytes: result.buffer, consumedBytes: result.engine.bytesWritten };
  } catch (thrown) {
    if (isAirlockError(thrown)) throw thrown;
    const isTooLarge = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge(archive, maxBytes, context) : damaged(archive.name, 'it cannot be inflated');
  }
}

/** What the data is called: the name in the header, or the archive's without `.gz`. */
function nameOf(archive: Source, written: string): string {
  const own = archive.name.slice(archive.name.lastIndexOf('/') + 1);
  if (/\.tgz$/i.test(own)) return `${own.slice(0, -4)}.tar`;
  if (/\.gz$/i.test(own)) return own.slice(0, -3);
  const plain = written.slice(written.lastIndexOf('/') + 1);
  return plain === '' ? 'data' : plain;
}

/**
 * The data of a gzip file as the only member of an archive.
 * @throws MODEL_INVALID when it is damaged or grows past what the scan may hold.
 */
export function readGzip(archive: Source, context: ScanContext): ArchiveMember {
  if (archive.sizeBytes > context.limits.maxGraphBytes)
    throw new AirlockError('MODEL_INVALID', { message: `${archive.name} is too large` });
  const bytes = archive.read(0, archive.sizeBytes);
  const parts: Buffer[] = [];
  let name = '';
  let total = 0;
  let at = 0;
  // An honest bomb says how large it is: then nothing is inflated.
  const claimed = bytes.length < 18 ? 0 : bytes.readUInt32LE(bytes.length - 4);
  const allowed = Math.min(context.limits.maxExpandedBytes, context.limits.maxGraphBytes, maxHeldBytes);
  if (claimed > allowed && claimed < bytes.length * maxRatio) throw tooLarge(archive, claimed, context);
  const limit = Math.min(allowed, Math.max(claimed, leastBytes));
  while (at + 2 <= bytes.length && bytes.readUInt16BE(at) === 0x1f8b && parts.length < maxMembers) {
    const header = readHeader(bytes, at, archive.name);
    if (parts.length === 0) name = nameOf(archive, header.name);
    const part = inflate(bytes.subarray(header.dataStart), archive, limit - total, context);
    payExpanded(context, part.bytes.length, archive.name);
    const end = header.dataStart + part.consumedBytes;
    if (end + 8 > bytes.length) throw damaged(archive.name, 'its end is missing');
    if (bytes.readUInt32LE(end) !== crc32(part.bytes)) throw damaged(archive.name, 'its checksum is wrong');
    if (bytes.readUInt32LE(end + 4) !== part.bytes.length % 2 ** 32) throw damaged(archive.name, 'its size is wrong');
    parts.push(part.bytes);
    total += part.bytes.length;
    at = end + 8;
  }
  if (parts.length === 0) throw damaged(archive.name, 'it is no gzip data');
  if (total >= bomb.minBytes && total > bytes.length * bomb.ratio) {
    reportFile(context, 'memory/archive-bomb', {
      file: archive.name,
      severity: 'medium',
      trigger: 'parse',
      message: `${archive.name} grows from ${bytes.length} to ${total} bytes`,
      argument: { name: 'size', value: String(total) },
    });
  }
  if (bytes.subarray(at).some((byte) => byte !== 0)) {
    reportFile(context, 'payload/archive-remainder', {
      file: archive.name,
      message: `${archive.name} has ${bytes.length - at} bytes after its end`,
      offset: at,
    });
  }
  const content = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  const source = memorySource(`${archive.name}!/${name}`, content);
  return { name, kind: 'file', sizeBytes: content.length, mode: 0, source: () => source };
}
