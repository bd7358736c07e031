// The parts of airlock.yaml that say what requests may cost, how many workers a model has, and how its requests run together.
import { z } from 'zod';
import type { BatchingConfig, ConcurrencyConfig, OpLimits, ShareLimits, WorkersConfig } from './config-types.ts';
import { field, plainText, wholeNumber } from './fields.ts';
import { finiteNumber, namedMap } from './trust-fields.ts';

const hourMs = 3_600_000;
const maxMiB = 1024 * 1024;
/** Floating-point operations; more than any machine does in an hour. */
const maxOperations = 1e21;
const maxConcurrent = 1_000_000;

/** Also as `5e9`. */
function operations() {
  return field('number', `a number from 1 to ${maxOperations}`, (value) => {
    const number = finiteNumber().safeParse(value);
    return number.success && number.data >= 1 && number.data <= maxOperations ? number.data : undefined;
  });
}

const shareFields = z.strictObject({
  maxConcurrent: wholeNumber(1, maxConcurrent).exactOptional(),
  maxMemoryMiB: wholeNumber(1, maxMiB).exactOptional(),
  costPerSecond: operations().exactOptional(),
  costBurst: operations().exactOptional(),
});

const share = shareFields.superRefine((value, context) => {
  if (value.costBurst === undefined || value.costPerSecond !== undefined) return;
  const params = { rule: 'required', expected: 'costPerSecond beside it', got: 'none' };
  context.addIssue({ code: 'custom', path: ['costBurst'], params });
}) satisfies z.ZodType<ShareLimits>;

const opFields = z.strictObject({
  maxMs: wholeNumber(1, hourMs).exactOptional(),
  maxMiB: wholeNumber(1, maxMiB).exactOptional(),
});

const op = opFields.superRefine((value, context) => {
  if (value.maxMs !== undefined || value.maxMiB !== undefined) return;
  context.addIssue({ code: 'custom', params: { rule: 'required', expected: 'maxMs, maxMiB or both', got: 'neither' } });
}) satisfies z.ZodType<OpLimits>;

/** Fields of `models[].limits`, beside those of the worker. */
export const costLimitFields = {
  cpuMs: wholeNumber(1, hourMs).exactOptional(),
  maxCost: operations().exactOptional(),
  maxRequestMemoryMiB: wholeNumber(1, maxMiB).exactOptional(),
  unknownCost: z.enum(['allow', 'refuse']).default('allow'),
  perClient: share.exactOptional(),
  perModel: share.exactOptional(),
  ops: namedMap(plainText('the type of an operation', 256), op, 1_000).prefault({}),
  nodes: namedMap(plainText('the name of a node', 1_024), op, 1_000).prefault({}),
};

const workerFields = z.strictObject({
  min: wholeNumber(1, 64).default(1),
  max: wholeNumber(1, 64).exactOptional(),
  sleepAfterMs: wholeNumber(100, 24 * hourMs).exactOptional(),
});

export const workersSchema = workerFields
  .superRefine(({ min, max }, context) => {
    if (max === undefined || max >= min) return;
    const params = { rule: 'order', expected: `at least min, ${min}`, got: String(max) };
    context.addIssue({ code: 'custom', path: ['max'], params });
  })
  .transform(({ max, ...rest }): WorkersConfig => ({ ...rest, max: max ?? rest.min }));

export const batchingSchema = z.strictObject({
  maxRows: wholeNumber(2, 65_536).default(32),
  maxDelayMs: wholeNumber(0, 10_000).default(2),
}) satisfies z.ZodType<BatchingConfig>;

const concurrencyFields = z.strictObject({
  min: wholeNumber(1, maxConcurrent).default(1),
  max: wholeNumber(1, maxConcurrent).default(64),
});

export const concurrencySchema = concurrencyFields.superRefine(({ min, max }, context) => {
  if (max >= min) return;
  const params = { rule: 'order', expected: `at least min, ${min}`, got: String(max) };
  context.addIssue({ code: 'custom', path: ['max'], params });
}) satisfies z.ZodType<ConcurrencyConfig>;

export const machineSchema = z.strictObject({ memoryMiB: wholeNumber(64, 16 * maxMiB).exactOptional() });

export const resourceKeys: readonly (readonly [string, readonly string[]])[] = [
  ['limits.machine', Object.keys(machineSchema.shape)],
  ['models[].limits.perClient', Object.keys(shareFields.shape)],
  ['models[].limits.perModel', Object.keys(shareFields.shape)],
  ['models[].limits.ops', ['*']],
  ['models[].limits.ops.*', Object.keys(opFields.shape)],
  ['models[].limits.nodes', ['*']],
  ['models[].limits.nodes.*', Object.keys(opFields.shape)],
  ['models[].workers', Object.keys(workerFields.shape)],
  ['models[].batching', Object.keys(batchingSchema.shape)],
  ['models[].concurrency', Object.keys(concurrencyFields.shape)],
];
