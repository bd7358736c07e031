import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileContract, parseContract } from '../../contract/index.ts';
import { AirlockError } from '../../core/index.ts';
import { type CostExpression, type CostModel, ModelCosts, type SignatureCost } from '../../cost/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import { ContractGuard, type ImageSource } from '../contract-guard.ts';
import { HeldBytes } from '../images/held-bytes.ts';
import { ownContext, type RunContext, type Runner } from '../runner.ts';
import { CostAdmission, type CostAdmissionOptions } from './cost-admission.ts';
import { type CostLimits, noCostLimits } from './cost-limits.ts';

const mebibyte = 1024 * 1024;
const signature: Signature = {
  name: 'serving_default',
  methodName: '',
  inputs: [
    { alias: 'image', tensorName: 'image:0', dtype: 'DT_STRING', shape: [-1] },
    { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1, -1] },
  ],
  outputs: [],
};
const product = (...of: CostExpression[]): CostExpression => ({ op: '*', of });
const attention = product(10, 'x.0', 'x.1', 'x.1');

function model(changes: Partial<SignatureCost> = {}): CostModel {
  return {
    format: 1,
    weightBytes: 10 * mebibyte,
    signatures: [
      {
        name: 'serving_default',
        variables: [
          { name: 'x.0', input: 'x', axis: 0 },
          { name: 'x.1', input: 'x', axis: 1 },
          { name: 'image.bytes', input: 'image', axis: 'bytes' },
        ],
        flops: { op: '+', of: [attention, product(3, 'x.0')] },
        bytes: product(4, 'x.0', 'x.1'),
        peakBytes: { op: '+', of: [product(mebibyte, 'x.0'), product(100, 'image.bytes')] },
        nodes: [
          {
            node: 'scores',
            function: 'f',
            op: 'Einsum',
            runs: 1,
            flops: attention,
            bytes: 0,
            memoryBytes: product(mebibyte, 'x.0'),
          },
          { node: 'out', op: 'Mul', runs: 1, flops: product(3, 'x.0'), bytes: 0, memoryBytes: 8 },
        ],
        gaps: [],
        ...changes,
      },
    ],
  };
}

const floats = (rows: number, columns: number): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [rows, columns],
  bytes: new Uint8Array(rows * columns * 4),
});
const image = (byteLength: number): Tensor => ({
  dtype: 'DT_STRING',
  shape: [1],
  bytes: new Uint8Array(byteLength),
  offsets: Uint32Array.of(0, byteLength),
});
const request = (rows: number, columns: number, imageBytes = 0): readonly Tensor[] => [image(imageBytes), floats(rows, columns)];

function admissionOf(
  limits: Partial<CostLimits> = {},
  more: Partial<CostAdmissionOptions> & { readonly changes?: Partial<SignatureCost> } = {},
) {
  const seen: RunContext[] = [];
  const next: Runner = {
    run: async (_index, inputs, context) => {
      seen.push(context);
      return inputs;
    },
  };
  const costs = new ModelCosts(model(more.changes), [signature]);
  const admission = new CostAdmission({
    costs,
    signatures: [signature],
    shapes: 'strict',
    limits: { ...noCostLimits, ...limits },
    next,
    ...more,
  });
  return { admission, seen, costs };
}

async function refusalOf(run: () => Promise<unknown>): Promise<AirlockError> {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof AirlockError) return thrown;
    throw thrown;
  }
  throw new Error('not refused');
}
const ask = (admission: Runner, inputs: readonly Tensor[]) => refusalOf(async () => admission.run(0, inputs, ownContext));

