// Hashes files of an open model, large ones first, and copies them on the way where that is asked for. Each is opened from the model's own
// descriptor, hashed from that descriptor and copied from the bytes that were hashed.
import type { FileHandle } from 'node:fs/promises';
import type { AirlockError } from '../../core/index.ts';
import type { Manifest } from '../provenance-types.ts';
import { type DigestJob, type DigestResult, digestFile, doneIndex, stopIndex } from './digest-file.ts';
import { digestPool } from './digest-pool.ts';
import type { ListedFile } from './list-tree.ts';
import { assertNotCancelled, storeError } from './store-error.ts';
import type { EntryProblem, Tree } from './tree.ts';

export interface ReadOptions {
  /** At most every 100 ms, and at the end. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DigestFilesOptions extends ReadOptions {
  readonly hashType: Manifest['hashType'];
  /** Makes the file into which one is copied; closed here. */
  readonly target?: (name: string) => Promise<FileHandle>;
}

/** `changed`: it has another size than when it was listed. */
export type FileOutcome = { readonly digest: string } | { readonly problem: EntryProblem | 'changed' };

/** Below this, all in all, a thread costs more than it brings; as one file it takes 3 ms, in pieces of under 1 ms. */
const inProcessBytes = 4 * 1024 * 1024;
const progressMs = 100;

/**
 * The digests of `files` by name.
 * @throws CANCELLED; DISK_FULL, STORE_NOT_WRITABLE or INTERNAL when a copy cannot be written.
 */
export async function digestFiles(
  tree: Tree,
  files: readonly ListedFile[],
  options: DigestFilesOptions,
): Promise<ReadonlyMap<string, FileOutcome>> {
  const totalBytes = sizeOf(files);
  const shared = new SharedArrayBuffer(16);
  const state = new BigInt64Array(shared);
  const report = (): void => options.onProgress?.(Number(Atomics.load(state, doneIndex)), totalBytes);
  const stop = (): void => void Atomics.store(state, stopIndex, 1n);
  const isSmall = totalBytes < inProcessBytes;
  const run = isSmall ? digestFile : (job: DigestJob) => digestPool.run(job);
  const waiting = [...files].sort((a, b) => a.sizeBytes - b.sizeBytes);
  const outcomes = new Map<string, FileOutcome>();
  const lane = async (): Promise<void> => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      assertNotCancelled(options.signal);
      // While the others last, no core is idle; a file that is more than half of all outlasts them.
      const overlaps = isSmall || file.sizeBytes * 2 > totalBytes;
      outcomes.set(file.name, await digestOne(tree, file, options, (job) => run({ ...job, overlaps, shared })));
    }
  };
  let failure: AirlockError | undefined;
  const fail = (thrown: unknown): void => {
    // The first one counts: it makes the other lanes stop, which they report too.
    failure ??= storeError(thrown);
    waiting.length = 0;
    stop();
  };
  const timer = setInterval(report, progressMs);
  options.signal?.addEventListener('abort', stop);
  try {
    await Promise.all(Array.from({ length: isSmall ? 1 : digestPool.capacity }, () => lane().catch(fail)));
    assertNotCancelled(options.signal);
    if (failure !== undefined) throw failure;
    report();
    return outcomes;
  } finally {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', stop);
  }
}

/** In bytes. */
export function sizeOf(files: readonly ListedFile[]): number {
  return files.reduce((sum, file) => sum + file.sizeBytes, 0);
}

async function digestOne(
  tree: Tree,
  file: ListedFile,
  options: DigestFilesOptions,
  run: (job: Omit<DigestJob, 'overlaps' | 'shared'>) => Promise<DigestResult>,
): Promise<FileOutcome> {
  const source = await tree.openFile(file.name);
  if (typeof source === 'string') return { problem: source };
  let target: FileHandle | undefined;
  try {
    // Limits and free space were judged by the size that was listed.
    if (source.sizeBytes !== file.sizeBytes) return { problem: 'changed' };
    target = await options.target?.(file.name);
    const result = await run({
      source: source.handle.fd,
      target: target?.fd,
      sizeBytes: source.sizeBytes,
      algorithm: options.hashType === 'sha256' ? 'sha256' : 'blake2b512',
    });
    if ('digest' in result) return result;
    if (result.failed === 'source') return { problem: 'unreadable' };
    throw Object.assign(new Error(`${result.failed}: ${result.code}`), { code: result.code });
  } finally {
    await Promise.all([source.handle.close(), target?.close()]);
  }
}
