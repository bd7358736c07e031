// What reach.ts works with: the triggers as bits, which calls keep what hangs loose, and how a call is named in a chain.
import type { Trigger } from '../scan-types.ts';
import type { Call } from './graph-types.ts';

/** In the order of bits. `load` is both loaders; `none` is for graphs in strings that nothing runs. */
export const bits = ['load-cpp', 'load-python', 'inference', 'api', 'saver', 'none'] as const;
export type BitTrigger = (typeof bits)[number];
export const saverBit = 1 << bits.indexOf('saver');
export const bothLoaders = 3;
export const unreached = -1;

/**
 * Calls through these instantiate the function for several devices, and what leads to none of its returns or control returns is pruned. All others
 * may keep its stateful nodes. In TensorFlow 2.21 a WriteFile that hangs loose wrote its file in functions of MapDataset and ReduceDataset, in
 * branches and loop bodies that are not lowered or lie inside such a function, and in a function that a graph calls by an operation of its name.
 */
export const pruningOps: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

export const bitsOf = (trigger: Trigger): readonly BitTrigger[] =>
  trigger === 'load' ? ['load-cpp', 'load-python'] : bits.filter((bit) => bit === trigger);

export function viaOf({ kind, attr, callee }: Call): string {
  const name = callee.function ?? '';
  if (kind === 'gradient') return `gradient ${name}`;
  if (kind === 'implements') return `implements ${name}`;
  return attr === '' ? `calls ${name}` : `calls ${name} (${attr})`;
}
