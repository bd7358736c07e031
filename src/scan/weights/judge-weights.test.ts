import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { builtFile } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';
import { judgeWeights, type SearchPiecesOptions, type WeightTensor } from './index.ts';

const isBuilt = existsSync(builtFile(import.meta.url, 'weights-thread.js'));

function normals(count: number, scale = 0.05): Float32Array {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => scale * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

const raw = (values: Float32Array | Float64Array | Uint16Array | Int8Array | BigInt64Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

function tensor(source: Source, name = 'layer/kernel', dtype: number | string = 1): WeightTensor {
  return { name, dtype, shape: [], source, offset: 0, sizeBytes: source.sizeBytes, file: 'variables' };
}

async function judge(tensors: readonly WeightTensor[], options?: SearchPiecesOptions) {
  const context = recordingContext();
  await judgeWeights(tensors, context, options);
  return {
    said: context.findings.map(({ severity, ruleId }) => `${severity} ${ruleId}`),
    findings: context.findings,
    parts: context.parts,
  };
}

const one = async (bytes: Buffer, name?: string, dtype?: number | string) =>
  (await judge([tensor(sourceOf(bytes), name, dtype)])).said;

const elf = Buffer.alloc(64);
Buffer.from('7f454c4602010100000000000000000003003e0001000000', 'hex').copy(elf);
const prose = Buffer.from(
  'This is a long text which somebody wrote down and put where the weights of a model should be, for somebody else. '.repeat(4),
);

/** Writes `payload` over the bytes `places` of each value. */
function hide(values: Float32Array, payload: Buffer, places: readonly number[]): Buffer {
  const bytes = Buffer.from(raw(values));
  for (let at = 0; at < payload.length; at++)
    bytes[Math.floor(at / places.length) * 4 + places[at % places.length]] = payload[at];
  return bytes;
}

describe('judgeWeights()', () => {
  it('does not look at the same bytes for ever: tensors that share them are left out, and that is said', async () => {
    const source = sourceOf(Buffer.alloc(8 * 1024 ** 2));
    let readBytes = 0;
    const counting: Source = {
      ...source,
      read(offset, length) {
        readBytes += length;
        return source.read(offset, length);
      },
    };
    const shared = Array.from({ length: 1000 }, (_, index) => tensor(counting, `t${index}`));
    const { parts } = await judge(shared);
    expect(parts).toEqual([{ file: 'variables', reason: expect.stringContaining('share their bytes') }]);
    expect(readBytes).toBeLessThan(100 * 1024 ** 2);
    expect((await judge(shared.slice(0, 2))).parts).toEqual([]);
  });

  it('is silent about trained weights of every type, vocabularies, masks and empty tensors', async () => {
    const values = normals(100_000);
    expect(await one(raw(values))).toEqual([]);
    expect(await one(raw(Float64Array.from(values)), 'w', 'float64')).toEqual([]);
    expect(await one(raw(Int8Array.from(values, (value) => value * 500)), 'w', 6)).toEqual([]);
    expect(await one(raw(Int8Array.from(values, (value) => 100 + value * 200)), 'w', 'uint8')).toEqual([]);
    expect(await one(raw(Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16)), 'w', 14)).toEqual([]);
    expect(await one(raw(BigInt64Array.from({ length: 1000 }, (_, index) => BigInt(index * 7))), 'ids', 9)).toEqual([]);
    expect(await one(Buffer.from(`eval(${'the of and system model layer '.repeat(50)}import os`), 'vocabulary', 7)).toEqual([]);
    expect(await one(raw(new Float32Array(300_000)))).toEqual([]);
    expect(await one(raw(new Float32Array(128).fill(-1e9)), 'mask')).toEqual([]);
    expect(await one(Buffer.alloc(0))).toEqual([]);
  });

  it.each([
    ['float32', raw(Float32Array.of(1, Number.NaN, 2)), 1],
    ['float64', raw(Float64Array.of(1, Number.NaN, 2)), 2],
    ['float16', raw(Uint16Array.of(0x3c00, 0x7e00, 0x4000)), 'float16'],
    ['bfloat16', raw(Uint16Array.of(0x3f80, 0xffc0, 0x4000)), 'DT_BFLOAT16'],
  ])('finds what is no number among %s', async (_, bytes, dtype) => {
    const { said, findings } = await judge([tensor(sourceOf(bytes), 'dense/kernel', dtype)]);
    expect(said).toEqual(['medium weights/not-a-number']);
    expect(findings[0].message).toMatch(/1 of 3 values of tensor "dense\/kernel"/);
  });

  it('says less of the state of optimizers', async () => {
    const bytes = raw(Float32Array.of(Number.NaN));
    for (const name of ['optimizer/vars/0', 'w/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE', 'dense/kernel/Adam_1']) {
      expect(await one(bytes, name)).toEqual(['low weights/not-a-number']);
    }
  });

  it('tells infinity from its negative, which masks have', async () => {
    expect(await one(raw(Float32Array.of(1, Number.POSITIVE_INFINITY)))).toEqual(['low weights/infinite']);
    expect(await one(raw(Float32Array.of(1, Number.NEGATIVE_INFINITY)))).toEqual(['info weights/infinite']);
    expect(await one(raw(Float64Array.of(1, Number.NEGATIVE_INFINITY)), 'w', 2)).toEqual(['info weights/infinite']);
    expect(await one(raw(Uint16Array.of(0x3c00, 0x7c00)), 'w', 19)).toEqual(['low weights/infinite']);
  });

  it('finds one weight far outside, large tensors of one value, and what nothing reads', async () => {
    const values = normals(10_000);
    values[5001] = 3e8;
    expect(await one(raw(values))).toEqual(['low weights/outlier']);
    expect(await one(raw(new Float32Array(300_000).fill(0.5)))).toEqual(['info weights/constant']);
    const unused = { ...tensor(sourceOf(raw(normals(300_000)))), isUnused: true };
    expect((await judge([unused])).said).toEqual(['low weights/unused']);
  });

  it('finds a program among floats and says where', async () => {
    const bytes = Buffer.from(raw(normals(10_000)));
    elf.copy(bytes, 4001);
    const { findings } = await judge([tensor(sourceOf(bytes))]);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      ruleId: 'payload/in-weights',
      severity: 'high',
      location: { path: 'layer/kernel', offset: 4001 },
    });
    expect(findings[0].message).toMatch(/ELF/);
  });

  it.each([
    ['the lowest byte', [0]],
    ['two bytes', [0, 1]],
    ['three bytes', [0, 1, 2]],
    ['three bytes, the highest first', [2, 1, 0]],
  ])('finds a program in %s of each weight', async (_, places) => {
    expect(await one(hide(normals(10_000), elf, places))).toEqual(['medium payload/in-low-bits']);
  });

  it('finds a program in the lowest bits, and text in low bytes', async () => {
    const bytes = Buffer.from(raw(normals(10_000)));
    for (let bit = 0; bit < elf.length * 8; bit++) {
      const value = (elf[bit >> 3] >> (7 - (bit & 7))) & 1;
      bytes[bit * 4] = (bytes[bit * 4] & 0xfe) | value;
    }
    expect(await one(bytes)).toEqual(['medium payload/in-low-bits']);
    expect(await one(hide(normals(10_000), prose, [0]))).toEqual(['medium payload/in-low-bits']);
  });

  it('finds long text instead of floats', async () => {
    const bytes = Buffer.from(raw(normals(10_000)));
    prose.copy(bytes, 800);
    const { said, findings } = await judge([tensor(sourceOf(bytes))]);
    expect(said).toEqual(['medium payload/text-in-weights']);
    expect(findings[0].message).toContain('This is a long text');
  });

  it('says that strings look encrypted', async () => {
    const bytes = Buffer.alloc(400_000);
    let state = 1;
    for (let at = 0; at < bytes.length; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[at] = state >>> 24;
    }
    expect(await one(bytes, 'strings', 7)).toEqual(['low weights/high-entropy']);
  });

  it('does not leave out what cannot be read', async () => {
    const cut = { ...tensor(sourceOf(raw(normals(10)))), sizeBytes: 4000 };
    const { parts } = await judge([cut, tensor(sourceOf(raw(Float32Array.of(Number.NaN))))]);
    expect(parts).toEqual([{ file: 'variables', reason: expect.stringContaining('layer/kernel') }]);
  });

  it('finds what lies far inside, where not every byte is searched, also across two chunks', async () => {
    const bytes = Buffer.alloc(40 * 1024 ** 2);
    const at = 36 * 1024 ** 2 - 6;
    elf.copy(bytes, at);
    const python = Buffer.from(`\nimport subprocess; subprocess.run(["id"], check=True)\n# ${'and so on '.repeat(9)}\n`);
    python.copy(bytes, 38 * 1024 ** 2 + 3);
    const { findings } = await judge([tensor(sourceOf(bytes))], { threads: 0 });
    expect(findings.map(({ location }) => location.offset)).toEqual([at]);
  });
});

