// Turns what a worker prints into bounded, printable lines. A worker may be in a model's hands: it may print megabytes, no newline
// at all, terminal escapes, or lines that look like the server's own. None of that may cost the server memory or forge its log.
import type { Readable } from 'node:stream';
import { printable } from '../core/index.ts';

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** Printable, at most `maxLineCharacters` long before escaping. */
  readonly text: string;
}

export interface LogLimits {
  /** Default 1000. */
  readonly maxLineCharacters: number;
  /** Lines passed on per second; the others are counted. Default 20. */
  readonly maxLinesPerSecond: number;
  /** Bytes read per second; then the pipe is left to fill, and the worker waits. Default 256 KiB. */
  readonly maxBytesPerSecond: number;
}

export const defaultLogLimits: LogLimits = { maxLineCharacters: 1000, maxLinesPerSecond: 20, maxBytesPerSecond: 256 * 1024 };

const windowMs = 1000;

/** Reads `source` to its end and calls `onLine` within the limits. One line says how many were dropped in a second. */
export function captureLog(
  source: Readable,
  stream: LogLine['stream'],
  onLine: (line: LogLine) => void,
  limits: LogLimits = defaultLogLimits,
): void {
  let partial = '';
  let lines = 0;
  let dropped = 0;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const emit = (latin1: string): void => {
    lines++;
    // Counted before anything is made of it: a worker can print a quarter of a million newlines in a second.
    if (lines > limits.maxLinesPerSecond) dropped++;
    else onLine({ stream, text: printable(decode(latin1, limits), limits.maxLineCharacters) });
  };
  const endWindow = (): void => {
    timer = undefined;
    if (dropped > 0) onLine({ stream, text: `${dropped} more lines were dropped` });
    lines = 0;
    dropped = 0;
    bytes = 0;
    source.resume();
  };

  source.setEncoding('latin1');
  source.on('data', (chunk: string) => {
    timer ??= setTimeout(endWindow, windowMs).unref();
    bytes += chunk.length;
    if (bytes > limits.maxBytesPerSecond) source.pause();
    const pieces = (partial + chunk).split('\n');
    partial = pieces.pop() ?? '';
    for (const piece of pieces) emit(piece);
    if (partial.length > limits.maxLineCharacters * 4) {
      emit(partial);
      partial = '';
    }
  });
  source.on('error', () => {
    // The pipe broke because the worker was killed; its exit is reported elsewhere.
  });
  source.on('close', () => {
    if (partial !== '') emit(partial);
    clearTimeout(timer);
    endWindow();
  });
}

/** Cut before it is decoded; a character that is cut in two becomes a replacement character. */
function decode(latin1: string, limits: LogLimits): string {
  return Buffer.from(latin1.slice(0, limits.maxLineCharacters * 4), 'latin1').toString('utf8');
}
