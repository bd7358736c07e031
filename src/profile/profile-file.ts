// An OpProfile as the text of a file, and back. The file lies in the store, which only the server may write; it is read strictly all the same, because what it says
// becomes limits and metrics.
import { z } from 'zod';
import { AirlockError, jsonOrUndefined } from '../core/index.ts';
import { maxNodes, maxOps, OpProfile, type OpStats } from './op-profile.ts';
import { QuantileSketch } from './quantile-sketch.ts';

/** A longer file is none of ours: two sketches of 480 buckets for each of 2,304 names. */
export const maxProfileFileBytes = 64 * 1024 * 1024;

const count = z.int().min(0);
const amount = z.number().min(0);
const sketch = z.array(z.tuple([count, count])).max(512);
const name = z.string().max(2_048);

const statsSchema = z.strictObject({
  name,
  op: name,
  runs: count,
  times: count,
  totalUs: amount,
  maxUs: amount,
  peakBytes: count,
  timeUs: sketch,
  bytes: sketch,
});

const fileSchema = z.strictObject({
  format: z.literal(1),
  /** What tells the version's content from any other; limits that were learned of other files say nothing. */
  identity: z.string().max(1_024),
  tensorflow: z.string().max(64),
  runs: count,
  totalUs: amount,
  peakBytes: count,
  ops: z.array(statsSchema).max(maxOps + 1),
  nodes: z.array(statsSchema).max(maxNodes),
});

/** What a profile was made of. */
export interface ProfileOrigin {
  readonly identity: string;
  readonly tensorflow: string;
}

export function writeProfile(profile: OpProfile, { identity, tensorflow }: ProfileOrigin): string {
  const statsOf = (all: ReadonlyMap<string, OpStats>) =>
    [...all].map(([name, stats]) => ({ name, ...stats, timeUs: stats.timeUs.entries(), bytes: stats.bytes.entries() }));
  const { runs, totalUs, peakBytes, ops, nodes } = profile;
  return JSON.stringify({ format: 1, identity, tensorflow, runs, totalUs, peakBytes, ops: statsOf(ops), nodes: statsOf(nodes) });
}

/** @throws PROFILE_INVALID */
export function readProfile(text: string): ProfileOrigin & { readonly profile: OpProfile } {
  if (text.length > maxProfileFileBytes) throw new AirlockError('PROFILE_INVALID', { detail: 'the file is too large' });
  const read = fileSchema.safeParse(jsonOrUndefined(text));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new AirlockError('PROFILE_INVALID', { detail: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? ''}` });
  }
  const { identity, tensorflow, ops, nodes, ...sums } = read.data;
  return { identity, tensorflow, profile: OpProfile.from({ ...sums, ops: statsFrom(ops), nodes: statsFrom(nodes) }) };
}

function statsFrom(list: readonly z.infer<typeof statsSchema>[]): Map<string, OpStats> {
  const all = new Map<string, OpStats>();
  for (const { name, ...stats } of list) {
    const timeUs = QuantileSketch.from(stats.timeUs);
    const bytes = QuantileSketch.from(stats.bytes);
    if (timeUs === undefined || bytes === undefined)
      throw new AirlockError('PROFILE_INVALID', { detail: 'a distribution is none' });
    if (all.has(name)) throw new AirlockError('PROFILE_INVALID', { detail: 'a name stands there twice' });
    all.set(name, { ...stats, timeUs, bytes });
  }
  return all;
}
