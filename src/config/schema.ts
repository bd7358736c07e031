// The one schema of airlock.yaml: every key, its bounds and its default. A key that is not here is an error, never ignored.
// Upper bounds are there so that a slip of the keyboard (ten more zeros) is not a limit that limits nothing.
import { z } from 'zod';
import type { RateLimits, SandboxConfig, VersionPolicy } from './config-types.ts';
import { isLoopback, listenAddress, plainText, versionNumber, wholeNumber } from './fields.ts';
import { modelRecordingSchema, recordingKeys, recordingSchema } from './recording-schema.ts';
import { rehearsalKeys, rehearsalSchema } from './rehearsal-schema.ts';
import {
  batchingSchema,
  concurrencySchema,
  costLimitFields,
  machineSchema,
  resourceKeys,
  workersSchema,
} from './resources-schema.ts';
import { runtimeKeys, runtimeSchema } from './runtime-schema.ts';
import { scanKeys, scanSchema } from './scan-schema.ts';
import { telemetryKeys, telemetrySchema } from './telemetry-schema.ts';
import { identifier, namedMap, percent } from './trust-fields.ts';
import { checkModelTrust, trustKeys, trustSchema } from './trust-schema.ts';

const mebibyte = 1024 * 1024;
const hourMs = 3_600_000;
const maxModels = 1_000;
const maxVersions = 1_000;

const listen = z.strictObject({
  rest: listenAddress().default({ host: '127.0.0.1', port: 8501 }),
  unsafeListenBeyondLoopback: z.boolean().default(false),
});

const sandbox = z.strictObject({
  require: z.enum(['full', 'process']).optional(),
  unsafeLevel: z.enum(['seccomp-only', 'none']).optional(),
});

const requestLimits = z.strictObject({
  maxBodyBytes: wholeNumber(1, 1024 * mebibyte).default(32 * mebibyte),
  maxDepth: wholeNumber(1, 256).default(32),
  maxTokens: wholeNumber(1, 1_000_000_000).default(8_000_000),
  maxElements: wholeNumber(1, 1_000_000_000).default(4_000_000),
  maxNumberChars: wholeNumber(1, 4_096).default(256),
  maxBufferedBytes: wholeNumber(1, 1024 * 1024 * mebibyte).default(512 * mebibyte),
  maxClientPercent: wholeNumber(1, 100).default(50),
});

const httpLimits = z.strictObject({
  requestTimeoutMs: wholeNumber(100, hourMs).default(30_000),
  headersTimeoutMs: wholeNumber(100, hourMs).default(10_000),
  keepAliveTimeoutMs: wholeNumber(1, hourMs).default(60_000),
  maxConnections: wholeNumber(1, 65_535).default(1_024),
  maxClientPercent: wholeNumber(1, 100).default(50),
});

const limits = z.strictObject({
  request: requestLimits.prefault({}),
  http: httpLimits.prefault({}),
  machine: machineSchema.prefault({}),
});

const latest = z.strictObject({ policy: z.literal('latest'), count: wholeNumber(1, maxVersions).default(1) });
const all = z.strictObject({ policy: z.literal('all') });
const specific = z.strictObject({ policy: z.literal('specific'), numbers: z.array(versionNumber()).min(1).max(maxVersions) });

const versions = z
  .discriminatedUnion('policy', [latest, all, specific])
  .default({ policy: 'latest', count: 1 })
  .transform((value): VersionPolicy => {
    if (value.policy === 'latest') return { kind: 'latest', count: value.count };
    return value.policy === 'all' ? { kind: 'all' } : { kind: 'specific', versions: value.numbers };
  });

const modelLimits = z.strictObject({
  timeoutMs: wholeNumber(1, hourMs).default(2_000),
  graceMs: wholeNumber(0, hourMs).default(500),
  intraOpThreads: wholeNumber(1, 1_024).default(1),
  interOpThreads: wholeNumber(1, 1_024).default(1),
  maxQueue: wholeNumber(1, 1_000_000).default(256),
  maxOutputBytes: wholeNumber(1, 2_048 * mebibyte).default(64 * mebibyte),
  loadTimeoutMs: wholeNumber(1_000, hourMs).default(120_000),
  memoryMiB: wholeNumber(64, 1024 * 1024).default(4_096),
  cpuPercent: wholeNumber(1, 102_400).exactOptional(),
  ...costLimitFields,
});

const maxUnits = 1_000_000_000;
const rateLimit = z.strictObject({ unitsPerSecond: wholeNumber(1, maxUnits), burst: wholeNumber(1, maxUnits) });

const slowViolators = z.strictObject({
  freeViolations: wholeNumber(0, 1_000).default(3),
  penaltyUnits: wholeNumber(0, maxUnits).optional(),
  maxDebtUnits: wholeNumber(0, 10 * maxUnits).optional(),
  forgetAfterMs: wholeNumber(1_000, 24 * hourMs).default(60_000),
});

const rateLimitFields = z.strictObject({
  perClient: rateLimit.exactOptional(),
  perModel: rateLimit.exactOptional(),
  slowViolators: slowViolators.exactOptional(),
});

const rateLimits = rateLimitFields
  .superRefine((value, context) => {
    if (value.perClient === undefined && value.perModel === undefined) {
      const params = { rule: 'required', expected: 'perClient, perModel or both', got: 'neither' };
      context.addIssue({ code: 'custom', params });
    } else if (value.slowViolators !== undefined && value.perClient === undefined) {
      const params = { rule: 'required', expected: 'this key to be left out where there is no perClient', got: 'a mapping' };
      context.addIssue({ code: 'custom', path: ['slowViolators'], params });
    }
  })
  .transform(({ perClient, perModel, slowViolators: given }): RateLimits => {
    const limits: RateLimits = perModel === undefined ? {} : { perModel };
    if (perClient === undefined) return limits;
    const {
      penaltyUnits = Math.ceil(perClient.burst / 100),
      maxDebtUnits = 10 * perClient.burst,
      ...times
    } = given ?? slowViolators.parse({});
    return { ...limits, perClient, slowViolators: { ...times, penaltyUnits, maxDebtUnits } };
  });

