// What a command may touch of the process. Commands get it as an argument and reach for nothing else, so tests can run them.
import type { Writable } from 'node:stream';

export interface Io {
  /** Results, for people or as JSON. */
  readonly stdout: Writable;
  /** Progress, warnings and errors. */
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True when `stderr` is a terminal that can redraw a line. */
  readonly isTerminal: boolean;
}
