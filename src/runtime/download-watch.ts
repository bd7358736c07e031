// Watches the bytes that pip writes, because pip tells its progress to terminals only: reports them, and gives up on a download
// that no longer moves. It never touches the files.
import { AirlockError } from '../core/index.ts';
import type { OnRuntimeProgress } from './progress.ts';
import { measureTree } from './staging.ts';

const pollMs = 200;

export interface WatchOptions {
  readonly directories: readonly string[];
  readonly totalBytes: number;
  readonly onProgress: OnRuntimeProgress | undefined;
  /** Without a new byte for this long the download is given up. */
  readonly stallAfterMs: number;
  readonly signal: AbortSignal | undefined;
}

async function arrivedBytes(directories: readonly string[], totalBytes: number): Promise<number> {
  const uses = await Promise.all(directories.map((directory) => measureTree(directory)));
  // pip copies the finished wheel, so for a moment it is there twice.
  return Math.min(
    totalBytes,
    uses.reduce((sum, use) => sum + use.bytes, 0),
  );
}

/** Runs `download` with a signal that fires when the caller's does or when nothing arrives any more. Errors: RUNTIME_DOWNLOAD_FAILED after a stall, and what `download` throws. */
export async function watchDownload(options: WatchOptions, download: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stalled = new AbortController();
  const signal = options.signal === undefined ? stalled.signal : AbortSignal.any([options.signal, stalled.signal]);
  let doneBytes = 0;
  let changedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const poll = async () => {
    const bytes = await arrivedBytes(options.directories, options.totalBytes);
    if (bytes > doneBytes) {
      doneBytes = bytes;
      changedMs = performance.now();
      options.onProgress?.({ step: 'download', doneBytes, totalBytes: options.totalBytes });
    }
    if (performance.now() - changedMs > options.stallAfterMs) stalled.abort();
    else if (timer !== undefined) timer = setTimeout(tick, pollMs);
  };
  const tick = () => void poll();
  options.onProgress?.({ step: 'download', doneBytes, totalBytes: options.totalBytes });
  timer = setTimeout(tick, pollMs);
  try {
    await download(signal);
    options.onProgress?.({ step: 'download', doneBytes: options.totalBytes, totalBytes: options.totalBytes });
  } catch (error) {
    if (!stalled.signal.aborted || options.signal?.aborted === true) throw error;
    const seconds = Math.round(options.stallAfterMs / 1000);
    throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', {
      message: `The download of TensorFlow stood still for ${seconds} s and was given up; check the network and run this again`,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    timer = undefined;
  }
}
