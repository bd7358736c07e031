// What operations took over many traced runs: per type of operation and per node, bounded however many names a worker makes up. One run is one request, or one batch of
// them. Decides nothing.
import { QuantileSketch } from './quantile-sketch.ts';
import type { RunProfile } from './run-profile.ts';

/** Types of operations that are told apart; the rest is counted together, under an empty name. TensorFlow has 1,500, and no model a tenth of them. */
export const maxOps = 256;
/** Nodes that are told apart; the rest is not counted: their types are. */
export const maxNodes = 2_048;

/** Of one operation type or node, over the runs in which it ran. */
export interface OpStats {
  /** Type of the operation, of a node too. */
  readonly op: string;
  /** Traced runs in which it ran. */
  readonly runs: number;
  /** Times that it ran in them: more than once in a loop, or as several nodes of one type. */
  readonly times: number;
  /** Its own time in all runs. */
  readonly totalUs: number;
  /** The most that it took in one run, all its times together. */
  readonly maxUs: number;
  /** The most that it had allocated at one time. */
  readonly peakBytes: number;
  /** Of its time in one run. */
  readonly timeUs: QuantileSketch;
  /** Of the most that it had allocated in one run. */
  readonly bytes: QuantileSketch;
}

export type MutableStats = { -readonly [Key in keyof OpStats]: OpStats[Key] };

export function emptyStats(op: string): MutableStats {
  return { op, runs: 0, times: 0, totalUs: 0, maxUs: 0, peakBytes: 0, timeUs: new QuantileSketch(), bytes: new QuantileSketch() };
}

/** Of one run. */
export interface RunSums {
  readonly op: string;
  times: number;
  us: number;
  peakBytes: number;
}

/** What each type of operation and each node took in one run; times add up, of memory the most at one time counts. */
export function sumsOf({ nodes }: RunProfile): { readonly ops: Map<string, RunSums>; readonly nodes: Map<string, RunSums> } {
  const ops = new Map<string, RunSums>();
  const byNode = new Map<string, RunSums>();
  const add = (sums: Map<string, RunSums>, name: string, op: string, us: number, peakBytes: number): void => {
    const sum = sums.get(name);
    if (sum === undefined) {
      sums.set(name, { op, times: 1, us, peakBytes });
      return;
    }
    sum.times++;
    sum.us += us;
    if (peakBytes > sum.peakBytes) sum.peakBytes = peakBytes;
  };
  for (const { node, op, selfUs, peakBytes } of nodes) {
    add(ops, op, op, selfUs, peakBytes);
    add(byNode, node, op, selfUs, peakBytes);
  }
  return { ops, nodes: byNode };
}

export class OpProfile {
  readonly #ops = new Map<string, MutableStats>();
  readonly #nodes = new Map<string, MutableStats>();
  #runs = 0;
  #totalUs = 0;
  #peakBytes = 0;

  /** Traced runs. */
  get runs(): number {
    return this.#runs;
  }

  /** Of all runs together, from their first node to their last. */
  get totalUs(): number {
    return this.#totalUs;
  }

  /** The most that a run had allocated at one time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  get ops(): ReadonlyMap<string, OpStats> {
    return this.#ops;
  }

  get nodes(): ReadonlyMap<string, OpStats> {
    return this.#nodes;
  }

  add(profile: RunProfile): void {
    this.#runs++;
    this.#totalUs += profile.durationUs;
    this.#peakBytes = Math.max(this.#peakBytes, profile.peakBytes);
    const { ops, nodes } = sumsOf(profile);
    for (const [name, sums] of ops) addRun(this.#ops.has(name) || this.#ops.size < maxOps ? name : '', this.#ops, sums);
    for (const [name, sums] of nodes) if (this.#nodes.has(name) || this.#nodes.size < maxNodes) addRun(name, this.#nodes, sums);
  }

  /** Those that took the most time, with their share (0 to 1) of the time of all operations; never `_SOURCE` and the like, which take none. */
  top(of: 'ops' | 'nodes', count: number): readonly { readonly name: string; readonly op: string; readonly share: number }[] {
    let allUs = 0;
    for (const { totalUs } of this.#ops.values()) allUs += totalUs;
    return [...(of === 'ops' ? this.#ops : this.#nodes)]
      .sort(([, a], [, b]) => b.totalUs - a.totalUs)
      .slice(0, count)
      .map(([name, { op, totalUs }]) => ({ name, op, share: allUs > 0 ? totalUs / allUs : 0 }));
  }

  /** One that was kept. The maps must be within the bounds, and belong to it from now on. */
  static from(kept: {
    readonly runs: number;
    readonly totalUs: number;
    readonly peakBytes: number;
    readonly ops: ReadonlyMap<string, OpStats>;
    readonly nodes: ReadonlyMap<string, OpStats>;
  }): OpProfile {
    const profile = new OpProfile();
    profile.#runs = kept.runs;
    profile.#totalUs = kept.totalUs;
    profile.#peakBytes = kept.peakBytes;
    for (const [name, stats] of kept.ops) profile.#ops.set(name, { ...stats });
    for (const [name, stats] of kept.nodes) profile.#nodes.set(name, { ...stats });
    return profile;
  }
}

function addRun(name: string, all: Map<string, MutableStats>, { op, times, us, peakBytes }: RunSums): void {
  let stats = all.get(name);
  if (stats === undefined) {
    stats = emptyStats(name === '' ? '' : op);
    all.set(name, stats);
  }
  stats.runs++;
  stats.times += times;
  stats.totalUs += us;
  stats.maxUs = Math.max(stats.maxUs, us);
  stats.peakBytes = Math.max(stats.peakBytes, peakBytes);
  stats.timeUs.add(us);
  stats.bytes.add(peakBytes);
}
