// SHA-256 of an open file, with constant memory. It takes a handle and never a path: whoever hashes a path and opens it again
// afterwards may be given another file.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { assertNotCancelled } from './runtime-error.ts';

// 1 MiB: the hash keeps the event loop busy for 0.7 ms at a time, and larger pieces are not faster.
const pieceBytes = 1024 * 1024;

export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

export interface HashOptions {
  /** Reading stops past this many bytes, so that a file which grows for ever cannot hold us; the digest then says more bytes than this. */
  readonly maxBytes: number;
  /** Called with the bytes of each piece. */
  readonly onBytes?: ((pieceBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The digest of everything in `handle`. Errors: CANCELLED. Reads the next piece in the thread pool while it hashes this one. */
export async function hashHandle(handle: FileHandle, options: HashOptions): Promise<FileDigest> {
  const hash = createHash('sha256');
  let current = Buffer.allocUnsafe(pieceBytes);
  let next = Buffer.allocUnsafe(pieceBytes);
  let bytes = 0;
  let pending = handle.read(current, 0, pieceBytes, 0);
  try {
    for (;;) {
      const { bytesRead } = await pending;
      if (bytesRead === 0 || bytes > options.maxBytes) break;
      bytes += bytesRead;
      pending = handle.read(next, 0, pieceBytes, bytes);
      hash.update(current.subarray(0, bytesRead));
      [current, next] = [next, current];
      options.onBytes?.(bytesRead);
      assertNotCancelled(options.signal);
    }
  } finally {
    // The handle must not be closed under a read that is still under way.
    await pending.catch(() => undefined);
  }
  return { bytes, sha256: hash.digest('hex') };
}
