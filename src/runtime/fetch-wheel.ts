// Gets one wheel into a private folder: asks how pip is set up, refuses further sources and withdrawn releases, lets pip download. The wheel is not
// looked at here; whoever opens it hashes it first.
import { printable } from '../core/index.ts';
import { watchDownload } from './download-watch.ts';
import { type FoundIndex, findIndexIn } from './official-index.ts';
import { downloadWheel, type PipEnvironment, type WheelRequest } from './pip.ts';
import type { OnRuntimeProgress } from './progress.ts';
import { checkYanked, type YankedPolicy, yankedByPip, yankedReason } from './yanked.ts';

const defaultStallAfterMs = 120_000;

export interface FetchOptions extends YankedPolicy {
  readonly onProgress?: OnRuntimeProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What pip sees; default: the environment of this process. */
  readonly env?: PipEnvironment | undefined;
  /** Gives a download up after this long without a byte, and a pip that is asked how it is set up. Default 120,000. */
  readonly stallAfterMs?: number | undefined;
  /** A line for the operator about where files come from. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Private folders: pip works in `temporary` and leaves the wheel in `download`. */
export interface FetchPlaces {
  readonly temporary: string;
  readonly download: string;
}

/**
 * Leaves the wheel in `places.download`.
 * @throws PIP_MISSING, RUNTIME_UNOFFICIAL, RUNTIME_YANKED, RUNTIME_DOWNLOAD_FAILED, RUNTIME_HASH_MISMATCH, DISK_FULL, CANCELLED
 */
export async function fetchWheel(
  pin: WheelRequest,
  places: FetchPlaces,
  options: FetchOptions,
  found?: FoundIndex,
): Promise<void> {
  const env = options.env ?? process.env;
  const { signal } = options;
  const { pip, settings, index } =
    found ?? (await findIndexIn(places.temporary, { env, signal, timeoutMs: options.stallAfterMs }));
  if (settings.findLinks.length > 0) {
    const folders = settings.findLinks.map((link) => printable(link, 200)).join(', ');
    options.onNote?.(
      `pip's find-links is set: the wheel may come from ${folders}; it has to have the pinned SHA-256 all the same`,
    );
  }
  const reason = await yankedReason(pin, index, signal);
  checkYanked(pin, reason, options);
  const watch = {
    directories: [places.temporary, places.download],
    totalBytes: pin.wheelBytes,
    onProgress: options.onProgress,
    stallAfterMs: options.stallAfterMs ?? defaultStallAfterMs,
    signal,
  };
  const { temporary, download: destination } = places;
  let said: string | undefined;
  await watchDownload(watch, async (stop) => {
    said = yankedByPip(await downloadWheel({ pin, pip, env, temporary, destination, signal: stop }));
  });
  if (reason === undefined) checkYanked(pin, said, options);
}
