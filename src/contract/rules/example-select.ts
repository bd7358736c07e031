// Writes a tf.Example anew without some of its features. What stays is copied byte by byte: nothing is decoded and encoded again.
import type { FeaturePlace } from './example-index.ts';

/** A message with these entries, in this order. `bytes` is what their places point into. */
export function selectFeatures(bytes: Uint8Array, kept: Iterable<FeaturePlace>): Uint8Array {
  const entries = Array.from(kept, ({ entryStart, entryEnd }) => bytes.subarray(entryStart, entryEnd));
  const size = entries.reduce((sum, { length }) => sum + length, 0);
  const head = [0x0a];
  let rest = size;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) head.push((rest % 0x80) | 0x80);
  head.push(rest);
  return Buffer.concat([Uint8Array.from(head), ...entries]);
}
