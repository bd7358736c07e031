// Where the lines of `airlock serve` go when its output is a file or a pipe. Losing a line is bad, ending or standing still for it is worse: a disk that is full makes Node's
// own stream fail for good, which ends the program, and a pipe that nobody reads blocks it, with all of its models. Lines that cannot be written are dropped and counted, and
// the count is the first line that can be written again. Never used for the output of other commands, which nobody may take for whole when it is not.
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** As pino and the text log write. */
export interface LogSink {
  write(text: string): void;
}

/** Writes bytes, or throws as write(2) does; may write less. */
export type WriteBytes = (bytes: Uint8Array) => number;

/** Drops what cannot be written. `whatWasLost` makes the line that says how many lines that were. */
export class LossyLog implements LogSink {
  readonly #write: WriteBytes;
  readonly #whatWasLost: (lines: number) => string;
  /** The end of a line that a pipe took only the beginning of. */
  #pending: Uint8Array = new Uint8Array();
  #lost = 0;

  constructor(write: WriteBytes, whatWasLost: (lines: number) => string) {
    this.#write = write;
    this.#whatWasLost = whatWasLost;
  }

  /** @param text one whole line. */
  write(text: string): void {
    if (!this.#drain() || !this.#say()) this.#lost++;
    else if (!this.#put(text)) this.#lost++;
  }

  #say(): boolean {
    if (this.#lost === 0) return true;
    if (!this.#put(this.#whatWasLost(this.#lost))) return false;
    this.#lost = 0;
    return this.#pending.length === 0;
  }

  /** False where nothing of it was written. The rest of what was begun comes first next time, so that no line is mixed with another. */
  #put(text: string): boolean {
    const bytes = Buffer.from(text);
    const written = this.#attempt(bytes);
    if (written === 0 && bytes.length > 0) return false;
    this.#pending = bytes.subarray(written);
    return true;
  }

  #drain(): boolean {
    if (this.#pending.length > 0) this.#pending = this.#pending.subarray(this.#attempt(this.#pending));
    return this.#pending.length === 0;
  }

  #attempt(bytes: Uint8Array): number {
    let written = 0;
    try {
      while (written < bytes.length) written += this.#write(bytes.subarray(written));
    } catch {
      // Full, or for now: what was written is counted.
    }
    return written;
  }
}

/** A sink for the standard output; the stream itself where that is a terminal, or is not the one of this process. */
export function openLogSink(stream: Writable, whatWasLost: (lines: number) => string): LogSink {
  if (stream !== process.stdout || process.stdout.isTTY) return stream;
  const descriptor = reopened(1) ?? 1;
  return new LossyLog((bytes) => writeSync(descriptor, bytes), whatWasLost);
}

/** A pipe once more, without blocking: the flag on the one that we were given would change it for everybody who has it. */
function reopened(descriptor: number): number | undefined {
  try {
    if (!fstatSync(descriptor).isFIFO()) return undefined;
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Another user's pipe, or no /proc: it blocks then, as every program that writes to it.
    return undefined;
  }
}
