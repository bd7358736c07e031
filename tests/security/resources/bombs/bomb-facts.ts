// What each bomb takes at which size, and what the scan says of it.
import type { Bomb } from './bomb-graph.ts';
import { bombs } from './bombs.ts';

const floatsPerMiB = 2 ** 18;

interface Facts {
  /** The size that takes so many MiB, or most of a second. */
  readonly harmful: (mebibytes: number) => number;
  /** More than any machine has. */
  readonly absurd: number;
  /** The rule of the scan that refuses the absurd size when it is a constant. */
  readonly rule: string;
  readonly takes?: 'time';
  /** In CI it meets the limits of a worker too; each costs a worker's restart. */
  readonly isShort?: true;
}

export interface Case extends Facts {
  readonly bomb: Bomb;
}

/** In the order of what they take when nothing holds them: TensorFlow keeps what it once had, so each has to take more than those before it to be seen. */
const facts: Readonly<Record<string, Facts>> = {
  fill: { harmful: (mebibytes) => mebibytes * floatsPerMiB, absurd: 1.5e10, rule: 'memory/large-tensor', isShort: true },
  tile: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 16, absurd: 1e10, rule: 'memory/large-tensor' },
  broadcast_to: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 16, absurd: 1e9, rule: 'memory/large-tensor' },
  range: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 2, absurd: 7e10, rule: 'memory/large-tensor' },
  one_hot: { harmful: (mebibytes) => Math.sqrt(mebibytes * floatsPerMiB), absurd: 120_000, rule: 'memory/large-tensor' },
  attention: { harmful: (mebibytes) => Math.sqrt(mebibytes * floatsPerMiB), absurd: 90_000, rule: 'memory/large-tensor' },
  wide_rows: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 100_000, absurd: 150_000, rule: 'memory/large-tensor' },
  branch: { harmful: (mebibytes) => Math.sqrt((mebibytes * floatsPerMiB) / 2), absurd: 90_000, rule: 'memory/large-tensor' },
  list_growth: { harmful: (mebibytes) => 2 * mebibytes, absurd: 1e6, rule: 'memory/list-growth' },
  // The last round holds the text that it makes and the one that it is made of.
  string_doubling: {
    harmful: (mebibytes) => Math.ceil(Math.log2(mebibytes * 2 ** 20)),
    absurd: 60,
    rule: 'memory/loop-growth',
    isShort: true,
  },
  nested_loops: { harmful: () => 250, absurd: 1e6, rule: 'hang/long-loop', takes: 'time' },
  endless_loop: { harmful: () => 1, absurd: 1, rule: 'hang/endless-loop', takes: 'time', isShort: true },
};

const byName = new Map(bombs.map((bomb) => [bomb.name, bomb]));
export const cases: readonly Case[] = Object.entries(facts).flatMap(([name, fact]) => {
  const bomb = byName.get(name);
  return bomb === undefined ? [] : [{ bomb, ...fact }];
});
