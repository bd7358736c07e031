// Contracts over a whole server: what is refused and how it is said, what only watches, what is changed on the way, what an answer may
// hold, and which versions are not served at all.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { contractDigest, parseContract } from '../../src/contract/index.ts';
import { formatEmbeddedContract } from '../../src/model/index.ts';
import { openModel } from '../../src/serving/index.ts';
import type { Signature } from '../../src/tensor/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox, sandboxArguments } from '../support/sandbox.ts';
import { type Answer, call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const examples = path.join(root, 'examples');
const digitsBody = readFileSync(path.join(examples, 'digits/request.json'), 'utf8');
const wineBody = readFileSync(path.join(examples, 'tabular/request.json'), 'utf8');

const head = (id: string, more = '') => `apiVersion: airlock/contract/v1
metadata: { id: ${id}, revision: 2 }
${more}
`;
const image = (rules: string) => `
      image: { dtype: float32, shape: [batch, 8, 8, 1], ${rules} }`;
const probabilities = `
      probabilities: { dtype: float32, matchesBatch: true, min: 0, max: 1, rowSum: { min: 0.999, max: 1.001 }, roundTo: 2 }`;
const digits = (rules: string, more = '') => `${head('digits', more)}
dims: { batch: { min: 1, max: 4 } }
signatures:
  serving_default:
    inputs: ${image(rules)}
    outputs: ${probabilities}
  serve:
    inputs: ${image(rules)}
    outputs: ${probabilities}
`;
const wine = `${head('wine', 'request: { maxElements: 12 }')}
signatures:
  serving_default:
    inputs:
      alcohol: { dtype: float32, min: 8, max: 20 }
      flavanoids: { dtype: float32, min: 0, max: 10, number: { narrowing: exactIntegers } }
      hue: { dtype: float32, min: 0, max: 3 }
      magnesium: { dtype: int64, min: 40, max: 300, onViolation: { max: clip } }
      proline: { dtype: int64, min: 0, max: 5000 }
      colour: { dtype: string, allowed: [pale, medium, deep] }
    outputs:
      cultivar: { dtype: string }
      probabilities: { dtype: float32, min: 0, max: 1 }
`;

/** y = x, under the name of a signature for classify and regress too: the length of each string. */
const echoSignature: Signature = {
  name: 'serving_default',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1] }],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape: [-1] }],
};
const lengthSignature: Signature = {
  name: 'length',
  methodName: '',
  inputs: [{ alias: 'inputs', tensorName: 's:0', dtype: 'DT_STRING', shape: [-1] }],
  outputs: [{ alias: 'outputs', tensorName: 'length:0', dtype: 'DT_FLOAT', shape: [-1] }],
};
const echoNodes = [
  placeholder('x', 1, [-1]),
  node('y', 'Identity', ['x'], { T: attribute.type(1) }),
  placeholder('s', 7, [-1]),
  node('size', 'StringLength', ['s'], { unit: attribute.text('BYTE') }),
  node('length', 'Cast', ['size'], { SrcT: attribute.type(3), DstT: attribute.type(1), Truncate: attribute.boolean(false) }),
];
const echo = `${head('echo', 'cost: { base: 5, perElement: 1 }')}
signatures:
  serving_default:
    inputs: { x: { dtype: float32, min: -100, max: 100, number: { infinity: allow, nan: allow } } }
    outputs: { y: { dtype: float32, max: 10 } }
  length:
    inputs: { inputs: { dtype: string, maxElements: 3, string: { encoding: binary, maxBytes: 40 } } }
    outputs: { outputs: { dtype: float32 } }
`;

