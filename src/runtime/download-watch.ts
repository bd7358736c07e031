// Watches the bytes that pip writes, because pip tells its progress to terminals only: reports them, and gives up on a download
// that no longer moves. It never touches the files.
import { AirlockError } from '../core/index.ts';
import type { OnRuntimeProgress } from './progress.ts';
import { measureTree } from './staging.ts';

const pollMs = 200;

/** pip copies the finished wheel, so for a moment it is there twice; the rest is for what else pip keeps in its folder. */
const spareBytes = 64 * 1024 * 1024;

export interface WatchOptions {
  readonly directories: readonly string[];
  readonly totalBytes: number;
  readonly onProgress: OnRuntimeProgress | undefined;
  /** Without a new byte for this long the download is given up. */
  readonly stallAfterMs: number;
  readonly signal: AbortSignal | undefined;
}

async function arrivedBytes(directories: readonly string[]): Promise<number> {
  const uses = await Promise.all(directories.map((directory) => measureTree(directory)));
  return uses.reduce((sum, use) => sum + use.bytes, 0);
}

/**
 * Runs `download` with a signal that fires when the caller's does, when nothing arrives any more, or when more arrives than the file can have: an index
 * that never ends would otherwise fill the disk, since only a finished file is hashed. Errors: RUNTIME_DOWNLOAD_FAILED then, and what `download` throws.
 */
export async function watchDownload(options: WatchOptions, download: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const given = new AbortController();
  let why = '';
  const giveUp = (text: string): void => {
    why = text;
    given.abort();
  };
  const signal = options.signal === undefined ? given.signal : AbortSignal.any([options.signal, given.signal]);
  let doneBytes = 0;
  let changedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const poll = async () => {
    const arrived = await arrivedBytes(options.directories);
    if (arrived > 2 * options.totalBytes + spareBytes) return giveUp('brought more bytes than the wheel has');
    const bytes = Math.min(options.totalBytes, arrived);
    if (bytes > doneBytes) {
      doneBytes = bytes;
      changedMs = performance.now();
      options.onProgress?.({ step: 'download', doneBytes, totalBytes: options.totalBytes });
    }
    if (performance.now() - changedMs > options.stallAfterMs)
      giveUp(`stood still for ${Math.round(options.stallAfterMs / 1000)} s`);
    else if (timer !== undefined) timer = setTimeout(tick, pollMs);
  };
  const tick = () => void poll();
  options.onProgress?.({ step: 'download', doneBytes, totalBytes: options.totalBytes });
  timer = setTimeout(tick, pollMs);
  try {
    await download(signal);
    options.onProgress?.({ step: 'download', doneBytes: options.totalBytes, totalBytes: options.totalBytes });
  } catch (error) {
    if (!given.signal.aborted || options.signal?.aborted === true) throw error;
    throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', {
      message: `The download of TensorFlow ${why} and was given up; check the network and run this again`,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    timer = undefined;
  }
}