const labels = namedMap(plainText('a label', 128, /[/:]/), versionNumber(), 1_000).prefault({});

const model = z
  .strictObject({
    name: plainText('a name', 128, /[/:]/),
    path: plainText('a path', 4_096),
    trust: identifier('a name of a policy').exactOptional(),
    unsafeUnsigned: z.boolean().default(false),
    versions,
    labels,
    tags: z.array(plainText('a tag', 128)).min(1).max(16).default(['serve']),
    shapes: z.enum(['strict', 'compat']).default('strict'),
    nonFinite: z.enum(['refuse', 'allow']).default('refuse'),
    spareWorker: z.union([z.boolean(), z.literal('loaded')]).default(false),
    contract: plainText('a path', 4_096).exactOptional(),
    rateLimits: rateLimits.exactOptional(),
    recording: modelRecordingSchema.exactOptional(),
    rehearsal: rehearsalSchema.prefault({}),
    limits: modelLimits.prefault({}),
    workers: workersSchema.prefault({}),
    batching: batchingSchema.exactOptional(),
    concurrency: concurrencySchema.exactOptional(),
    profilePercent: percent().prefault(0),
  })
  .superRefine((value, context) => {
    if (value.versions.kind !== 'specific') return;
    for (const [label, number] of Object.entries(value.labels)) {
      if (value.versions.versions.includes(number)) continue;
      const expected = 'one of the versions that are served';
      context.addIssue({ code: 'custom', path: ['labels', label], params: { rule: 'label', expected, got: String(number) } });
    }
  });

const models = z
  .array(model)
  .min(1)
  .max(maxModels)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) {
        const params = { rule: 'unique', expected: 'a name that no other model has', got: `"${name}"` };
        context.addIssue({ code: 'custom', path: [index, 'name'], params });
      }
      seen.add(name);
    }
  });

const configFields = z.strictObject({
  listen: listen
    .superRefine((value, context) => {
      if (value.unsafeListenBeyondLoopback || isLoopback(value.rest.host)) return;
      const expected = 'a loopback address, or unsafeListenBeyondLoopback: true beside it';
      context.addIssue({ code: 'custom', path: ['rest'], params: { rule: 'loopback', expected, got: value.rest.host } });
    })
    .prefault({}),
  store: plainText('a path', 4_096).default('.airlock'),
  runtime: runtimeSchema.prefault({}),
  sandbox: sandbox
    .superRefine((value, context) => {
      if (value.require === undefined || value.unsafeLevel === undefined) return;
      const expected = 'this key to be left out where unsafeLevel is given: they say the opposite';
      context.addIssue({ code: 'custom', path: ['require'], params: { rule: 'exclusive', expected, got: value.require } });
    })
    .transform(
      ({ require, unsafeLevel }): SandboxConfig =>
        unsafeLevel === undefined ? { require: require ?? 'process' } : { unsafeLevel },
    )
    .prefault({}),
  limits: limits
    .superRefine(({ http }, context) => {
      if (http.headersTimeoutMs <= http.requestTimeoutMs) return;
      const expected = `at most requestTimeoutMs, ${http.requestTimeoutMs}`;
      const params = { rule: 'order', expected, got: String(http.headersTimeoutMs) };
      context.addIssue({ code: 'custom', path: ['http', 'headersTimeoutMs'], params });
    })
    .prefault({}),
  scan: scanSchema.prefault({}),
  trust: trustSchema.exactOptional(),
  recording: recordingSchema.exactOptional(),
  telemetry: telemetrySchema.prefault({}),
  models,
});

/** airlock.yaml as YAML gives it, with integers as bigint; paths still relative. */
export const configSchema = configFields.superRefine(({ models: list, trust, recording }, context) => {
  checkModelTrust(list, trust, context);
  for (const [index, model] of list.entries()) {
    if (model.recording === undefined || recording !== undefined) continue;
    const expected = 'a recording section of the file beside it, which says who may read recordings';
    const params = { rule: 'required', expected, got: 'none' };
    context.addIssue({ code: 'custom', path: ['models', index, 'recording'], params });
  }
});

/** The keys that are known at a place of the file, list indexes written as `[]`; for messages only. */
export const knownKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ['', Object.keys(configFields.shape)],
  ['listen', Object.keys(listen.shape)],
  ['sandbox', Object.keys(sandbox.shape)],
  ['limits', Object.keys(limits.shape)],
  ['limits.request', Object.keys(requestLimits.shape)],
  ['limits.http', Object.keys(httpLimits.shape)],
  ['models[]', Object.keys(model.shape)],
  ['models[].versions', ['policy', 'count', 'numbers']],
  ['models[].limits', Object.keys(modelLimits.shape)],
  ['models[].rateLimits', Object.keys(rateLimitFields.shape)],
  ['models[].rateLimits.perClient', Object.keys(rateLimit.shape)],
  ['models[].rateLimits.perModel', Object.keys(rateLimit.shape)],
  ['models[].rateLimits.slowViolators', Object.keys(slowViolators.shape)],
  ...recordingKeys,
  ...rehearsalKeys,
  ...resourceKeys,
  ...runtimeKeys,
  ...scanKeys,
  ...telemetryKeys,
  ...trustKeys,
]);
