// The parts of airlock.yaml that say whether requests may be recorded: who can read a recording, how much is kept, and for each model what never gets into one.
// Both parts must be there before anything of a model is kept.
import { z } from 'zod';
import type { ModelRecordingConfig, RecordingConfig } from './config-types.ts';
import { field, plainText, wholeNumber } from './fields.ts';
import { distinct, duration, finiteNumber } from './trust-fields.ts';

const dayMs = 24 * 3_600_000;

/** Of age's X25519: Bech32 of 32 bytes, so always 62 characters. Whether the checksum fits is found out when the recorder is opened. */
function recipient() {
  return field('recipient', 'a recipient of age such as `airlock record keys` prints: age1 and 58 more characters', (value) =>
    typeof value === 'string' && /^age1[02-9ac-hj-np-z]{58}$/.test(value) ? value : undefined,
  );
}

/** A share of the requests: above 0, at most 100. */
export function percent() {
  return finiteNumber().refine((value) => value > 0 && value <= 100, {
    params: { rule: 'percent', expected: 'a number above 0 and at most 100', got: 'another number' },
  });
}

export const recordingSchema = z.strictObject({
  recipients: distinct(recipient(), 1, 16),
  maxMiB: wholeNumber(1, 1024 * 1024).default(256),
  keepFor: duration().default(30 * dayMs),
  maxSamplePercent: percent().default(10),
}) satisfies z.ZodType<RecordingConfig>;

/** An input by its name, or a feature of an input of serialized tf.Examples as `input.feature`. */
export const modelRecordingSchema = z.strictObject({
  redact: distinct(plainText('the name of an input, or input.feature', 512), 0, 256).default([]),
}) satisfies z.ZodType<ModelRecordingConfig>;

export const recordingKeys: readonly (readonly [string, readonly string[]])[] = [
  ['recording', Object.keys(recordingSchema.shape)],
  ['models[].recording', Object.keys(modelRecordingSchema.shape)],
];
