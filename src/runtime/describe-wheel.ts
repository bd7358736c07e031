// What a pin has to say about the inside of a wheel that nobody has pinned yet: the two libraries and the licences with their digests. Walks the wheel
// as strictly as an install does, and writes nothing.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { AirlockError } from '../core/index.ts';
import { libraryNames } from './pin.ts';
import type { PinnedFile } from './pin-types.ts';
import { runtimeError } from './runtime-error.ts';
import { readDirectory } from './wheel.ts';

// The library has 0.5 to 0.8 GB; a wheel's directory may claim anything.
const maxFileBytes = 4 * 1024 ** 3;

/** In this order: a licence that lies in two places is taken from the first. */
const wanted: readonly (readonly [name: string, entry: RegExp])[] = [
  [libraryNames.cc, /^tensorflow\/libtensorflow_cc\.so\.2$/],
  [libraryNames.framework, /^tensorflow\/libtensorflow_framework\.so\.2$/],
  ['THIRD_PARTY_NOTICES.txt', /^tensorflow\/THIRD_PARTY_NOTICES\.txt$/],
  ['LICENSE', /^tensorflow\/include\/LICENSE$/],
  ['LICENSE', /^[^/]+\.dist-info\/(?:licenses\/)?LICENSE$/],
];

async function digestOf(zip: ZipFile, entry: Entry, name: string, signal: AbortSignal | undefined): Promise<PinnedFile> {
  const raw: Readable = await zip.openReadStreamPromise(entry, { decodeFileData: false });
  const source = entry.compressionMethod === 0 ? raw : raw.pipe(createInflateRaw({ chunkSize: 512 * 1024 }));
  raw.on('error', (error) => source.destroy(error));
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of source as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > entry.uncompressedSize || bytes > maxFileBytes) throw invalid(`${name}: more bytes than it declares`);
    hash.update(piece);
    signal?.throwIfAborted();
  }
  if (bytes !== entry.uncompressedSize)
    throw invalid(`${name}: ${bytes} bytes instead of the declared ${entry.uncompressedSize}`);
  return { entry: entry.fileNameRaw.toString('latin1'), name, bytes, sha256: hash.digest('hex') };
}

function invalid(detail: string): AirlockError {
  return new AirlockError('RUNTIME_WHEEL_INVALID', { detail });
}

/**
 * The files that a slot would take out of an open wheel, by name. The handle stays open and belongs to the caller.
 * @throws RUNTIME_WHEEL_INVALID, also for a wheel without the two libraries or the licence (before 2.12, and on aarch64 before 2.16); CANCELLED
 */
export async function describeWheel(wheel: FileHandle, signal?: AbortSignal): Promise<readonly PinnedFile[]> {
  try {
    const zip = await yauzl.fromFdPromise(wheel.fd, { autoClose: false, decodeStrings: false });
    const entries = await readDirectory(zip);
    const found = new Map<string, PinnedFile>();
    for (const [name, pattern] of wanted) {
      const match = Array.from(entries).find(([entryName]) => pattern.test(entryName));
      if (match !== undefined && !found.has(name)) found.set(name, await digestOf(zip, match[1], name, signal));
    }
    for (const name of [libraryNames.cc, libraryNames.framework, 'LICENSE']) {
      if (!found.has(name))
        throw invalid(`${name}: missing; wheels before 2.12, and on aarch64 before 2.16, have no C API of their own`);
    }
    return Array.from(found.values()).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw runtimeError(error, 'RUNTIME_WHEEL_INVALID');
  }
}
