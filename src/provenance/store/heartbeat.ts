// Shows other machines and containers that something in the store is still needed: process ids mean nothing to them, times of files do.
import { lstat, utimes } from 'node:fs/promises';
import { isDeadOwner, isLocalOwner } from '../../core/index.ts';

export const heartbeatMs: number = 5 * 60 * 1000;

/** Long enough for clocks that differ, and for a machine that was busy. */
export const silentAfterMs: number = 60 * 60 * 1000;

/** Renews the times of files and folders until they are taken out. Does not keep the process alive. */
export class Heartbeat {
  readonly #places = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  add(place: string): void {
    this.#places.add(place);
    this.#timer ??= setInterval(() => void this.#beat(), heartbeatMs).unref();
  }

  delete(place: string): void {
    this.#places.delete(place);
    if (this.#places.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #beat(): Promise<void> {
    const now = new Date();
    // One that was removed by hand is noticed where it is used.
    await Promise.allSettled([...this.#places].map((place) => utimes(place, now, now)));
  }
}

/**
 * Whether whoever put `mark` on `place` needs it no more: the process is gone or, where that cannot be seen from here, nothing has been heard
 * of it for an hour. False for a place that is gone.
 */
export async function isAbandoned(mark: string, place: string): Promise<boolean> {
  if (isLocalOwner(mark)) return isDeadOwner(mark);
  const stats = await lstat(place).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > silentAfterMs;
}
