// One line on a terminal that shows how far a job with a known number of bytes is; in a pipe or a log one plain line when it begins.
// It writes to stderr only, so that results on stdout stay machine-readable, and never decides anything.
import type { Io } from './io.ts';

const redrawMs = 100;
const maxBarChars = 30;
const defaultColumns = 80;
const clearLine = '\r\u001b[2K';

export interface ProgressBar {
  /** How far the job is; drawn at most ten times a second. */
  update(doneBytes: number): void;
  /** Ends the line with what was done and how fast. */
  finish(): void;
  /** Takes an unfinished bar off the screen, before an error is printed. */
  clear(): void;
}

/** `274 MB`, `1.2 GB`, `900 B`: powers of 1000, three digits at most. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999.5 rounds to 1000, which belongs to the next unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

function columnsOf(io: Io): number {
  const columns = 'columns' in io.stderr ? Number(io.stderr.columns) : Number.NaN;
  return Number.isInteger(columns) && columns > 0 ? columns : defaultColumns;
}

function drawBar(label: string, doneBytes: number, totalBytes: number, seconds: number, columns: number): string {
  const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 0;
  const rate = seconds > 0.2 && doneBytes > 0 ? `  ${formatBytes(doneBytes / seconds)}/s` : '';
  const numbers = `${String(Math.floor(share * 100)).padStart(3)} %  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}`;
  const barChars = Math.min(maxBarChars, columns - label.length - numbers.length - 7);
  const filled = Math.round(share * barChars);
  const bar = barChars >= 5 ? `[${'#'.repeat(filled)}${'-'.repeat(barChars - filled)}] ` : '';
  // A line that wraps cannot be redrawn.
  return `${label}  ${bar}${numbers}`.slice(0, columns - 1);
}

/** A bar for `totalBytes` of work. `label` must be our own words: it is printed as it is. `nowMs` is for tests. */
export function createProgressBar(
  io: Io,
  label: string,
  totalBytes: number,
  nowMs: () => number = () => performance.now(),
): ProgressBar {
  const startedMs = nowMs();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let doneBytes = 0;
  const seconds = () => (nowMs() - startedMs) / 1000;
  if (!io.isTerminal) io.stderr.write(`${label} (${formatBytes(totalBytes)})\n`);
  return {
    update(bytes) {
      doneBytes = bytes;
      if (!io.isTerminal || nowMs() - drawnMs < redrawMs) return;
      drawnMs = nowMs();
      io.stderr.write(`${clearLine}${drawBar(label, doneBytes, totalBytes, seconds(), columnsOf(io))}`);
    },
    finish() {
      if (!io.isTerminal) return;
      const rate = doneBytes / Math.max(seconds(), 0.001);
      io.stderr.write(`${clearLine}${label}: ${formatBytes(doneBytes)} in ${seconds().toFixed(1)} s (${formatBytes(rate)}/s)\n`);
    },
    clear() {
      if (io.isTerminal) io.stderr.write(clearLine);
    },
  };
}
