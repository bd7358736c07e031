// What requests took while so many of them were under way, at a ladder of such numbers. The question it answers is whether more at one time pay: N
// requests under way that take R each are N/R answers in a second (Little's law), so a step up from one number to the next pays as far as N grows faster than R.

/** One measurement. */
export interface CurvePoint {
  /** Requests under way, on average. */
  readonly underWay: number;
  /** The geometric mean: one request that takes a hundred times as long moves it little. */
  readonly latencyMs: number;
  /** Variance of the logarithm of that mean. */
  readonly variance: number;
  readonly atMs: number;
}

/** How much of a step up becomes throughput: 1 all of it, 0 nothing, negative where less comes out. */
export interface Gain {
  readonly value: number;
  /** One standard error of it. */
  readonly error: number;
}

/** Between one number and the next; what lies between two neighbours has to be larger than what is left of the noise. */
const ladderRatio = 1.5;
/** Two loads that differ by less, in logarithms, say nothing about each other. */
const leastDistance = 0.08;
/** A point that is older is of another time. */
const freshMs = 60_000;

/** The numbers that a limit may have: `min`, `max`, and between them each about half as much again as the one before. */
export function ladder(min: number, max: number): readonly number[] {
  const steps = [min];
  for (let step = min; ; ) {
    step = Math.max(step + 1, Math.round(step * ladderRatio));
    // No last step that is too small to be told from the one before it.
    if (step * 1.2 >= max) break;
    steps.push(step);
  }
  return max > min ? [...steps, max] : steps;
}

export class ConcurrencyCurve {
  readonly #points: (CurvePoint | undefined)[];

  constructor(length: number) {
    this.#points = Array.from({ length }, () => undefined);
  }

  put(level: number, point: CurvePoint): void {
    this.#points[level] = point;
  }

  /** What was measured there lately. */
  point(level: number, nowMs: number): CurvePoint | undefined {
    const point = this.#points[level];
    return point !== undefined && nowMs - point.atMs <= freshMs ? point : undefined;
  }

  /** Between a level and the next lower one; undefined where nothing can be said. */
  gain(level: number, nowMs: number): Gain | undefined {
    const [low, high] = [this.point(level - 1, nowMs), this.point(level, nowMs)];
    if (low === undefined || high === undefined) return undefined;
    const distance = Math.log(high.underWay / low.underWay);
    if (!(distance >= leastDistance)) return undefined;
    const slower = Math.log(high.latencyMs / low.latencyMs);
    return { value: 1 - slower / distance, error: Math.sqrt(high.variance + low.variance) / distance };
  }
}
