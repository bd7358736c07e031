// Airlock as a library on the example models, and the example service that embeds it as a package.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAirlockError, type Model, openModel } from '../../src/index.ts';
import { lacksLevel } from '../support/jail-level.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox as sandbox } from '../support/sandbox.ts';
import { call, post, root, temporaryFolder } from '../support/server.ts';

const store = path.join(root, '.airlock');
const title = (text: string): string => `${text}${needsRuntime}`;
const requestOf = (example: string): Buffer => readFileSync(path.join(root, 'examples', example, 'request.json'));

async function refusal(action: Promise<unknown>): Promise<{ code: string; path: string | undefined }> {
  try {
    await action;
  } catch (thrown) {
    if (isAirlockError(thrown)) return { code: thrown.code, path: thrown.violations[0]?.path };
    throw thrown;
  }
  throw new Error('not refused');
}

describe.skipIf(slot === undefined)(title('openModel on digits'), () => {
  let model: Model;
  const image = (JSON.parse(requestOf('digits').toString()) as { readonly instances: number[][][][] }).instances;
  beforeAll(async () => {
    model = await openModel({ path: path.join(root, 'examples/digits'), store, sandbox, unsafeUnsigned: true });
  });
  afterAll(() => model?.close());

  it('says what the model takes and gives', () => {
    expect(model.version).toBe(1n);
    const serving = model.signatures.find(({ name }) => name === 'serving_default');
    expect(serving?.inputs).toMatchObject([{ alias: 'image', dtype: 'DT_FLOAT', shape: [-1, 8, 8, 1] }]);
    expect(serving?.outputs).toMatchObject([{ alias: 'probabilities', dtype: 'DT_FLOAT', shape: [-1, 10] }]);
  });

  it('takes nested lists and typed arrays alike', async () => {
    const nested = await model.predict({ image });
    const flat = await model.predict({
      image: { shape: [1, 8, 8, 1], data: Float32Array.from(image.flat(4) as unknown as number[]) },
    });
    expect(nested.probabilities).toEqual(flat.probabilities);
    const { dtype, shape, data } = nested.probabilities;
    expect([dtype, shape]).toEqual(['DT_FLOAT', [1, 10]]);
    if (!(data instanceof Float32Array)) throw new TypeError('expected floats');
    // The scan in request.json is an 8, and the README says how sure the model is.
    expect(data[8]).toBeCloseTo(0.9918, 4);
    expect(data.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
  });

  it('answers a REST body with a REST body', async () => {
    const answer: unknown = JSON.parse((await model.predictJson(requestOf('digits'))).toString());
    const { predictions } = answer as { readonly predictions: readonly number[][] };
    const { data } = (await model.predict({ image })).probabilities;
    expect(predictions[0].map(Math.fround)).toEqual(Array.from(data as Float32Array));
  });

  it('answers many calls at once, each with its own', async () => {
    const blank = image.map((rows) => rows.map((row) => row.map(() => [0])));
    const calls = Array.from({ length: 40 }, (_, i) => model.predict({ image: i % 2 === 0 ? image : blank }));
    const eights = (await Promise.all(calls)).map(({ probabilities }) => Number(probabilities.data[8]) > 0.9);
    expect(eights).toEqual(Array.from({ length: 40 }, (_, i) => i % 2 === 0));
  });

  it('refuses what does not fit, and says where', async () => {
    expect(await refusal(model.predict({}))).toEqual({ code: 'INPUT_MISSING', path: 'image' });
    expect(await refusal(model.predict({ image, more: 1 }))).toEqual({ code: 'INPUT_UNKNOWN', path: 'more' });
    expect(await refusal(model.predict({ image: [1, 2] }))).toEqual({ code: 'TENSOR_SHAPE_MISMATCH', path: 'image' });
    expect((await refusal(model.predict({ image: 'x' }))).code).toBe('TENSOR_TYPE_MISMATCH');
    expect((await refusal(model.predict({ image: [[1, 2], [3]] }))).code).toBe('TENSOR_RAGGED');
    expect((await refusal(model.predict({ image }, { signature: 'other' }))).code).toBe('SIGNATURE_NOT_FOUND');
    expect((await refusal(model.predictJson(Buffer.from('{"instances":[1]')))).code).toBe('JSON_SYNTAX');
    const hostile: Record<string, number> = JSON.parse('{"__proto__":1}');
    expect((await refusal(model.predict(hostile))).code).toBe('INPUT_UNKNOWN');
  });
});

describe.skipIf(slot === undefined)(title('openModel on tabular'), () => {
  it('takes integers and strings, and gives strings as bytes', async () => {
    const model = await openModel({ path: path.join(root, 'examples/tabular/1'), store, sandbox, unsafeUnsigned: true });
    try {
      const wine = { alcohol: [12.88], flavanoids: [1.22], hue: [0.74], magnesium: [104], proline: [530n], colour: ['medium'] };
      const { cultivar, probabilities } = await model.predict(wine);
      expect(Array.from(cultivar.data, String)).toEqual(['class_2']);
      expect(Number(probabilities.data[2])).toBeCloseTo(0.8663, 4);
      const json: unknown = JSON.parse((await model.predictJson(requestOf('tabular'))).toString());
      expect(json).toMatchObject({ predictions: [{ cultivar: 'class_2' }] });
      expect((await refusal(model.predict({ ...wine, proline: [530.5] }))).code).toBe('TENSOR_NOT_INTEGER');
      expect((await refusal(model.predict({ ...wine, colour: [7] }))).code).toBe('TENSOR_TYPE_MISMATCH');
    } finally {
      await model.close();
    }
    expect((await refusal(model.predictJson(requestOf('tabular')))).code).toBe('MODEL_NOT_AVAILABLE');
    await model.close();
  });
});

describe('openModel refuses', () => {
  it.skipIf(slot === undefined)(title('a folder without a model, and one that is not there'), async () => {
    expect((await refusal(openModel({ path: path.join(root, 'examples'), store, unsafeUnsigned: true }))).code).toBe(
      'MODEL_INVALID',
    );
    expect((await refusal(openModel({ path: path.join(root, 'no-such-folder'), store, unsafeUnsigned: true }))).code).toBe(
      'MODEL_NOT_AVAILABLE',
    );
  });

  it('a store without TensorFlow', async () => {
    const folder = temporaryFolder();
    const opened = openModel({ path: path.join(root, 'examples/digits'), store: folder, unsafeUnsigned: true });
    expect((await refusal(opened)).code).toBe('RUNTIME_NOT_INSTALLED');
    rmSync(folder, { recursive: true });
  });
});

/** The example opens its model as a program does that knows of no weaker jail. */
const noService = `${needsRuntime}${lacksLevel('process')}`;

describe.skipIf(noService !== '')(`The service that embeds Airlock${noService}`, () => {
  let folder: string;
  let service: ChildProcess;
  let url: string;
  beforeAll(async () => {
    // What `npm install` would make there, from links instead of the network.
    folder = temporaryFolder();
    const example = path.join(folder, 'examples/embed-in-fastify');
    cpSync(path.join(root, 'examples/embed-in-fastify'), example, {
      recursive: true,
      filter: (from) => !from.includes('node_modules'),
    });
    for (const name of ['digits', 'release.pub'])
      symlinkSync(path.join(root, 'examples', name), path.join(folder, 'examples', name));
    mkdirSync(path.join(example, 'node_modules'));
    symlinkSync(root, path.join(example, 'node_modules/tf-airlock'));
    symlinkSync(path.join(root, 'node_modules/fastify'), path.join(example, 'node_modules/fastify'));
    service = spawn(process.execPath, ['server.js'], {
      cwd: example,
      env: { PATH: process.env.PATH, PORT: '0', AIRLOCK_STORE: store },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    for await (const chunk of service.stdout ?? []) {
      printed += String(chunk);
      const listening = /^listening on (\S+)$/m.exec(printed);
      if (listening === null) continue;
      url = `${listening[1]}/read-digit`;
      return;
    }
    throw new Error('the service ended before it listened');
  });
  afterAll(() => {
    service?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const headers = { 'content-type': 'application/json' };

  it('asks for the versions that this repository has', () => {
    const read = (file: string): unknown => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
    const own = read('package.json') as { readonly name: string; readonly dependencies: Record<string, string> };
    const example = read('examples/embed-in-fastify/package.json') as typeof own;
    expect(example.dependencies).toEqual({ fastify: own.dependencies.fastify, [own.name]: 'file:../..' });
  });

  it('answers the request of its README', async () => {
    const readme = readFileSync(path.join(root, 'examples/embed-in-fastify/README.md'), 'utf8');
    const body = /-d '([^']+)'/.exec(readme)?.[1] ?? '';
    const { status, json } = await post(url, body, headers);
    expect(status).toBe(200);
    expect(json).toMatchObject({ digit: 8 });
  });

  it('passes on what is wrong with the input', async () => {
    const small = await post(url, '{"pixels":[[0,1],[1,0]]}', headers);
    expect([small.status, small.json]).toMatchObject([400, { code: 'TENSOR_SHAPE_MISMATCH', violations: [{ path: 'image' }] }]);
    const text = await post(url, '{"pixels":[["a"]]}', headers);
    expect([text.status, text.json]).toMatchObject([400, { code: 'TENSOR_TYPE_MISMATCH' }]);
    expect((await post(url, '{}', headers)).status).toBe(400);
    expect((await call(url)).status).toBe(404);
  });

  it('ends when it is asked to', async () => {
    service.kill('SIGTERM');
    const [code] = await once(service, 'exit');
    expect(code).toBe(0);
  });
});
