import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { group, type H5Dataset, type H5Group, hdf5File } from '../../../tests/support/hdf5-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { judgeHdf5, readHdf5 } from './index.ts';
import { unpackLzf } from './lzf.ts';

const limits = { maxParts: 10_000 };
const floats: H5Dataset = { kind: 'dataset', type: 'f4', shape: [2, 2], data: Buffer.alloc(16) };

function judge(bytes: Buffer) {
  const context = recordingContext();
  judgeHdf5(readHdf5(sourceOf(bytes, 'w.h5'), limits), context);
  return context;
}

const judgeRoot = (root: H5Group) => judge(hdf5File(root));
const found = (root: H5Group) => judgeRoot(root).findings.map(({ ruleId, severity, message }) => ({ ruleId, severity, message }));

describe('an HDF5 file of our own', () => {
  it('is read: groups, attributes, datasets; and nothing is wrong with it', () => {
    const bytes = hdf5File(group({ a: group({ w: floats }, { note: 'hello' }) }, { model_config: '{}' }));
    const file = readHdf5(sourceOf(bytes), limits);
    expect(file.objects.map(({ path, kind }) => [path, kind])).toEqual([
      ['/', 'group'],
      ['/a', 'group'],
      ['/a/w', 'dataset'],
    ]);
    const [{ type, shape, data }] = file.objects[1].attributes;
    expect(file.text(type, shape, data)?.map(String)).toEqual(['hello']);
    expect(file.objects[2].dataset).toMatchObject({ shape: [2, 2], type: { numpy: '<f4' } });
    const context = judge(bytes);
    expect([context.findings, context.parts]).toEqual([[], []]);
  });

  it('names the file that external storage reads', () => {
    const dataset: H5Dataset = {
      kind: 'dataset',
      type: 'u1',
      shape: [9],
      external: [{ file: '/etc/passwd', offset: 3, sizeBytes: 9 }],
    };
    const context = judgeRoot(group({ layers: group({ w: dataset }) }));
    expect(context.findings).toMatchObject([
      {
        ruleId: 'file-read/hdf5-external-storage',
        severity: 'critical',
        message: expect.stringContaining('/etc/passwd'),
        location: { path: '/layers/w' },
      },
    ]);
    expect(context.uses).toMatchObject([{ kind: 'keras-feature', name: 'HDF5 external storage' }]);
  });

  it('does not mind another name of something in the same file', () => {
    const levels = (target: string) =>
      found(group({ inner: group({}), s: { kind: 'soft', target } }))
        .filter(({ ruleId }) => ruleId === 'file-read/hdf5-soft-link')
        .map(({ severity }) => severity);
    expect(levels('/inner')).toEqual(['low']);
    expect(levels('./inner')).toEqual(['low']);
    expect(levels('/s')).toEqual(['medium']);
    expect(levels('/inner/none')).toEqual(['medium']);
  });

  it('names where links lead', () => {
    const links = found(
      group({
        e: { kind: 'external', file: '../other.h5', target: '/secret' },
        s: { kind: 'soft', target: '/e' },
        t: { kind: 'soft', target: 'w' },
        w: floats,
        u: { kind: 'user', type: 99 },
      }),
    );
    expect(links).toMatchObject([
      {
        ruleId: 'file-read/hdf5-external-link',
        severity: 'high',
        message: expect.stringMatching(/\/e reads \/secret of the file \.\.\/other\.h5/),
      },
      { ruleId: 'file-read/hdf5-soft-link', severity: 'medium', message: expect.stringContaining('/s stands for /e') },
      { ruleId: 'file-read/hdf5-soft-link', severity: 'low', message: expect.stringContaining('/t stands for w') },
      { ruleId: 'code-execution/hdf5-link-class', message: expect.stringContaining('class 99') },
    ]);
  });

  it('names the file of a virtual dataset', () => {
    const dataset: H5Dataset = { kind: 'dataset', type: 'f4', shape: [4], virtual: { file: '/data/o.h5', dataset: 'w' } };
    expect(found(group({ v: dataset }))).toMatchObject([
      { ruleId: 'file-read/hdf5-virtual', severity: 'high', message: expect.stringContaining('w of the file /data/o.h5') },
    ]);
  });

  it('says which filter needs a plugin; those that packages bring along are remarks', () => {
    const filter = (id: number): H5Dataset => ({
      kind: 'dataset',
      type: 'f4',
      shape: [4],
      chunk: [4],
      filters: [{ id, name: 'x', values: [1] }],
    });
    expect(found(group({ f: filter(40000) }))).toMatchObject([
      { ruleId: 'code-execution/hdf5-filter', severity: 'medium', message: expect.stringContaining('40000') },
    ]);
    expect(found(group({ f: filter(32001) }))).toMatchObject([{ severity: 'low' }]);
    expect(found(group({ f: filter(1) }))).toEqual([]);
  });

  it.each([
    ['nothing stored', { kind: 'dataset', type: 'f4', shape: [2 ** 20, 2 ** 20] } as const, 'high'],
    ['a shape that overflows', { kind: 'dataset', type: 'f4', shape: [2 ** 40, 2 ** 40] } as const, 'high'],
    ['chunks', { kind: 'dataset', type: 'f4', shape: [2 ** 31], chunk: [1024] } as const, 'high'],
    ['less than the budget', { kind: 'dataset', type: 'f4', shape: [2 ** 27] } as const, 'medium'],
  ])('finds a dataset that is larger than what is stored: %s', (_, dataset, severity) => {
    expect(found(group({ d: dataset }))).toMatchObject([
      { ruleId: 'memory/hdf5-dataset', severity, message: expect.stringContaining('/d declares') },
    ]);
  });

  it('finds a pickle in an attribute, in opaque values, in bytes and in base64, and what it calls', () => {
    const pickle = Buffer.from('\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.', 'latin1');
    const at = { ruleId: 'payload/hdf5-pickle', severity: 'high', message: expect.stringContaining('posix.system') };
    expect(found(group({}, { a: pickle }))).toMatchObject([at]);
    expect(found(group({}, { a: pickle.toString('base64') }))).toMatchObject([at]);
    expect(found(group({ d: { kind: 'dataset', type: 'u1', shape: [pickle.length], data: pickle } }))).toMatchObject([at]);
    expect(
      found(group({ d: { kind: 'dataset', type: 'opaque', sizeBytes: pickle.length, shape: [], compact: pickle } })),
    ).toMatchObject([at]);
    expect(found(group({}, { a: 'cposix\nsystem\np0\n.' }))).toMatchObject([at]);
  });

  it('finds programs and source code, also around the file', () => {
    expect(found(group({}, { a: 'import os\nos.system("id")' }))).toMatchObject([
      { ruleId: 'payload/hdf5-code', severity: 'medium' },
    ]);
    expect(found(group({}, { a: Buffer.from('\x7fELF\x02\x01\x01\0', 'latin1') }))).toMatchObject([
      { severity: 'high', message: expect.stringContaining('ELF') },
    ]);
    const plain = hdf5File(group());
    expect(judge(Buffer.concat([plain, Buffer.from('#!/bin/sh\nid\n')])).findings).toMatchObject([
      { ruleId: 'payload/hdf5-code', message: expect.stringContaining('After its end') },
    ]);
    expect(judge(Buffer.concat([plain, Buffer.alloc(100)])).findings).toEqual([]);
  });

  it('finds attributes that come twice', () => {
    const bytes = hdf5File(group({}, { aa: '1', ab: '2' }));
    bytes[bytes.indexOf('ab\0')] = 0x61;
    bytes[bytes.indexOf('ab\0') + 1] = 0x61;
    expect(judge(bytes).findings).toMatchObject([
      { ruleId: 'parser-differential/hdf5-duplicate', message: expect.stringContaining('"aa" twice') },
    ]);
  });

  it('undoes shuffle, deflate, checksums and LZF', () => {
    const plain = Buffer.from(Float32Array.from({ length: 16 }, (_, index) => index / 3).buffer);
    const shuffled = Buffer.from(plain.map((_, at) => plain[(at % 16) * 4 + Math.floor(at / 16)]));
    const data = (packed: Buffer, ...filters: { id: number; name: string; values: number[] }[]) => {
      const file = readHdf5(
        sourceOf(hdf5File(group({ d: { kind: 'dataset', type: 'f4', shape: [4, 4], packed, filters } }))),
        limits,
      );
      const dataset = file.objects[1].dataset;
      return dataset && file.bytes(dataset, 1000);
    };
    const shuffle = { id: 2, name: '', values: [4] };
    const deflate = { id: 1, name: '', values: [6] };
    expect(data(deflateSync(shuffled), shuffle, deflate)).toEqual(plain);
    expect(data(Buffer.concat([plain, Buffer.alloc(4, 7)]), { id: 3, name: '', values: [] })).toEqual(plain);
    const literals = Buffer.concat([Buffer.from([31]), plain.subarray(0, 32), Buffer.from([31]), plain.subarray(32)]);
    expect(data(literals, { id: 32000, name: 'lzf', values: [4, 0, 64] })).toEqual(plain);
    // A chunk that unpacks to more than it holds, and a filter that is not known.
    expect(data(deflateSync(Buffer.alloc(1_000_000)), deflate)).toBeUndefined();
    expect(data(plain, { id: 5, name: '', values: [] })).toBeUndefined();
  });

  it('does not follow links in circles, and says so', () => {
    const inner = group({ again: { kind: 'hard', address: 48 } });
    const file = readHdf5(sourceOf(hdf5File(group({ a: inner, b: { kind: 'hard', address: 48 } }))), limits);
    expect(file.objects.length).toBe(2);
    const context = recordingContext();
    judgeHdf5(file, context);
    expect(context.findings).toMatchObject([
      { ruleId: 'hang/hdf5-cycle', message: expect.stringContaining('"again" leads to /a') },
    ]);
  });

  it('says that a part cannot be read, and reads on', () => {
    const bytes = hdf5File(
      group({ a: { kind: 'hard', address: 7 }, w: floats, e: { kind: 'external', file: 'x', target: 'y' } }),
    );
    const context = judge(bytes);
    expect(context.parts).toMatchObject([{ file: 'w.h5', reason: expect.stringContaining('/a') }]);
    expect(context.findings.map(({ ruleId }) => ruleId)).toContain('file-read/hdf5-external-link');
  });

  it('calls a file that is cut short unreadable', () => {
    const bytes = hdf5File(group({ w: { ...floats, shape: [4096], data: Buffer.alloc(16384) } }));
    const context = recordingContext();
    let isSaid = false;
    try {
      judgeHdf5(readHdf5(sourceOf(bytes.subarray(0, bytes.length - 40)), limits), context);
    } catch (thrown) {
      isSaid = isAirlockError(thrown) && thrown.code === 'MODEL_INVALID';
    }
    expect(isSaid || context.parts.length > 0).toBe(true);
  });

  it('survives any bytes and any change of them with AirlockErrors only, and soon', () => {
    const rich = hdf5File(
      group({
        g: group({ w: floats, e: { kind: 'external', file: 'x', target: 'y' } }, { a: 'text' }),
        x: { kind: 'dataset', type: 'u1', shape: [9], external: [{ file: '/etc/passwd', offset: 3, sizeBytes: 9 }] },
        v: { kind: 'dataset', type: 'f4', shape: [4], virtual: { file: 'o', dataset: 'w' } },
        c: { kind: 'dataset', type: 'f4', shape: [4], chunk: [4], filters: [{ id: 1, name: '', values: [6] }] },
      }),
    );
    const change = fc.array(fc.tuple(fc.nat(rich.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((tail) => Buffer.concat([rich.subarray(0, 48), tail])),
      change.map((changes) => {
        const copy = Buffer.from(rich);
        for (const [at, value] of changes) copy[at] = value;
        return copy;
      }),
    );
    fc.assert(
      fc.property(bytes, (hostile) => {
        try {
          judge(hostile);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 600 },
    );
  });
});

describe('a file that the HDF5 library wrote', () => {
  const files = new Map<string, Buffer>();
  const numbers = Float32Array.from({ length: 600 }, (_, index) => index / 7);

  beforeAll(async () => {
    const library = await import('h5wasm');
    const { FS } = await library.ready;
    for (const libver of ['earliest', 'latest'] as const) {
      const name = `/${libver}.h5`;
      const file = new library.File(name, 'w', libver === 'latest' ? { libver, track_order: true } : {});
      file.create_attribute('model_config', '{"class_name":"Sequential"}');
      const many = file.create_group('many', libver === 'latest');
      for (let index = 0; index < 40; index++) {
        const one = many.create_dataset({ name: `d${index}`, data: Float32Array.of(index) });
        if (index === 0) for (let count = 0; count < 20; count++) one.create_attribute(`a${count}`, `v${count}`);
      }
      file.create_dataset({ name: 'chunked', data: numbers, shape: [20, 30], chunks: [7, 11], compression: 4 });
      file.create_dataset({ name: 'plain', data: numbers, shape: [20, 30], chunks: [7, 11] });
      file.create_dataset({
        name: 'paged',
        data: numbers.slice(0, 80),
        shape: [40, 2],
        maxshape: [50, 60],
        chunks: [1, 1],
        compression: 1,
      });
      file.create_dataset({
        name: 'grows',
        data: numbers,
        shape: [20, 30],
        maxshape: [null, null],
        chunks: [7, 11],
        compression: 4,
      });
      file.create_dataset({ name: 'one', data: numbers, shape: [20, 30], chunks: [20, 30], compression: 4 });
      for (let index = 0; index < 300; index++) many.create_hard_link('/many/d0', `another name of the first one ${index}`);
      file.create_dataset({ name: 'deep', data: numbers, shape: [600], maxshape: [null], chunks: [1] });
      many.create_soft_link('/chunked', 'soft');
      many.create_external_link('/other.h5', '/x', 'external');
      file.close();
      files.set(libver, Buffer.from(FS.readFile(name)));
    }
  });

  it.each(['earliest', 'latest'])('is read whole: %s', (libver) => {
    const bytes = files.get(libver) ?? Buffer.alloc(0);
    const file = readHdf5(sourceOf(bytes, 'w.h5'), limits);
    expect(file.problems).toEqual([]);
    expect(file.objects.filter(({ path }) => path.startsWith('/many/')).length).toBe(40);
    expect(file.objects.filter(({ attributes }) => attributes.length === 20).length).toBe(1);
    expect(file.objects.find(({ path }) => path === '/many')?.links.length).toBe(342);
    const root = file.objects[0].attributes.find(({ name }) => name === 'model_config');
    expect(root && file.text(root.type, root.shape, root.data)?.map(String)).toEqual(['{"class_name":"Sequential"}']);
    for (const name of ['chunked', 'plain', 'grows', 'one']) {
      const dataset = file.objects.find(({ path }) => path === `/${name}`)?.dataset;
      const data = dataset && file.bytes(dataset, 1e6);
      expect(data && new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length))).toEqual(numbers);
    }
    const paged = file.objects.find(({ path }) => path === '/paged')?.dataset;
    const few = paged && file.bytes(paged, 1e6);
    expect(few && new Float32Array(few.buffer.slice(few.byteOffset, few.byteOffset + 320))).toEqual(numbers.slice(0, 80));
    const context = judge(bytes);
    expect(context.findings.map(({ ruleId }) => ruleId).sort()).toEqual([
      'file-read/hdf5-external-link',
      'file-read/hdf5-soft-link',
    ]);
  });

  it('survives any change of it', () => {
    for (const original of files.values()) {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
          const copy = Buffer.from(original);
          for (const [at, value] of changes) copy[at] = value;
          try {
            judge(copy);
          } catch (thrown) {
            expect(isAirlockError(thrown) && thrown.code).toMatch(/^MODEL_/);
          }
        }),
        { numRuns: 100 },
      );
    }
  });
});

describe('unpackLzf()', () => {
  it('unpacks literals and references that overlap, and nothing that leads out', () => {
    expect(unpackLzf(Buffer.from([2, 0x61, 0x62, 0x63, 0x80, 2]), 9)?.toString()).toBe('abcabcabc');
    expect(unpackLzf(Buffer.from([0x20, 5]), 3)).toBeUndefined();
    expect(unpackLzf(Buffer.from([2, 0x61]), 3)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(100), (bytes, size) => void unpackLzf(Buffer.from(bytes), size)),
    );
  });
});
