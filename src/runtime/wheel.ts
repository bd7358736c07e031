// Takes a few known files out of a wheel whose SHA-256 was already checked, and refuses a wheel with anything odd in it.
// Everything is decided from the central directory: a local header that says something else is the oldest trick with zip files,
// so nothing in one is believed. No name from the wheel ever becomes a path; files are written under the names of the pin.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { AirlockError, printable } from '../core/index.ts';
import type { PinnedFile } from './pin-types.ts';
import { runtimeError } from './runtime-error.ts';

// The wheels have 13,000 to 18,000 entries that unpack to 1.0 to 1.3 GB, with names of up to 163 bytes.
const maxEntries = 100_000;
const maxNameBytes = 1024;
const maxTotalBytes = 8 * 1024 ** 3;

const flagEncrypted = 0x0001;
const flagPatched = 0x0020;
const flagStrongEncryption = 0x0040;
const flagMaskedHeaders = 0x2000;
const forbiddenFlags = flagEncrypted | flagPatched | flagStrongEncryption | flagMaskedHeaders;

const methodStored = 0;
const methodDeflated = 8;

export interface ExtractOptions {
  /** The files to take; each must be there with exactly these bytes. */
  readonly files: readonly PinnedFile[];
  /** An existing folder that only this user can write. */
  readonly directory: string;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

function invalid(detail: string): AirlockError {
  return new AirlockError('RUNTIME_WHEEL_INVALID', { detail });
}

/** Why an entry's name may not appear in a wheel; undefined when it may. */
export function faultOfName(name: string): string | undefined {
  if (name === '' || name.length > maxNameBytes) return 'a name that is empty or too long';
  // Zip knows two encodings of names and an extra field that overrides them, and readers disagree; the wheels need none of that.
  if (!/^[ -~]*$/.test(name)) return 'a character that is not printable ASCII in a name';
  if (/[\\:]/.test(name)) return 'a backslash or colon in a name';
  if (name.startsWith('/')) return 'an absolute name';
  const segments = name.replace(/\/$/, '').split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return 'a name with an empty, . or .. part';
  return undefined;
}

function faultOfEntry(entry: Entry, name: string): string | undefined {
  // The high half is a Unix mode whatever system the entry claims to come from: unpackers disagree on when they honour it.
  const type = (entry.externalFileAttributes >>> 16) & constants.S_IFMT;
  const isFolder = name.endsWith('/');
  if (type !== 0 && type !== (isFolder ? constants.S_IFDIR : constants.S_IFREG))
    return 'an entry that is a link or a special file';
  if ((entry.generalPurposeBitFlag & forbiddenFlags) !== 0) return 'an encrypted or patched entry';
  if (entry.compressionMethod !== methodStored && entry.compressionMethod !== methodDeflated)
    return 'an unknown compression method';
  if (isFolder && entry.uncompressedSize !== 0) return 'a folder with content';
  return undefined;
}

/** Walks the whole central directory, also the entries that nobody wants: one odd entry condemns the wheel. */
export async function readDirectory(zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  if (zip.entryCount > maxEntries) throw invalid(`${zip.entryCount} entries`);
  const entries = new Map<string, Entry>();
  let totalBytes = 0;
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileNameRaw.toString('latin1');
    const fault = faultOfName(name) ?? faultOfEntry(entry, name);
    if (fault !== undefined) throw invalid(`${fault}: ${printable(name, 200)}`);
    if (entries.has(name)) throw invalid(`an entry that is there twice: ${printable(name, 200)}`);
    totalBytes += entry.uncompressedSize;
    if (totalBytes > maxTotalBytes) throw invalid(`more than ${maxTotalBytes} bytes when unpacked`);
    entries.set(name, entry);
  }
  return entries;
}

/** Writes an inflated stream while it checks that size, CRC and SHA-256 are the declared and pinned ones. */
async function writeChecked(
  source: AsyncIterable<Buffer>,
  target: FileHandle,
  entry: Entry,
  file: PinnedFile,
  onBytes: ExtractOptions['onBytes'],
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  let crc = 0;
  for await (const piece of source) {
    bytes += piece.length;
    // Before the write: a bomb must not reach the disk.
    if (bytes > entry.uncompressedSize) throw invalid(`${file.entry}: more bytes than it declares`);
    crc = crc32(piece, crc);
    hash.update(piece);
    await target.writeFile(piece);
    onBytes?.(piece.length);
  }
  if (bytes !== entry.uncompressedSize)
    throw invalid(`${file.entry}: ${bytes} bytes instead of the declared ${entry.uncompressedSize}`);
  if (crc !== entry.crc32) throw invalid(`${file.entry}: its CRC is not the declared one`);
  if (hash.digest('hex') !== file.sha256) throw invalid(`${file.entry}: its SHA-256 is not the pinned one`);
}

async function extractEntry(zip: ZipFile, entry: Entry, file: PinnedFile, options: ExtractOptions): Promise<void> {
  const raw: Readable = await zip.openReadStreamPromise(entry, { decodeFileData: false });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const target = await open(join(options.directory, file.name), flags, 0o444);
  try {
    const sink = (source: AsyncIterable<Buffer>) => writeChecked(source, target, entry, file, options.onBytes);
    const signal = options.signal;
    const pipelineOptions = signal === undefined ? {} : { signal };
    if (entry.compressionMethod === methodStored) await pipeline(raw, sink, pipelineOptions);
    // Node's 16 KiB default would mean 50,000 writes for one library.
    else await pipeline(raw, createInflateRaw({ chunkSize: 512 * 1024 }), sink, pipelineOptions);
    await target.chmod(0o444);
    await target.sync();
  } finally {
    await target.close();
  }
}

/**
 * Writes the pinned files of an open wheel into a folder, mode 0444, synced. The handle stays open and belongs to the caller.
 * Limits: 100,000 entries, names of 1024 bytes, 8 GiB unpacked.
 * Errors: RUNTIME_WHEEL_INVALID (`detail` says why), DISK_FULL, STORE_NOT_WRITABLE, CANCELLED.
 */
export async function extractWheel(wheel: FileHandle, options: ExtractOptions): Promise<void> {
  try {
    // ZipFile.close() would close the descriptor under the handle that owns it, so it is never called.
    const zip = await yauzl.fromFdPromise(wheel.fd, { autoClose: false, decodeStrings: false });
    const entries = await readDirectory(zip);
    const wanted = options.files.map((file) => ({ file, entry: entries.get(file.entry) }));
    for (const { file, entry } of wanted) {
      if (entry === undefined) throw invalid(`${file.entry}: missing`);
      if (entry.uncompressedSize !== file.bytes)
        throw invalid(`${file.entry}: ${entry.uncompressedSize} bytes instead of ${file.bytes}`);
      await extractEntry(zip, entry, file, options);
    }
  } catch (error) {
    throw runtimeError(error, 'RUNTIME_WHEEL_INVALID');
  }
}