describe('the threads that look at weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weights-'));
  const bytes = Buffer.from(raw(normals(100_000)));
  elf.copy(bytes, 40_000);
  bytes.writeUInt32LE(0x7fc0_0000, 80_000);
  const file = join(folder, 'data');
  writeFileSync(file, bytes);
  const tensors = Array.from({ length: 5 }, (_, index) => tensor({ ...sourceOf(bytes), path: file }, `w${index}`));
  const expected = tensors.flatMap(() => ['high payload/in-weights', 'medium weights/not-a-number']);

  it.skipIf(!isBuilt)('say what is said without them (skipped where nothing is built: run `npm run build`)', async () => {
    expect((await judge(tensors, { threads: 2, minBytes: 0 })).said).toEqual(expected);
  });

  it.each([
    ['cannot start', join(folder, 'missing.mjs'), ''],
    [
      'end before they answer',
      join(folder, 'end.mjs'),
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1));",
    ],
    [
      'answer nothing',
      join(folder, 'none.mjs'),
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', ({ id }) => parentPort.postMessage({ id }));",
    ],
  ])('are done without when they %s', async (_, entry, text) => {
    if (text !== '') writeFileSync(entry, text);
    expect((await judge(tensors, { threads: 2, minBytes: 0, entry })).said).toEqual(expected);
  });

  it('leave nothing behind', () => rmSync(folder, { recursive: true }));
});
