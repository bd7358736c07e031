// The part of a model in airlock.yaml that says what another TensorFlow is rehearsed with, and which differences of its answers are none.
import { z } from 'zod';
import type { RehearsalConfig, ToleranceConfig } from './config-types.ts';
import { field, plainText } from './fields.ts';
import { finiteNumber, namedMap, percent } from './trust-fields.ts';

function atLeast(min: number) {
  return field('number', `a number of at least ${min}`, (value) => {
    const number = finiteNumber().safeParse(value);
    return number.success && number.data >= min ? number.data : undefined;
  });
}

const outputTolerance = z.strictObject({ absolute: atLeast(0).prefault(0), relative: atLeast(0).prefault(0) });

const tolerance = z.strictObject({
  absolute: atLeast(0).prefault(1e-5),
  relative: atLeast(0).prefault(1e-4),
  outputs: namedMap(plainText('the name of an output', 512), outputTolerance, 1_000).prefault({}),
}) satisfies z.ZodType<ToleranceConfig>;

export const rehearsalSchema = z.strictObject({
  golden: plainText('a path', 4_096).exactOptional(),
  tolerance: tolerance.prefault({}),
  maxClassFlipPercent: percent().prefault(0),
  maxLatencyRatio: atLeast(1).prefault(2),
  maxMemoryRatio: atLeast(1).prefault(1.5),
}) satisfies z.ZodType<RehearsalConfig>;

/** What a model without such a section is rehearsed by. */
export const defaultRehearsalConfig: RehearsalConfig = rehearsalSchema.parse({});

export const rehearsalKeys: readonly (readonly [string, readonly string[]])[] = [
  ['models[].rehearsal', Object.keys(rehearsalSchema.shape)],
  ['models[].rehearsal.tolerance', Object.keys(tolerance.shape)],
  ['models[].rehearsal.tolerance.outputs', ['*']],
  ['models[].rehearsal.tolerance.outputs.*', Object.keys(outputTolerance.shape)],
];
