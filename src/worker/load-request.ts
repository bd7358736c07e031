// What the server and a worker tell each other in JSON: once per load, and when something fails. Types only.
import type { Signature } from '../tensor/index.ts';

/** The LOAD frame. The worker trusts it: it comes from the server, which trusts nothing that comes back. */
export interface LoadRequest {
  readonly ccPath: string;
  readonly frameworkPath: string;
  readonly modelDirectory: string;
  readonly tags: readonly string[];
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  /** A RUN frame's argument is a number in this list. */
  readonly signatures: readonly Signature[];
  readonly limits: {
    /** The most bytes that a RUN frame's body may have. */
    readonly maxBodyBytes: number;
    /** The most bytes that the outputs of one run may have together. */
    readonly maxOutputBytes: number;
  };
}

/** The READY frame. */
export interface ReadyAnswer {
  readonly tensorflowVersion: string;
}

/** The ERROR frame. `detail` is for the operator's log. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
}
