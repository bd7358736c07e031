// What was found of the costs of one signature while its program is walked through: each node once for each place that calls it.
import type { CostGap } from '../../cost/index.ts';
import { maxGaps } from '../../cost/index.ts';
import type { Size } from '../values/index.ts';
import { SizeSum } from './size-sum.ts';

export interface CostEntry {
  readonly node: string;
  readonly function: string | undefined;
  readonly op: string;
  readonly runs: Size | undefined;
  readonly flops: Size | undefined;
  readonly bytes: Size | undefined;
  readonly memory: Size | undefined;
}

/** Sums of what runs in one frame, branches by the dearer one. */
export interface Totals {
  readonly flops: SizeSum;
  readonly bytes: SizeSum;
}

export function newTotals(): Totals {
  return { flops: new SizeSum(), bytes: new SizeSum() };
}

export class CostLedger {
  readonly entries: CostEntry[] = [];
  readonly #gaps = new Map<string, CostGap>();

  get gaps(): readonly CostGap[] {
    return [...this.#gaps.values()];
  }

  add(entry: CostEntry): void {
    this.entries.push(entry);
  }

  gap(gap: CostGap): void {
    if (this.#gaps.size < maxGaps) this.#gaps.set(`${gap.function ?? ''} ${gap.node} ${gap.why}`, gap);
  }

  /** What has been found so far, to go back to when a loop is looked at once more. */
  mark(): () => void {
    const [entries, gaps] = [this.entries.length, new Map(this.#gaps)];
    return () => {
      this.entries.length = entries;
      this.#gaps.clear();
      for (const [key, gap] of gaps) this.#gaps.set(key, gap);
    };
  }
}