describe('CostAdmission', () => {
  it('tells the next steps what the request will cost', async () => {
    const { admission, seen } = admissionOf();
    await admission.run(0, request(2, 3), { client: 'c', deadlineMs: 7 });
    expect(seen).toMatchObject([
      { client: 'c', deadlineMs: 7, cost: { flops: 186, bytes: 24, peakBytes: 2 * mebibyte, isBounded: true } },
    ]);
  });

  it('refuses what computes too much, and says what costs most and what to make smaller', async () => {
    const { admission, seen } = admissionOf({ maxCost: 5e9 });
    await admission.run(0, request(2, 1_000), ownContext);
    const error = await ask(admission, request(1, 100_000));
    expect(error.code).toBe('COST_EXCEEDED');
    expect(error.violations).toEqual([
      {
        path: 'x',
        rule: 'maxCost',
        expected: 'at most 5e9 floating-point operations',
        got: '1e11, of which Einsum 100 %, Mul 0 % (axis 1 of size 1e5)',
      },
    ]);
    expect(error.retry).toBe(false);
    expect(seen).toHaveLength(1);
    expect(admission.report.refused).toMatchObject({ maxCost: 1, ops: 0 });
  });

  it('refuses before anything is queued: the next step does not hear of it', async () => {
    const { admission, seen } = admissionOf({ maxRequestMemoryMiB: 4 });
    const error = await ask(admission, request(5, 1));
    expect(error.violations).toMatchObject([
      { path: 'x', rule: 'maxRequestMemoryMiB', expected: 'at most 4 MiB of memory', got: '5 MiB (axis 0 of size 5)' },
    ]);
    expect((await ask(admission, request(1, 1, mebibyte))).violations).toMatchObject([
      { path: 'image', got: '101 MiB (bytes 1.05e6)' },
    ]);
    expect(seen).toEqual([]);
  });

  it('holds what overflows and what is no number for larger than any limit', async () => {
    const { admission } = admissionOf({ maxCost: 1e21 }, { changes: { flops: product(1e308, 'x.0', 'x.0', 0) } });
    expect((await ask(admission, request(1_000, 1))).code).toBe('COST_EXCEEDED');
  });

  it.each<[string, Partial<CostLimits>, string]>([
    ['operations', { ops: { Einsum: { maxMiB: 2 } } }, 'at most 2 MiB for all Einsum'],
    ['a node', { nodes: { scores: { maxMiB: 2 } } }, 'at most 2 MiB for scores'],
    ['a node of a function', { nodes: { 'f/scores': { maxMiB: 2 } } }, 'at most 2 MiB for f/scores'],
  ])('keeps limits of memory of %s', async (_, limits, expected) => {
    const { admission, seen } = admissionOf(limits);
    await admission.run(0, request(2, 1), ownContext);
    expect((await ask(admission, request(3, 1))).violations).toMatchObject([
      { path: 'x', expected, got: '3 MiB (axis 0 of size 3)' },
    ]);
    expect(seen).toHaveLength(1);
  });

  it('keeps limits of time once something was measured', async () => {
    const { admission, costs } = admissionOf({ ops: { Einsum: { maxMs: 20 } } });
    await admission.run(0, request(1, 10_000), ownContext);
    costs.rates.calibrate([1e6, 1e7, 1e8].map((flops) => ({ flops, bytes: 1, milliseconds: flops * 1e-7 })));
    expect((await ask(admission, request(1, 10_000))).violations).toMatchObject([
      { path: 'x', rule: 'ops', expected: 'at most 20 ms for all Einsum', got: '100 ms (axis 1 of size 1e4)' },
    ]);
    await admission.run(0, request(1, 4_000), ownContext);
    costs.rates.opFactors = new Map([['Einsum', 1e-5]]);
    expect((await ask(admission, request(1, 4_000))).violations).toMatchObject([{ got: '1600 ms (axis 1 of size 4000)' }]);
  });

  it('lets through what cannot be bounded, or refuses it, as is configured', async () => {
    const changes: Partial<SignatureCost> = { gaps: [{ node: 'u', op: 'Un\u202eique', why: 'shape' }], flops: null };
    await admissionOf({ maxCost: 1e9 }, { changes }).admission.run(0, request(2, 2), ownContext);
    const { admission } = admissionOf({ unknownCost: 'refuse' }, { changes });
    const error = await ask(admission, request(2, 2));
    expect(error).toMatchObject({
      code: 'COST_UNKNOWN',
      violations: [{ path: '', got: 'Un\\u{202e}ique: its sizes depend on data' }],
    });
    // The part that is known is over the limit already.
    expect((await ask(admissionOf({ maxCost: 100 }, { changes }).admission, request(2, 9))).code).toBe('COST_EXCEEDED');
    const unscanned = { costs: undefined };
    await admissionOf({}, unscanned).admission.run(0, request(1, 1), ownContext);
    expect((await ask(admissionOf({ unknownCost: 'refuse' }, unscanned).admission, request(1, 1))).code).toBe('COST_UNKNOWN');
  });

  it('knows nothing of a request with other shapes than the signature has', async () => {
    const odd = [image(0), { ...floats(3, 3), shape: [3, 3, 1] }];
    const { admission, seen } = admissionOf({ maxCost: 1 }, { shapes: 'compat' });
    await admission.run(0, odd, ownContext);
    expect(seen[0]?.cost).toBeUndefined();
    expect((await ask(admissionOf({ unknownCost: 'refuse' }, { shapes: 'compat' }).admission, odd)).code).toBe('COST_UNKNOWN');
  });

  it('refuses exactly what is over the limit', () => {
    const { admission } = admissionOf({ maxCost: 1e6 });
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (rows, columns) => {
        const ask = () => void admission.run(0, request(rows, columns), ownContext);
        if (10 * rows * columns * columns + 3 * rows > 1e6) expect(ask).toThrow(AirlockError);
        else ask();
      }),
    );
  });
});

