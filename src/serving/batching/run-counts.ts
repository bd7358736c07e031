// What a scheduler counts for metrics. Numbers only; it decides nothing.
import { batchSizeBounds, type RunSchedulerReport } from './run-scheduler-types.ts';

interface Now {
  readonly waiting: number;
  readonly waitingClients: number;
  readonly inFlight: number;
  readonly splits: number;
  readonly poisonsFound: number;
}

export class RunCounts {
  poisonRefusals = 0;
  overloaded = 0;
  unreachable = 0;
  expired = 0;
  #waits = 0;
  #waitedMs = 0;
  readonly #batches = batchSizeBounds.map(() => 0);
  #rows = 0;

  addWait(ms: number): void {
    this.#waits++;
    this.#waitedMs += ms;
  }

  addBatch(rows: number): void {
    this.#batches[batchSizeBounds.findIndex((bound) => rows <= bound)]++;
    this.#rows += rows;
  }

  report({ waiting, waitingClients, inFlight, splits, poisonsFound }: Now): RunSchedulerReport {
    return {
      waiting,
      waitingClients,
      inFlight,
      waits: { count: this.#waits, totalMs: this.#waitedMs },
      batchRows: { counts: [...this.#batches], total: this.#rows },
      splits,
      poisoned: { found: poisonsFound, refused: this.poisonRefusals },
      refused: { overloaded: this.overloaded, unreachable: this.unreachable },
      expired: this.expired,
    };
  }
}
