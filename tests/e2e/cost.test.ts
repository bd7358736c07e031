// What a request costs, from a model's graph to a refusal: by the command, in a program, and over a server.
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { isAirlockError, type Model, openModel } from '../../src/index.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox as sandbox, sandboxArguments } from '../support/sandbox.ts';
import { post, root, startTestServer, type TestServer } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const digits = path.join(root, 'examples/digits');
const store = path.join(root, '.airlock');
const rows = (count: number) => ({ shape: [count, 8, 8, 1], data: new Float32Array(count * 64) });
/** Of one row of digits some 650,000 operations are predicted. */
const maxCost = 5e6;

interface PrintedCost {
  readonly weightBytes: number;
  readonly signatures: readonly {
    readonly name: string;
    readonly isBounded: boolean;
    readonly flops: { readonly formula: string; readonly value: number };
    readonly peakBytes: { readonly value: number };
    readonly top: readonly { readonly op: string; readonly share: number }[];
    readonly measured?: { readonly milliseconds: number; readonly peakBytes?: number };
  }[];
}

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: '', err: '' };
  const into = (name: keyof typeof texts) =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const code = await main(args, { stdout: into('out'), stderr: into('err'), env: {}, isTerminal: false });
  return { code, ...texts };
}

describe('airlock cost', () => {
  it('prints what a model will cost, by what, and for which sizes', async () => {
    const { code, out } = await run('cost', digits, '--signature', 'serving_default', '--input', 'image=32x8x8x1', '--json');
    expect(code).toBe(0);
    const printed = JSON.parse(out) as PrintedCost;
    // 21,548 numbers, restored into what the signatures read and into the objects' own variables.
    expect(printed.weightBytes).toBeGreaterThan(170_000);
    expect(printed.weightBytes).toBeLessThan(200_000);
    const [{ name, isBounded, flops, top }] = printed.signatures;
    expect([name, isBounded, top[0].op]).toEqual(['serving_default', true, 'Conv2D']);
    // The larger convolution: 8 × 8 places, 3 × 3 × 16 inputs, 32 outputs, two operations each.
    expect(flops.value).toBeGreaterThan(32 * 64 * 9 * 16 * 32 * 2);
    expect(flops.value).toBeLessThan(32 * 64 * 9 * 16 * 32 * 2 * 1.5);
    expect(flops.formula).toMatch(/^[\d.e]+·image\[0\]/);
  });

  it('says what is wrong with what it was asked', async () => {
    expect(await run('cost', digits, '--input', 'image=32')).toMatchObject({ code: 2 });
    expect(await run('cost', digits, '--signature', 'other')).toMatchObject({
      code: 1,
      err: expect.stringContaining('serving_default'),
    });
    expect(await run('cost', path.join(root, 'no-such-folder'))).toMatchObject({ code: 2 });
    expect(await run('cost', digits, '--measure')).toMatchObject({ code: 2, err: expect.stringContaining('--unsafe-unsigned') });
  });

  it.skipIf(slot === undefined)(`measures beside it, in the jail, and is never too low${needsRuntime}`, async () => {
    const size = ['--signature', 'serving_default', '--input', 'image=64x8x8x1', '--json', '--measure'];
    const { code, out, err } = await run('cost', digits, ...size, '--unsafe-unsigned', '--store', store, ...sandboxArguments);
    expect([code, err]).toEqual([0, '']);
    const [{ measured, peakBytes }] = (JSON.parse(out) as PrintedCost).signatures;
    expect(measured?.milliseconds).toBeGreaterThan(0);
    expect(measured?.peakBytes).toBeGreaterThan(100_000);
    expect(peakBytes.value).toBeGreaterThanOrEqual(measured?.peakBytes ?? Number.POSITIVE_INFINITY);
    expect(peakBytes.value).toBeLessThan((measured?.peakBytes ?? 0) * 2);
  });
});

describe.skipIf(slot === undefined)(`a model that a program opens${needsRuntime}`, () => {
  let model: Model;
  beforeAll(async () => {
    model = await openModel({ path: digits, store, sandbox, unsafeUnsigned: true, costLimits: { maxCost } });
  });
  afterAll(() => model?.close());

  it('refuses what costs too much, and answers the rest', async () => {
    expect((await model.predict({ image: rows(4) })).probabilities.shape).toEqual([4, 10]);
    const thrown: unknown = await model.predict({ image: rows(50) }).catch((error: unknown) => error);
    if (!isAirlockError(thrown)) throw new Error('it was answered');
    expect(thrown).toMatchObject({ code: 'COST_EXCEEDED', violations: [{ path: 'image', rule: 'maxCost' }] });
  });
});

describe.skipIf(slot === undefined)(`a server${needsRuntime}`, () => {
  let served: TestServer;
  beforeAll(async () => {
    served = await startTestServer({ models: [{ name: 'digits', path: digits, limits: { maxCost } }], scan: {} });
  });
  afterAll(() => served?.close());
  const ask = (count: number) => {
    const image = Array(8).fill(Array(8).fill([0]));
    return post(`${served.url}/v1/models/digits:predict`, JSON.stringify({ instances: Array(count).fill({ image }) }));
  };

  it('refuses with 413, with what was predicted and what is allowed', async () => {
    expect((await ask(4)).status).toBe(200);
    const { status, json } = await ask(50);
    expect(status).toBe(413);
    expect(json).toMatchObject({
      code: 'COST_EXCEEDED',
      violations: [
        {
          path: 'image',
          rule: 'maxCost',
          expected: 'at most 5e6 floating-point operations',
          got: expect.stringMatching(/^3\.\d+e7, of which Conv2D \d\d %, .*\(axis 0 of size 50\)$/),
        },
      ],
    });
  });
});