describe('the memory that a worker leaves', () => {
  const limits = { memoryMiB: 100, modelMemoryBytes: () => 40 * mebibyte };

  it('refuses nothing for a bound alone: it may be many times too high', async () => {
    const { admission, seen } = admissionOf({}, limits);
    await admission.run(0, request(5_000, 1), ownContext);
    expect(seen).toHaveLength(1);
  });

  it('refuses what cannot fit by what was measured, and nothing that might', async () => {
    const { admission } = admissionOf({}, limits);
    admission.evidence(0)?.observe(10 * mebibyte, 8 * mebibyte);
    await admission.run(0, request(150, 1), ownContext);
    const error = await ask(admission, request(151, 1));
    expect(error.violations).toMatchObject([
      { path: 'x', rule: 'memoryMiB', expected: 'at most 60 MiB of memory', got: '151 MiB (axis 0 of size 151)' },
    ]);
    expect(admission.report.refused.memoryMiB).toBe(1);
  });

  it('refuses what is no smaller than what has ended a worker', async () => {
    const dies: Runner = { run: () => Promise.reject(new AirlockError('WORKER_OUT_OF_MEMORY')) };
    const { admission } = admissionOf({}, { ...limits, next: dies });
    expect((await ask(admission, request(200, 1))).code).toBe('WORKER_OUT_OF_MEMORY');
    expect((await ask(admission, request(200, 1))).code).toBe('COST_EXCEEDED');
    expect((await ask(admission, request(199, 1))).code).toBe('WORKER_OUT_OF_MEMORY');
    // One that fits by its bound was not what filled the worker.
    expect((await ask(admission, request(59, 1))).code).toBe('WORKER_OUT_OF_MEMORY');
    expect((await ask(admission, request(60, 1))).code).toBe('WORKER_OUT_OF_MEMORY');
  });

  it('does not count what earlier requests left behind', async () => {
    const held = [40, 95];
    const { admission } = admissionOf({}, { memoryMiB: 100, modelMemoryBytes: () => (held.shift() ?? 95) * mebibyte });
    admission.evidence(0)?.observe(mebibyte, mebibyte);
    await admission.run(0, request(100, 1), ownContext);
    await admission.run(0, request(100, 1), ownContext);
  });
});

describe('a contract that cuts a request to size', () => {
  const guardOf = (inputs: string, images: ImageSource['decode']): ContractGuard => {
    const contract = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: test, revision: 1 }
dims: { seq: { min: 1, max: 128 } }
signatures:
  serving_default:
    inputs: ${inputs}
`);
    const compiled = compileContract(contract, [signature]);
    return new ContractGuard({
      contract,
      digest: 'd',
      compiled,
      images: { decode: images, held: new HeldBytes(1e9) },
      imagesTimeoutMs: 1_000,
    });
  };
  const never: ImageSource['decode'] = () => Promise.reject(new Error('nobody asked for images'));
  const through = (guard: ContractGuard | undefined, admission: Runner, tensors: readonly Tensor[]) => {
    const run = (inputs: readonly Tensor[]) => admission.run(0, inputs, ownContext);
    return guard === undefined ? run(tensors) : guard.open().run({ signature, tensors, paths: [() => 'image', () => 'x'], run });
  };

  it('has a sequence truncated that would be refused', async () => {
    const { admission, seen } = admissionOf({ maxCost: 1e6 });
    expect((await refusalOf(async () => through(undefined, admission, request(1, 1_000)))).code).toBe('COST_EXCEEDED');
    const guard = guardOf(
      '{ image: { dtype: string, shape: [null] }, x: { dtype: float32, shape: [null, seq], onViolation: { shape: truncate } } }',
      never,
    );
    await through(guard, admission, request(1, 1_000));
    expect(seen).toMatchObject([{ cost: { flops: 10 * 128 * 128 + 3 } }]);
  });

  it('has an image downsampled that would be refused', async () => {
    const { admission, seen } = admissionOf({ maxRequestMemoryMiB: 2 });
    const small = pngOf(10, 10);
    const guard = guardOf(
      '{ image: { dtype: string, shape: [null], image: { formats: [png], maxPixels: 100 }, onViolation: { image.maxPixels: { action: downsample, maxWidth: 10, maxHeight: 10 } } }, x: { dtype: float32, shape: [null, seq] } }',
      async () => small,
    );
    const png = pngOf(100, 100);
    expect(png.length).toBeGreaterThan(15_000);
    const large: readonly Tensor[] = [
      { dtype: 'DT_STRING', shape: [1], bytes: png, offsets: Uint32Array.of(0, png.length) },
      floats(1, 1),
    ];
    expect((await refusalOf(async () => through(undefined, admission, large))).code).toBe('COST_EXCEEDED');
    await through(guard, admission, large);
    expect(seen).toMatchObject([{ cost: { peakBytes: mebibyte + 100 * small.length } }]);
  });
});

/** Not compressed, so that it is as large as its pixels. */
function pngOf(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.from([0, ...Array.from({ length: width * 3 }, (_x, x) => ((x * 7 + y * 13) * 2_654_435_761) >>> 24)]),
  );
  const signatureBytes = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signatureBytes,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
