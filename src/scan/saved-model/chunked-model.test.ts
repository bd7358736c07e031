import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attrTensor,
  constInts,
  field,
  graphDef,
  message,
  nodeDef,
  savedModel,
  varintField,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { chunkedModel, riegeliOf } from '../../../tests/support/riegeli-builder.ts';
import { isAirlockError } from '../../core/index.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { isSameModel } from './compare-models.ts';
import { readChunkedModel, readTextModel } from './index.ts';
import { readRiegeli } from './riegeli.ts';

const read = (bytes: Buffer) => readChunkedModel(sourceOf(bytes, 'saved_model.cpb'), recordingContext());
const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });
const shared = '../shared/testdata/tensorflow-saved-model/chunked_saved_model/chunked_model';

describe('readRiegeli()', () => {
  it.each(['none', 'brotli'] as const)('reads records across blocks, compressed: %s', (compression) => {
    const records = [Buffer.from('one'), Buffer.alloc(200_000, 7), Buffer.alloc(0), Buffer.from('last')];
    for (let index = 0, value = 1; index < records[1].length; index++) {
      value = (value * 48_271) % 2_147_483_647;
      records[1][index] = value >>> 8;
    }
    const { bytes, positions } = riegeliOf([records.slice(0, 2), records.slice(2)], compression);
    expect(bytes.length).toBeGreaterThan(3 * 65_536 - 1000);
    const found = readRiegeli(sourceOf(bytes), recordingContext());
    expect([...found.keys()]).toEqual(positions);
    expect([...found.values()].map((record, index) => record.equals(records[index]))).toEqual([true, true, true, true]);
  });

  it('refuses what it does not read, and takes no more than the scan may hold', () => {
    const { bytes } = riegeliOf([[Buffer.alloc(100_000)]]);
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    const readBytes = (content: Buffer, limits = {}) => readRiegeli(sourceOf(content), recordingContext(limits));
    expect(readBytes(bytes).size).toBe(1);
    expect(() => readBytes(changed(64 + 24, 0x74))).toThrow(/transposed/);
    expect(() => readBytes(changed(64 + 24, 0x21))).toThrow(/unknown type/);
    expect(() => readBytes(changed(64 + 40, 0x7a))).toThrow(/Zstandard/);
    expect(() => readBytes(bytes, { maxExpandedBytes: 50_000 })).toThrow(/too large/);
    expect(() => readBytes(bytes.subarray(0, bytes.length - 1))).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPLETE' }));
  });
});

describe('readChunkedModel()', () => {
  const whole = savedModel({ metaGraphs: [{ nodes: [constInts('a', [1, 2]), { name: 'b', op: 'ReadFile', inputs: ['a'] }] }] });

  it('puts a node back whose tensor was taken out', () => {
    const tensor = Buffer.from(message(varintField(1, 3), field(4, Buffer.alloc(8, 5))));
    const bare = nodeDef({ name: 'a', op: 'Const', attrs: { value: attrTensor(new Uint8Array()) } });
    const base = savedModel({
      metaGraphs: [{ graph: message(graphDef([{ name: 'first', op: 'NoOp' }]), Buffer.from([0x0a, bare.length]), bare) }],
    });
    const bytes = chunkedModel([
      { bytes: base },
      { bytes: tensor, path: [2, { index: 0 }, 2, 1, { index: 1 }, 5, { key: 'value' }, 8] },
    ]);
    const [program] = readSavedModelPrograms(read(bytes), 'f', recordingContext());
    expect(program.main.name(1)).toBe('a');
    expect(program.main.attr(1, 'value')).toMatchObject({
      case: 'tensor',
      value: { tensorContent: expect.objectContaining({ length: 8, 7: 5 }) },
    });
  });

  it('puts bytes into a field and makes what is missing', () => {
    const content = Buffer.from('content');
    const base = savedModel({ metaGraphs: [{ nodes: [{ name: 'a', op: 'Const' }] }] });
    const bytes = chunkedModel([
      { bytes: base },
      { bytes: content, isBytes: true, path: [2, { index: 0 }, 2, 1, { index: 0 }, 5, { key: 'value' }, 8, 4] },
    ]);
    const [program] = readSavedModelPrograms(read(bytes), 'f', recordingContext());
    expect(program.main.attr(0, 'value')).toMatchObject({
      case: 'tensor',
      value: { tensorContent: expect.objectContaining({ length: 7, 0: 99 }) },
    });
  });

  it('joins parts of a message that was cut', () => {
    const graph = graphDef([{ name: 'second', op: 'NoOp' }]);
    const base = savedModel({ metaGraphs: [{ nodes: [{ name: 'first', op: 'NoOp' }] }] });
    const [program] = readSavedModelPrograms(
      read(chunkedModel([{ bytes: base }, { bytes: graph, path: [2, { index: 0 }, 2] }])),
      'f',
      recordingContext(),
    );
    expect([program.main.name(0), program.main.name(1)]).toEqual(['first', 'second']);
  });

  it('refuses chunks that are missing, used twice, or belong nowhere', () => {
    const chunk = { bytes: Buffer.from('x'), isBytes: true };
    expect(read(chunkedModel([{ bytes: whole }])).equals(whole)).toBe(true);
    expect(() => read(chunkedModel([{ bytes: whole }], (metadata) => metadata.subarray(0, 6)))).toThrow(invalid);
    expect(() => read(chunkedModel([{ bytes: whole }, { ...chunk, path: [{ index: 1 }] }]))).toThrow(/place/);
    expect(() => read(chunkedModel([{ bytes: whole }, { ...chunk, path: [2, { index: 500_000 }, 3] }]))).toThrow(/not there/);
    const twice = (metadata: Buffer) => Buffer.concat([metadata, Buffer.from([0x1a, 6, 0x12, 4, 0x1a, 2, 0x08, 0])]);
    expect(() => read(chunkedModel([{ bytes: whole }], twice))).toThrow(/used twice/);
  });

  it.skipIf(!existsSync(shared))('reads a model that TensorFlow wrote (needs ../shared/testdata)', () => {
    const chunked = read(readFileSync(`${shared}/saved_model.cpb`));
    const text = sourceOf(readFileSync(`${shared}/saved_model.pbtxt`), 'saved_model.pbtxt');
    expect(isSameModel(chunked, readTextModel(text, 'saved-model-text', recordingContext()))).toBe(true);
  });

  it('ends with a model or an AirlockError on any bytes', () => {
    const bytes = chunkedModel([{ bytes: whole }, { bytes: Buffer.from('x'), isBytes: true, path: [2, { index: 0 }, 1, 5] }]);
    const plain = riegeliOf([[whole], [Buffer.from('xyz')]], 'none').bytes;
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(bytes, plain), change, (content, changes) => {
        const copy = Buffer.from(content);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        try {
          read(copy);
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 500 },
    );
    // The metadata by itself, which checksums and compression would hide from random changes.
    fc.assert(
      fc.property(change, (changes) => {
        const spoiled = chunkedModel([{ bytes: whole }, { bytes: whole, path: [2, { index: 0 }] }], (metadata) => {
          const copy = Buffer.from(metadata);
          for (const [at, value] of changes) copy[at % copy.length] = value;
          return copy;
        });
        try {
          read(spoiled);
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 200 },
    );
  });
});
