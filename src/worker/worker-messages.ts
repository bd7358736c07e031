// What the server and a worker tell each other in JSON: at each step of a load, and when something fails. Pure, because the server
// reads it too.
import type { Signature } from '../tensor/index.ts';

/** The PREPARE frame: the first. The worker trusts it: it comes from the server, which trusts nothing that comes back. */
export interface PrepareRequest {
  readonly ccPath: string;
  readonly frameworkPath: string;
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  /** Whether the worker gives up, before it has seen a byte of the model, everything that it does not need to serve one. */
  readonly seal: boolean;
}

/** What a worker tries before it is sealed. Each of them works in a process that nothing holds. */
export const selfTestNames = [
  'list-root',
  'read-accounts',
  'create-file',
  'tcp-socket',
  'udp-socket',
  'unix-socket',
  'netlink-socket',
  'signal-parent',
  'unshare',
  'memory-file',
] as const;

export type SelfTestName = (typeof selfTestNames)[number];

export interface SelfTestResult {
  readonly name: SelfTestName;
  readonly outcome: 'refused' | 'worked';
  /** Why it was refused, for example `EACCES`. */
  readonly errno?: string;
}

/** The PREPARED frame: TensorFlow is loaded, and the worker sealed if it was asked to. */
export interface PreparedAnswer {
  readonly tensorflowVersion: string;
  /** One for each of `selfTestNames`, in that order. */
  readonly selfTest: readonly SelfTestResult[];
}

/** The LOAD frame, after the FILE frames with the model. */
export interface LoadRequest {
  readonly tags: readonly string[];
  /** A RUN frame's argument is a number in this list. */
  readonly signatures: readonly Signature[];
  readonly limits: {
    /** The most bytes that a RUN frame's body may have. */
    readonly maxBodyBytes: number;
    /** The most bytes that the outputs of one run may have together. */
    readonly maxOutputBytes: number;
  };
  /** `denied`: no executable memory can be made any more once the model has run each signature. */
  readonly executableMemory: 'allowed' | 'denied';
}

/** The runs that come before the first request, of signatures. */
export interface WarmUp {
  readonly ran: number;
  /** Runs that TensorFlow refused: zeros are not a valid input of every model. */
  readonly failed: number;
  /** Signatures with inputs of unknown shape, or large ones. */
  readonly skipped: number;
}

/** The READY frame. */
export interface ReadyAnswer {
  readonly warmUp: WarmUp;
  /** `not deniable`: it was to be denied, and this kernel cannot. */
  readonly executableMemory: 'allowed' | 'denied' | 'not deniable';
}

/** The ERROR frame. `detail` is for the operator's log. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
}
