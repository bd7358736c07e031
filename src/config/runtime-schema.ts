// The runtime section of airlock.yaml: which TensorFlow serves, which further ones may be installed, and how soon one with published
// vulnerabilities has to be replaced.
import { z } from 'zod';
import type { PatchWithin, RolloutConfig, RuntimeConfig } from './config-types.ts';
import { plainText, tensorflowVersion, wholeNumber } from './fields.ts';
import { schedule } from './scan-schema.ts';
import { duration, durationOrNone } from './trust-fields.ts';

const dayMs = 24 * 3_600_000;

const patchWithin = z.strictObject({
  critical: duration().default(2 * dayMs),
  high: duration().default(7 * dayMs),
  medium: duration().default(30 * dayMs),
  low: duration().exactOptional(),
}) satisfies z.ZodType<PatchWithin>;

const rollout = z.strictObject({
  observeMs: durationOrNone().default(600_000),
  maxFailedPercent: wholeNumber(0, 100).default(1),
  mirrorPercent: wholeNumber(0, 100).default(5),
}) satisfies z.ZodType<RolloutConfig>;

export const runtimeSchema = z.strictObject({
  tensorflow: tensorflowVersion().default('2.21.0'),
  pins: plainText('a path', 4_096).exactOptional(),
  patchWithin: patchWithin.prefault({}),
  whenOverdue: z.enum(['warn', 'refuse']).default('warn'),
  maxAdvisoryAgeMs: duration().default(30 * dayMs),
  verify: schedule().prefault('@daily'),
  rollout: rollout.prefault({}),
}) satisfies z.ZodType<RuntimeConfig>;

/** What an airlock.yaml without a runtime section says. */
export const defaultRuntimeConfig: RuntimeConfig = runtimeSchema.parse({});

export const runtimeKeys: readonly (readonly [string, readonly string[]])[] = [
  ['runtime', Object.keys(runtimeSchema.shape)],
  ['runtime.patchWithin', Object.keys(patchWithin.shape)],
  ['runtime.rollout', Object.keys(rollout.shape)],
];
