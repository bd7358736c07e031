// What a rehearsal works with and what it found, between its parts. Data only.
import type { ErrorCode } from '../core/index.ts';
import type { RehearsalVerdict } from '../runtime/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { OutputComparison } from './compare-outputs.ts';

/** Where a request comes from: a file of the operator's, a recording, the model's own warm-up requests, or made up from its contract. */
export type RequestSource = 'golden' | 'recorded' | 'warmup' | 'generated';

export const requestSources: readonly RequestSource[] = ['golden', 'recorded', 'warmup', 'generated'];

export interface RehearsalRequest {
  readonly source: RequestSource;
  /** Name of the signature. */
  readonly signature: string;
  /** In the order of its inputs. */
  readonly tensors: readonly Tensor[];
}

/** Requests of one model, and those that could not be used. */
export interface CollectedRequests {
  readonly requests: readonly RehearsalRequest[];
  /** For people: lines that are no request of this model, recordings of another signature. */
  readonly notes: readonly string[];
}

/** Milliseconds of the requests that both answered, of some more than once; empty when there was none. */
export interface Timings {
  readonly median: number;
  readonly p99: number;
  /** Each of them. */
  readonly all: readonly number[];
}

/** How one TensorFlow fared with one model. */
export interface SideReport {
  readonly tensorflow: string;
  /** Undefined when it loaded. */
  readonly loadError: { readonly code: ErrorCode; readonly message: string } | undefined;
  readonly times: Timings;
  /** Of the worker, after the last request; undefined where it is not known. */
  readonly memoryBytes: number | undefined;
  /** How often the worker died. */
  readonly restarts: number;
}

/** Requests by how both ended, `answered` or a code of an error. */
export interface EndingCount {
  readonly old: 'answered' | ErrorCode;
  readonly now: 'answered' | ErrorCode;
  readonly count: number;
}

/** One version of one model on both. */
export interface ModelRehearsal {
  readonly name: string;
  readonly version: string;
  readonly identity: string;
  readonly verdict: RehearsalVerdict;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
  /** Requests that were replayed, by where they came from. */
  readonly sources: Readonly<Record<RequestSource, number>>;
  /** Requests that both answered. */
  readonly answered: number;
  readonly endings: readonly EndingCount[];
  readonly outputs: readonly OutputComparison[];
  readonly old: SideReport;
  readonly now: SideReport;
}
