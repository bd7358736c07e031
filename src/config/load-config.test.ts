import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { defaultJsonLimits } from '../tensor/index.ts';
import { checkConfig, loadConfig } from './load-config.ts';
import { plannedKeys } from './planned-keys.ts';
import { configKind, maxConfigBytes, parseYamlText } from './yaml-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airlock-config-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function load(text: string | Uint8Array) {
  const file = join(folder, 'airlock.yaml');
  await writeFile(file, text);
  return loadConfig(file);
}

/** The error that `text` gives: fails the test when it gives none, or another kind of error. */
async function errorOf(text: string | Uint8Array): Promise<AirlockError> {
  const error = await load(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AirlockError)) throw new Error(`expected an AirlockError, got ${String(error)}`);
  return error;
}

const oneModel = 'models: [{ name: digits, path: models/digits, unsafeUnsigned: true }]\n';

describe('loadConfig()', () => {
  it('fills in every default', async () => {
    expect(await load(oneModel)).toEqual({
      listen: { rest: { host: '127.0.0.1', port: 8501 }, unsafeListenBeyondLoopback: false },
      scan: { refuseAt: 'high', unsafeOff: false, timeoutMs: 120_000, memoryMiB: 1_024, schedule: '@daily', jitterMs: 3_600_000 },
      store: join(folder, '.airlock'),
      runtime: {
        tensorflow: '2.21.0',
        patchWithin: { critical: 172_800_000, high: 604_800_000, medium: 2_592_000_000 },
        whenOverdue: 'warn',
        maxAdvisoryAgeMs: 2_592_000_000,
        verify: '@daily',
        rollout: { observeMs: 600_000, maxFailedPercent: 1, mirrorPercent: 5 },
      },
      sandbox: { require: 'process' },
      limits: {
        request: {
          maxBodyBytes: 33_554_432,
          maxDepth: 32,
          maxTokens: 8_000_000,
          maxElements: 4_000_000,
          maxNumberChars: 256,
          maxBufferedBytes: 536_870_912,
          maxClientPercent: 50,
        },
        http: {
          requestTimeoutMs: 30_000,
          headersTimeoutMs: 10_000,
          keepAliveTimeoutMs: 60_000,
          maxConnections: 1_024,
          maxClientPercent: 50,
        },
        machine: {},
      },
      telemetry: { servingMetrics: true },
      models: [
        {
          name: 'digits',
          path: join(folder, 'models/digits'),
          unsafeUnsigned: true,
          versions: { kind: 'latest', count: 1 },
          labels: {},
          tags: ['serve'],
          shapes: 'strict',
          nonFinite: 'refuse',
          spareWorker: false,
          rehearsal: {
            tolerance: { absolute: 1e-5, relative: 1e-4, outputs: {} },
            maxClassFlipPercent: 0,
            maxLatencyRatio: 2,
            maxMemoryRatio: 1.5,
          },
          limits: {
            timeoutMs: 2_000,
            graceMs: 500,
            intraOpThreads: 1,
            interOpThreads: 1,
            maxQueue: 256,
            maxOutputBytes: 67_108_864,
            loadTimeoutMs: 120_000,
            memoryMiB: 4_096,
            unknownCost: 'allow',
            ops: {},
            nodes: {},
          },
          workers: { min: 1, max: 1 },
          profilePercent: 0,
        },
      ],
    });
  });

  it('has the same request limits by default as the decoder, which the library uses without a configuration', async () => {
    expect((await load(oneModel)).limits.request).toMatchObject(defaultJsonLimits);
  });

  it('takes what requests may cost, and how they run together', async () => {
    const { models, telemetry, limits } = await load(`
limits: { machine: { memoryMiB: 8192 } }
telemetry: { traces: { endpoint: 'http://127.0.0.1:4318/v1/traces' } }
models:
  - name: a
    path: a
    unsafeUnsigned: true
    spareWorker: loaded
    workers: { min: 2, sleepAfterMs: 60000 }
    batching: {}
    concurrency: { max: 8 }
    profilePercent: 0.5
    limits:
      maxCost: 5e9
      perClient: { maxConcurrent: 4, costPerSecond: 1e9 }
      ops: { MatMul: { maxMs: 20 } }
`);
    expect(limits.machine).toEqual({ memoryMiB: 8_192 });
    expect(telemetry).toEqual({
      traces: { endpoint: 'http://127.0.0.1:4318/v1/traces', samplePercent: 1 },
      servingMetrics: true,
    });
    expect(models[0]).toMatchObject({
      spareWorker: 'loaded',
      workers: { min: 2, max: 2, sleepAfterMs: 60_000 },
      batching: { maxRows: 32, maxDelayMs: 2 },
      concurrency: { min: 1, max: 8 },
      profilePercent: 0.5,
      limits: { maxCost: 5e9, perClient: { maxConcurrent: 4, costPerSecond: 1e9 }, ops: { MatMul: { maxMs: 20 } } },
    });
  });

  it.each([
    ['limits: { perClient: { costBurst: 5 } }', 'models[0].limits.perClient.costBurst'],
    ['limits: { ops: { MatMul: {} } }', 'models[0].limits.ops.MatMul'],
    ['limits: { maxCost: .nan }', 'models[0].limits.maxCost'],
    ['workers: { min: 3, max: 2 }', 'models[0].workers.max'],
    ['concurrency: { min: 65 }', 'models[0].concurrency.max'],
    ['profilePercent: 101', 'models[0].profilePercent'],
    ['spareWorker: warm', 'models[0].spareWorker'],
  ])('refuses %s', async (text, path) => {
    const loading = load(`models: [{ name: a, path: a, unsafeUnsigned: true, ${text} }]\n`);
    await expect(loading).rejects.toMatchObject({ code: 'CONFIG_INVALID', violations: [{ path }] });
  });

  it.each([
    ['telemetry: { traces: { endpoint: "http://ann:s3cret@collector:4318/v1/traces" } }', '"http://…@collector:4318/v1/traces"'],
    ['telemetry: { traces: { endpoint: "https://s3cret@collector/" } }', '"https://…@collector/"'],
    ['telemetry: { traces: { endpoint: "ftp://ann:s3cret@a@collector/" } }', '"ftp://…@collector/"'],
    ['telemetry: { traces: { endpoint: "https://ann:s3cret/?#@collector/" } }', '"https://…@collector/"'],
    ['telemetry: { traces: { endpoint: "http:ann:s3cret@collector" } }', '"http:…@collector"'],
    ['telemetry: { traces: { endpoint: "ann:s3cret@collector:4318" } }', '"…@collector:4318"'],
    [`telemetry: { traces: { endpoint: "https://ann:s3cret${'x'.repeat(80)}@collector/" } }`, '"https://…@collector/"'],
    ['telemetry: { traces: "http://ann:s3cret@collector/" }', '"http://…@collector/"'],
    ['scan: { webhook: { url: "https://ann:s3cret@hooks/", secretFile: k } }', '"https://…@hooks/"'],
  ])('shows no password in what is wrong with %s', async (text, got) => {
    const { code, message, detail, violations } = await errorOf(`${oneModel}${text}\n`);
    expect([code, violations]).toEqual(['CONFIG_INVALID', [expect.objectContaining({ got })]]);
    expect(`${message} ${detail}`).not.toMatch(/ann:|s3cret/);
  });

  it('takes every key that exists', async () => {
    const config = await load(`
listen: { rest: '[::1]:0', unsafeListenBeyondLoopback: true }
store: /srv/airlock
runtime: { tensorflow: 2.18.1 }
limits: { request: { maxDepth: 8 }, http: { maxConnections: 5 } }
models:
  - name: a
    path: /models/a
    unsafeUnsigned: true
    versions: { policy: specific, numbers: [1, 9223372036854775807] }
    labels: { stable: 9223372036854775807 }
    tags: [serve, gpu]
    shapes: compat
    nonFinite: allow
    limits: { timeoutMs: 10, maxQueue: 1 }
  - { name: b, path: b, unsafeUnsigned: true, versions: { policy: all } }
  - { name: c, path: c, unsafeUnsigned: true, versions: { policy: latest, count: 3 } }
`);
    expect(config.listen.rest).toEqual({ host: '::1', port: 0 });
    expect(config.store).toBe('/srv/airlock');
    expect(config.limits.request).toMatchObject({ maxDepth: 8, maxTokens: 8_000_000 });
    const [a, b, c] = config.models;
    expect(a.versions).toEqual({ kind: 'specific', versions: [1n, 9_223_372_036_854_775_807n] });
    expect(a.labels).toEqual({ stable: 9_223_372_036_854_775_807n });
    expect(a.limits).toMatchObject({ timeoutMs: 10, maxQueue: 1, graceMs: 500 });
    expect(b.versions).toEqual({ kind: 'all' });
    expect(c.versions).toEqual({ kind: 'latest', count: 3 });
  });

  it('takes the contract of a model by its place beside the file, and fills in what slows violators', async () => {
    const model = 'name: a, path: a, unsafeUnsigned: true, contract: contracts/a.yaml';
    const perClient = '{ unitsPerSecond: 100, burst: 550 }';
    const first = async (rest: string) => (await load(`models: [{ ${model}, ${rest} }]`)).models[0];
    expect(await first(`rateLimits: { perClient: ${perClient} }`)).toMatchObject({
      contract: join(folder, 'contracts/a.yaml'),
      rateLimits: {
        perClient: { unitsPerSecond: 100, burst: 550 },
        slowViolators: { freeViolations: 3, penaltyUnits: 6, maxDebtUnits: 5_500, forgetAfterMs: 60_000 },
      },
    });
    const own = 'slowViolators: { freeViolations: 0, penaltyUnits: 7, maxDebtUnits: 8, forgetAfterMs: 9000 }';
    expect((await first(`rateLimits: { perClient: ${perClient}, ${own} }`)).rateLimits?.slowViolators).toEqual({
      freeViolations: 0,
      penaltyUnits: 7,
      maxDebtUnits: 8,
      forgetAfterMs: 9_000,
    });
    expect((await first(`rateLimits: { perModel: ${perClient} }`)).rateLimits).toEqual({
      perModel: { unitsPerSecond: 100, burst: 550 },
    });
  });

  it.each([
    ['{}', 'models[0].rateLimits', 'required'],
    ['{ slowViolators: {} }', 'models[0].rateLimits', 'required'],
    ['{ perModel: { unitsPerSecond: 1, burst: 1 }, slowViolators: {} }', 'models[0].rateLimits.slowViolators', 'required'],
    ['{ perClient: { unitsPerSecond: 1 } }', 'models[0].rateLimits.perClient.burst', 'integer'],
    ['{ perClient: { unitsPerSecond: 0, burst: 1 } }', 'models[0].rateLimits.perClient.unitsPerSecond', 'integer'],
    ['{ perClient: { unitsPerSecond: 1, burst: 1, brust: 1 } }', 'models[0].rateLimits.perClient.brust', 'unknownKey'],
  ])('refuses the rate limits %s', async (text, path, rule) => {
    const error = await errorOf(`models: [{ name: a, path: a, unsafeUnsigned: true, rateLimits: ${text} }]`);
    expect(error.violations).toEqual([expect.objectContaining({ path, rule })]);
  });

  it('takes a level that the jail must reach, or one below which it may fall, and not both', async () => {
    expect((await load(`sandbox: { require: full }\n${oneModel}`)).sandbox).toEqual({ require: 'full' });
    expect((await load(`sandbox: { unsafeLevel: none }\n${oneModel}`)).sandbox).toEqual({ unsafeLevel: 'none' });
    const both = await errorOf(`sandbox: { require: process, unsafeLevel: seccomp-only }\n${oneModel}`);
    expect(both.violations).toEqual([expect.objectContaining({ path: 'sandbox.require', rule: 'exclusive' })]);
    const unknown = await errorOf(`sandbox: { require: none }\n${oneModel}`);
    expect(unknown.violations).toEqual([expect.objectContaining({ path: 'sandbox.require', rule: 'choice' })]);
  });

  it('gives a result that is frozen all the way down', async () => {
    const config = await load('models: [{ name: a, path: a, unsafeUnsigned: true, labels: { x: 1 } }]');
    const unfrozen: unknown[] = [];
    const visit = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(value);
      Object.values(value).forEach(visit);
    };
    visit(config);
    expect(unfrozen).toEqual([]);
  });

  it('names the place, the key and the nearest known key', async () => {
    const error = await errorOf('models: [{ name: a, path: a, unsafeUnsigned: true, limits: { timeoutMS: 5 } }]');
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('models[0].limits.timeoutMS');
    expect(error.message).toContain('`timeoutMs`');
  });

  it('lists every mistake at once', async () => {
    const error = await errorOf(`
listn: {}
runtime: { tensorflow: 2.21 }
models:
  - { name: a/b, path: '', shapes: loose, limits: { maxQueue: 0, graceMs: '5', timeoutMs: 1.5 } }
  - { path: b, tags: [], versions: { policy: newest } }
`);
    expect(error.violations.map(({ path }) => path).sort()).toEqual([
      'listn',
      'models[0].limits.graceMs',
      'models[0].limits.maxQueue',
      'models[0].limits.timeoutMs',
      'models[0].name',
      'models[0].path',
      'models[0].shapes',
      'models[1].name',
      'models[1].tags',
      'models[1].versions.policy',
      'runtime.tensorflow',
    ]);
    expect(error.message).toContain('(and 10 more)');
    for (const { rule, expected, got } of error.violations) expect([rule, expected, got]).not.toContain('');
  });

  it.each([...plannedKeys])('refuses %s, because %s is not built yet', async (place, safeguard) => {
    const keys = place.replace('models[]', 'models').split('.');
    const value = keys.reduceRight<unknown>(
      (inner, key) => ({ [key]: key === 'models' ? [{ name: 'a', path: 'a', unsafeUnsigned: true, ...Object(inner) }] : inner }),
      1,
    );
    const error = await errorOf(
      JSON.stringify(Object.assign({ models: [{ name: 'a', path: 'a', unsafeUnsigned: true }] }, value)),
    );
    expect(error.violations).toEqual([
      {
        path: place.replace('[]', '[0]'),
        rule: 'notBuiltYet',
        expected: expect.stringContaining(`${safeguard} is not built yet`),
        got: 'a value for it',
      },
    ]);
  });

  it.each(['0.0.0.0:8501', '192.0.2.1:80', '[::]:8501', '[fe80::1]:1'])('refuses to listen on %s', async (address) => {
    const error = await errorOf(`listen: { rest: '${address}' }\n${oneModel}`);
    expect(error.violations).toEqual([expect.objectContaining({ path: 'listen.rest', rule: 'loopback' })]);
    expect(error.message).toContain('unsafeListenBeyondLoopback');
    const opened = await load(`listen: { rest: '${address}', unsafeListenBeyondLoopback: true }\n${oneModel}`);
    expect(`${opened.listen.rest.host}`).not.toBe('127.0.0.1');
  });

  it.each([
    '127.0.0.1',
    'localhost',
    ':8501',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    'example.org:80',
    '::1:80',
    '[127.0.0.1]:80',
    '127.1:80',
    '8501',
  ])('refuses %s as an address', async (address) => {
    const error = await errorOf(`listen: { rest: '${address}', unsafeListenBeyondLoopback: true }\n${oneModel}`);
    expect(error.violations).toEqual([expect.objectContaining({ path: 'listen.rest', rule: 'address' })]);
  });

  it('takes localhost as 127.0.0.1, whatever a hosts file says', async () => {
    expect((await load(`listen: { rest: 'localhost:9000' }\n${oneModel}`)).listen.rest).toEqual({
      host: '127.0.0.1',
      port: 9000,
    });
  });

  it.each([
    ['a number in quotes', "limits: { request: { maxDepth: '8' } }"],
    ['a number above its bound', 'limits: { request: { maxDepth: 257 } }'],
    ['a number that floating point would round into its bound', 'limits: { request: { maxDepth: 99999999999999999999 } }'],
    ['a fraction', 'limits: { request: { maxDepth: 8.0 } }'],
    ['yes for true', 'listen: { unsafeListenBeyondLoopback: yes }'],
    ['null for a mapping', 'listen:'],
    ['a headers timeout above the request timeout', 'limits: { http: { headersTimeoutMs: 31000 } }'],
  ])('refuses %s', async (_title, text) => {
    expect((await errorOf(`${text}\n${oneModel}`)).violations).toHaveLength(1);
  });

  it.each([
    [
      'two models of one name',
      'models: [{ name: a, path: a, unsafeUnsigned: true }, { name: a, path: b, unsafeUnsigned: true }]',
      'models[1].name',
    ],
    ['no model', 'models: []', 'models'],
    ['a list of models that is none', 'models: digits', 'models'],
    ['a name with a colon', 'models: [{ name: "a:b", path: a }]', 'models[0].name'],
    ['a name of 129 characters', `models: [{ name: ${'a'.repeat(129)}, path: a }]`, 'models[0].name'],
    ['a name with a terminal escape', 'models: [{ name: "a\\e[2J", path: a }]', 'models[0].name'],
    [
      'a label for a version that is not served',
      'models: [{ name: a, path: a, unsafeUnsigned: true, versions: { policy: specific, numbers: [1] }, labels: { x: 2 } }]',
      'models[0].labels.x',
    ],
    [
      'a version above int64',
      'models: [{ name: a, path: a, unsafeUnsigned: true, versions: { policy: specific, numbers: [9223372036854775808] } }]',
      'models[0].versions.numbers[0]',
    ],
    [
      'a key of another policy',
      'models: [{ name: a, path: a, unsafeUnsigned: true, versions: { policy: all, count: 1 } }]',
      'models[0].versions.count',
    ],
    [
      'a label named __proto__',
      'models: [{ name: a, path: a, unsafeUnsigned: true, labels: { __proto__: 1 } }]',
      'models[0].labels',
    ],
    ['a key named __proto__', 'models: [{ name: a, path: a, unsafeUnsigned: true, __proto__: 1 }]', 'models[0].__proto__'],
  ])('refuses %s', async (_title, text, path) => {
    expect((await errorOf(text)).violations.map((violation) => violation.path)).toEqual([path]);
  });

  it.each([
    ['a duplicate key', 'store: a\nstore: b\n'],
    ['two documents', 'store: a\n---\nstore: b\n'],
    ['a tag', 'store: !!js/function "x"\n'],
    ['an alias without its anchor', 'store: *nothing\n'],
    ['a key that is no text', '? [a]\n: b\n'],
    [
      'aliases that grow',
      `a: &a [x,x]\n${'bcdefgh'.replace(/./g, (key) => `${key}: &${key} [*${String.fromCharCode(key.charCodeAt(0) - 1)},*${String.fromCharCode(key.charCodeAt(0) - 1)}]\n`)}`,
    ],
    ['nesting without end', '['.repeat(100_000)],
    ['an empty file', ''],
    ['more than 256 KiB', `# ${'x'.repeat(maxConfigBytes)}`],
    ['bytes that are not UTF-8', Uint8Array.of(0x73, 0xff, 0x3a)],
  ])('refuses %s', async (_title, text) => {
    const error = await errorOf(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).not.toContain(folder);
  });

  it('says that a file is missing, or is none', async () => {
    await expect(loadConfig(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    await symlink('/dev/null', join(folder, 'device.yaml'));
    await expect(loadConfig(join(folder, 'device.yaml'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('never fails with anything but CONFIG_INVALID, whatever the text', () => {
    const line = fc.constantFrom(
      'models:',
      '- name: a',
      '  path: a',
      '{',
      '}',
      '[',
      '&a',
      '*a',
      '<<: *a',
      ': ',
      '? ',
      '!!int',
      '"',
      '|',
      '---',
      '\t',
      '0x',
      '1e999',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')),
    );
    fc.assert(
      fc.property(text, (yaml) => {
        try {
          checkConfig(parseYamlText(yaml, 'airlock.yaml', configKind), '/');
        } catch (error) {
          expect(error).toMatchObject({ name: 'AirlockError', code: 'CONFIG_INVALID' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