let folder: string;
let server: TestServer;
const contractFile = (name: string, text: string): string => {
  const file = path.join(folder, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
};
const url = (model: string, verb = 'predict') => `${server.url}/v1/models/${model}:${verb}`;

beforeAll(async () => {
  if (slot === undefined) return;
  folder = temporaryFolder();
  const mark = (digest: string) =>
    node('airlock/contract', 'Const', [], {
      dtype: attribute.type(7),
      value: attribute.strings([], [formatEmbeddedContract({ version: 1, id: 'echo', revision: 2, digest, poison: false })]),
    });
  const models = { signatures: [echoSignature, lengthSignature] };
  writeSavedModel(path.join(folder, 'echo/1'), echoNodes, models);
  writeSavedModel(path.join(folder, 'marked/1'), [...echoNodes, mark(contractDigest(parseContract(echo)))], models);
  writeSavedModel(path.join(folder, 'strange/1'), [...echoNodes, mark('0'.repeat(64))], models);
  const under = (name: string, contract: string, base: string, more = {}) => ({
    name,
    path: base,
    contract: contractFile(name, contract),
    ...more,
  });
  const digitsBase = path.join(examples, 'digits');
  const limited = { rateLimits: { perClient: { unitsPerSecond: 1, burst: 15 } } };
  server = await startTestServer({
    models: [
      under('digits', digits('min: 0, max: 1'), digitsBase),
      under('watched', digits('min: 0, max: 1', 'mode: shadow'), digitsBase),
      under('sampled', digits('min: 0, max: 1', 'mode: sample\nsampleFraction: 1'), digitsBase),
      under('unsampled', digits('min: 0, max: 1', 'mode: sample\nsampleFraction: 0'), digitsBase),
      under('clipped', digits('min: 0, max: 1, onViolation: { max: clip }'), digitsBase),
      under('half', digits('min: 0').split('  serve:')[0], digitsBase),
      under('wine', wine, path.join(examples, 'tabular')),
      under('echo', echo, path.join(folder, 'echo'), limited),
      under('echo2', echo, path.join(folder, 'echo'), { nonFinite: 'allow' }),
      under('marked', echo, path.join(folder, 'marked')),
      under('strange', echo, path.join(folder, 'strange')),
      under('other', wine, digitsBase),
      { name: 'unused', path: path.join(folder, 'marked') },
    ],
  });
  // Files that were just written have to lie still for two seconds.
  const settled = ({ kind }: (typeof server.events)[number]) => kind === 'available' || kind === 'failed';
  const modelCount = server.server.catalog.models.length;
  await until('all models', () => new Set(server.events.filter(settled).map(({ model }) => model)).size === modelCount);
});
afterAll(async () => {
  await server?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  if (server !== undefined) server.refusals.length = 0;
});

interface Refusal {
  readonly error: string;
  readonly code: string;
  readonly violations: readonly {
    readonly path: string;
    readonly rule: string;
    readonly ruleId: string;
    readonly expected: string;
    readonly got: string;
  }[];
}

function expectRefusal(answer: Answer, status: number, code: string): Refusal {
  expect(answer.status, answer.text).toBe(status);
  const body = answer.json as Refusal;
  expect(body.code).toBe(code);
  expect(server.refusals).toHaveLength(1);
  expect(server.refusals[0]).toMatchObject({ code, status });
  expect(Object.keys(server.refusals[0])).not.toContain('got');
  expect(answer.text).not.toContain(folder);
  return body;
}

interface VersionStatus {
  readonly state: string;
  readonly error?: string;
  readonly contract?: {
    readonly id: string;
    readonly revision: number;
    readonly digest: string;
    readonly mode: string;
    readonly checked: number;
    readonly refused: number;
    readonly transformed: number;
    readonly answersRefused: number;
    readonly rules: readonly { readonly ruleId: string; readonly outcomes: Readonly<Record<string, number>> }[];
  };
}

async function statusOf(model: string): Promise<VersionStatus> {
  const { json } = await call(`${server.url}/airlock/v1/status`);
  const { models } = json as { models: readonly { name: string; versions: readonly VersionStatus[] }[] };
  const found = models.find(({ name }) => name === model)?.versions[0];
  if (found === undefined) throw new Error(`no version of ${model}`);
  return found;
}

/** The written digit with one pixel changed, as text, so that it may be something that is no JSON number. */
const digitWith = (pixel: string) => digitsBody.replace('0.0625', pixel);
const predictions = ({ json }: Answer) => (json as { predictions: readonly (readonly number[])[] }).predictions;

describe.skipIf(slot === undefined)(`contracts${needsRuntime}`, () => {
  describe('of inputs', () => {
    it('let through what keeps them, and round the answer', async () => {
      const [scores] = predictions(await post(url('digits'), digitsBody));
      expect(scores.indexOf(Math.max(...scores))).toBe(8);
      for (const score of scores) expect(score).toBe(Math.round(score * 100) / 100);
    });

    it('name the place, the rule, what was expected and what came', async () => {
      const { error, violations } = expectRefusal(await post(url('digits'), digitWith('1.5')), 400, 'CONTRACT_VIOLATION');
      expect(violations).toEqual([
        {
          path: 'instances[0][0][2][0]',
          rule: 'max',
          ruleId: 'serving_default/inputs/image/max',
          expected: expect.stringContaining('1'),
          got: '1.5',
        },
      ]);
      expect(error).toContain('The input breaks the contract of the model at instances[0][0][2][0]');
      expect(server.refusals[0]).toMatchObject({ ruleId: 'serving_default/inputs/image/max', path: 'instances[0][0][2][0]' });
    });

    it.each([
      ['NaN', 'number.nan'],
      ['Infinity', 'number.infinity'],
      ['-Infinity', 'number.infinity'],
      ['-0.1', 'min'],
    ])('refuse %s by %s', async (pixel, rule) => {
      const { violations } = expectRefusal(await post(url('digits'), digitWith(pixel)), 400, 'CONTRACT_VIOLATION');
      expect(violations.map((one) => [one.path, one.rule])).toContainEqual(['instances[0][0][2][0]', rule]);
    });

    it('list all that is wrong', async () => {
      const body = JSON.stringify({
        inputs: { image: Array.from({ length: 5 }, () => JSON.parse(digitWith('2')).instances[0]) },
      });
      const { violations } = expectRefusal(await post(url('digits'), body), 400, 'CONTRACT_VIOLATION');
      expect(violations.map(({ rule }) => rule)).toContain('shape');
      expect(violations[0].path).toMatch(/^inputs\.image/);
    });

    it('speak of inputs as the client does', async () => {
      const row = JSON.parse(wineBody).instances[0] as Record<string, unknown>;
      const paths = async (body: object) => {
        server.refusals.length = 0;
        return expectRefusal(await post(url('wine'), JSON.stringify(body)), 400, 'CONTRACT_VIOLATION').violations.map(
          ({ path: place }) => place,
        );
      };
      expect(await paths({ instances: [row, { ...row, colour: 'blue' }] })).toEqual(['instances[1].colour']);
      const columns = Object.fromEntries(Object.entries({ ...row, proline: 6000 }).map(([key, value]) => [key, [value]]));
      expect(await paths({ inputs: columns })).toEqual(['inputs.proline[0]']);
      expect(await paths({ instances: [{ ...row, hue: 4, alcohol: 1 }] })).toEqual(['instances[0].alcohol', 'instances[0].hue']);
    });

    it('change what they are told to', async () => {
      const row = JSON.parse(wineBody).instances[0] as Record<string, unknown>;
      const answer = async (magnesium: number) =>
        (await post(url('wine'), JSON.stringify({ instances: [{ ...row, magnesium }] }))).text;
      expect(await answer(9_000)).toBe(await answer(300));
      expect((await statusOf('wine')).contract).toMatchObject({ transformed: 1 });
      const [scores] = predictions(await post(url('clipped'), digitWith('7')));
      expect(scores).toEqual(predictions(await post(url('clipped'), digitWith('1')))[0]);
    });

    it('bound elements more narrowly than the server', async () => {
      const row = JSON.parse(wineBody).instances[0] as object;
      expect((await post(url('wine'), JSON.stringify({ instances: [row, row] }))).status).toBe(200);
      const { violations } = expectRefusal(
        await post(url('wine'), JSON.stringify({ instances: [row, row, row] })),
        413,
        'TENSOR_TOO_LARGE',
      );
      expect(violations[0]).toMatchObject({ rule: 'maxElements' });
    });

    it('refuse integers that a float would round', async () => {
      const body = wineBody.replace(/"flavanoids": [0-9.]+/, '"flavanoids": 16777217');
      const { violations } = expectRefusal(await post(url('wine'), body), 400, 'CONTRACT_VIOLATION');
      expect(violations).toMatchObject([
        {
          path: 'instances[0].flavanoids',
          rule: 'number.narrowing',
          ruleId: 'serving_default/inputs/flavanoids/number.narrowing',
        },
      ]);
    });

    it('hold for examples of regress too', async () => {
      const regress = (examples: readonly object[]) =>
        post(url('echo2', 'regress'), JSON.stringify({ signature_name: 'length', examples }));
      const good = await regress([{ a: 'x' }, { a: 'xy' }]);
      expect(good.status, good.text).toBe(200);
      const long = expectRefusal(await regress([{ a: 'x' }, { a: 'x'.repeat(100) }]), 400, 'CONTRACT_VIOLATION');
      expect(long.violations).toMatchObject([{ path: 'examples[1]', rule: 'string.maxBytes' }]);
      server.refusals.length = 0;
      const many = expectRefusal(await regress([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }]), 400, 'CONTRACT_VIOLATION');
      expect(many.violations).toMatchObject([{ path: 'examples', rule: 'maxElements' }]);
    });

    it('close signatures that they do not name', async () => {
      expect((await post(url('half'), digitsBody)).status).toBe(200);
      const body = digitsBody.replace('{', '{"signature_name":"serve",');
      expect((await post(url('digits'), body)).status).toBe(200);
      const { error } = expectRefusal(await post(url('half'), body), 400, 'SIGNATURE_UNSUITABLE');
      expect(error).toContain('no rules for it');
    });
  });

  describe('that only watch', () => {
    it('let everything through, count it, and say so in the log once in ten seconds', async () => {
      for (let i = 0; i < 5; i++) expect((await post(url('watched'), digitWith('1.5'))).status).toBe(200);
      expect(server.refusals).toEqual([]);
      const { contract } = await statusOf('watched');
      expect(contract).toMatchObject({ id: 'digits', revision: 2, mode: 'shadow', checked: 5, refused: 0, transformed: 0 });
      expect(contract?.digest).toMatch(/^[0-9a-f]{12}$/);
      expect(contract?.rules).toEqual([{ ruleId: 'serving_default/inputs/image/max', outcomes: { shadow: 5 } }]);
      const told = server.events.filter((event) => event.kind === 'violations' && event.model === 'watched');
      expect(told).toMatchObject([{ ruleId: 'serving_default/inputs/image/max', outcome: 'shadow', count: 1, version: 1n }]);
    });

    it('enforce a sample, of all requests and of none', async () => {
      expectRefusal(await post(url('sampled'), digitWith('1.5')), 400, 'CONTRACT_VIOLATION');
      expect((await post(url('unsampled'), digitWith('1.5'))).status).toBe(200);
    });
  });

  describe('of outputs', () => {
    it('refuse an answer that breaks them, and say nothing of what was in it', async () => {
      expect((await post(url('echo2'), '{"instances":[9.5]}')).json).toEqual({ predictions: [9.5] });
      const answer = await post(url('echo2'), '{"instances":[9.5, 77.625]}');
      const { violations } = expectRefusal(answer, 502, 'MODEL_OUTPUT_REFUSED');
      expect(violations).toMatchObject([{ rule: 'max', ruleId: 'serving_default/outputs/y/max' }]);
      expect(answer.text).not.toContain('77');
      expect(JSON.stringify(server.refusals)).not.toContain('77');
      expect((await statusOf('echo2')).contract?.answersRefused).toBe(1);
    });

    it('refuse NaN, also where the configuration would answer it', async () => {
      const { violations } = expectRefusal(await post(url('echo2'), '{"instances":[NaN]}'), 502, 'MODEL_OUTPUT_REFUSED');
      expect(violations).toMatchObject([{ rule: 'number.nan' }]);
    });
  });

  describe('and models', () => {
    it('that do not fit each other: the version is not served, and others are', async () => {
      expect(await statusOf('other')).toMatchObject({ state: 'END', error: 'CONTRACT_MISMATCH' });
      const said = server.events.find((event) => event.kind === 'failed' && event.model === 'other');
      const places = said?.kind === 'failed' ? said.error.violations.map((violation) => violation.path) : [];
      expect(places).toEqual(
        expect.arrayContaining(['signatures.serving_default.inputs.colour', 'signatures.serving_default.inputs.image']),
      );
      expect((await post(url('other'), digitsBody)).status).toBe(503);
      const failed = server.events.flatMap((event) => (event.kind === 'failed' ? [`${event.model} ${event.error.code}`] : []));
      expect(failed.sort()).toEqual(['other CONTRACT_MISMATCH', 'strange CONTRACT_MISMATCH']);
    });

    it('that carry a contract: only the same one is taken, and that none is configured is said', async () => {
      expect((await post(url('marked'), '{"instances":[1]}')).status).toBe(200);
      expect(await statusOf('strange')).toMatchObject({ state: 'END', error: 'CONTRACT_MISMATCH' });
      expect((await post(url('unused'), '{"instances":[1]}')).status).toBe(200);
      expect(server.events.filter((event) => event.kind === 'contractUnused')).toMatchObject([
        { model: 'unused', version: 1n, contract: { id: 'echo', revision: 2 } },
      ]);
    });

    it('with a file that is no contract: the server does not start', async () => {
      const file = contractFile('broken', 'apiVersion: airlock/contract/v1\nmetadata: { id: a }\n');
      await expect(
        startTestServer({ models: [{ name: 'echo', path: path.join(folder, 'echo'), contract: file }] }),
      ).rejects.toMatchObject({ code: 'CONTRACT_INVALID' });
      const gone = path.join(folder, 'gone.yaml');
      await expect(
        startTestServer({ models: [{ name: 'echo', path: path.join(folder, 'echo'), contract: gone }] }),
      ).rejects.toMatchObject({ code: 'CONTRACT_INVALID' });
    });
  });

  it('say what a request costs', async () => {
    // 5 + 4 of 15 units; then 6 are left, and 5 + 2 are asked for.
    expect((await post(url('echo'), '{"instances":[1,2,3,4]}')).status).toBe(200);
    const { error } = expectRefusal(await post(url('echo'), '{"instances":[1,2]}'), 429, 'RATE_LIMITED');
    expect(error).toContain('costs 8 units');
  });

  describe('in a program', () => {
    it('hold for values and for JSON', async () => {
      const model = await openModel({
        path: path.join(folder, 'echo'),
        unsafeUnsigned: true,
        store: path.join(root, '.airlock'),
        sandbox: reachableSandbox,
        contract: contractFile('library', echo),
      });
      try {
        expect((await model.predict({ x: [1, 2] })).y.data).toEqual(Float32Array.of(1, 2));
        await expect(model.predict({ x: [1, 200] })).rejects.toMatchObject({
          code: 'CONTRACT_VIOLATION',
          violations: [expect.objectContaining({ path: 'x[1]', ruleId: 'serving_default/inputs/x/max' })],
        });
        await expect(model.predict({ x: [11] })).rejects.toMatchObject({ code: 'MODEL_OUTPUT_REFUSED' });
        await expect(model.predictJson(Buffer.from('{"instances":[200]}'))).rejects.toMatchObject({ code: 'CONTRACT_VIOLATION' });
        expect((await model.predictJson(Buffer.from('{"instances":[3]}'))).toString()).toBe('{"predictions":[3.0]}');
      } finally {
        await model.close();
      }
    });

    it('hold on the command line', async () => {
      const predict = async (input: string) => {
        const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {}, isTerminal: false };
        const contract = contractFile('line', echo);
        const model = path.join(folder, 'echo');
        const options = [
          '--store',
          path.join(root, '.airlock'),
          '--unsafe-unsigned',
          ...sandboxArguments,
          '--contract',
          contract,
          '--input',
          input,
        ];
        const code = await main(['predict', model, ...options], io);
        return { code, said: `${io.stdout.read() ?? ''}${io.stderr.read() ?? ''}` };
      };
      expect(await predict('{"instances":[1.5]}')).toEqual({ code: 0, said: '{"predictions":[1.5]}\n' });
      const { code, said } = await predict('{"instances":[1, 200]}');
      expect(code).toBe(1);
      expect(said).toContain('The input breaks the contract of the model at instances[1]');
    });

    it('refuse to open a model that they do not fit', async () => {
      const opened = openModel({
        path: path.join(examples, 'digits'),
        unsafeUnsigned: true,
        store: path.join(root, '.airlock'),
        sandbox: reachableSandbox,
        contract: contractFile('misfit', wine),
      });
      await expect(opened).rejects.toMatchObject({ code: 'CONTRACT_MISMATCH' });
    });
  });
});
