// How much work may go into the costs of one signature. A hostile model must not keep the scan busy: what the budget does not pay for has no bound. Steps are
// counted, so that the same model gets the same answer on every machine; the clock only ends what counting did not foresee.

export const unitsPerNode = 5_000;

/** Of all signatures together. */
export interface WorkLimits {
  /** One unit is some nanoseconds; a node that is looked at takes `unitsPerNode`. */
  readonly maxUnits: number;
  readonly maxMs: number;
}

/** Ten times what the largest models take that are known here. */
export const defaultWork: WorkLimits = { maxUnits: 1_500_000_000, maxMs: 5_000 };
/** Units between two looks at the clock. */
const clockUnits = 2_000_000;

export class WorkBudget {
  #units: number;
  #untilClock = clockUnits;
  readonly #deadlineMs: number;

  constructor(units: number, deadlineMs: number) {
    this.#units = units;
    this.#deadlineMs = deadlineMs;
  }

  get isUsedUp(): boolean {
    return this.#units < 0;
  }

  get units(): number {
    return Math.max(0, this.#units);
  }

  /** False when it is used up: whoever asked gives up. */
  take(units: number): boolean {
    this.#units -= units;
    this.#untilClock -= units;
    if (this.#untilClock < 0) {
      this.#untilClock = clockUnits;
      if (performance.now() > this.#deadlineMs) this.#units = -1;
    }
    return this.#units >= 0;
  }
}

/** Budgets one after another: each gets its share of what those before it left. */
export function* sharedBudgets(count: number, { maxUnits, maxMs }: WorkLimits): Generator<WorkBudget, void> {
  let units = maxUnits;
  const endMs = performance.now() + maxMs;
  for (let left = count; left > 0; left--) {
    const share = units / left;
    const nowMs = performance.now();
    const budget = new WorkBudget(share, nowMs + Math.max(0, endMs - nowMs) / left);
    yield budget;
    units -= share - budget.units;
  }
}
