// What happens to models while they are served, for the log, the audit log and the metrics. No client and nothing of a request is in an event.
import type { AirlockError } from '../core/index.ts';
import type { OverLimit } from '../profile/index.ts';
import type { Provenance } from './admission.ts';
import type { RunSchedulerEvent } from './batching/run-scheduler-types.ts';
import type { Adjustment } from './limits/adjustment-notices.ts';
import type { ScannedVersion } from './scan-gate.ts';
import type { ViolationNotice } from './violation-notices.ts';
import type { WorkersChange } from './workers/worker-pool-options.ts';

export type ServingEvent =
  | {
      /** Its signatures were accepted and its files are the signed ones; it is not loaded yet. */
      readonly kind: 'verified';
      readonly model: string;
      readonly version: bigint;
      readonly provenance: Provenance;
    }
  | {
      /** It was scanned and may be loaded; it is not loaded yet. */
      readonly kind: 'scanned';
      readonly model: string;
      readonly version: bigint;
      readonly scanned: ScannedVersion;
    }
  | ({ readonly kind: 'workers'; readonly model: string; readonly version: bigint } & WorkersChange)
  | ({ readonly kind: 'violations'; readonly model: string; readonly version: bigint } & ViolationNotice)
  | {
      /** The model carries a contract and none is configured: what the contract says beyond the graph is not checked. */
      readonly kind: 'contractUnused';
      readonly model: string;
      readonly version: bigint;
      readonly contract: { readonly id: string; readonly revision: number };
    }
  /** What came of running requests together, or of one that ended its worker. */
  | { readonly kind: 'scheduled'; readonly model: string; readonly version: bigint; readonly scheduled: RunSchedulerEvent }
  /** A traced run in which operations went beyond their limits. @see overLimitText */
  | { readonly kind: 'overLimit'; readonly model: string; readonly version: bigint; readonly found: readonly OverLimit[] }
  /** The server changed one of its own limits, within the bounds of the configuration. */
  | ({ readonly kind: 'adjusted'; readonly model: string; readonly version: bigint } & Adjustment)
  | { readonly kind: 'available' | 'unloaded' | 'restarted'; readonly model: string; readonly version: bigint }
  | {
      readonly kind: 'failed' | 'refused' | 'restarting';
      readonly model: string;
      readonly version?: bigint;
      readonly error: AirlockError;
    };
