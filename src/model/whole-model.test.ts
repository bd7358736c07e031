import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { varint } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { contractNodeName, type EmbeddedContract, formatEmbeddedContract, readEmbeddedContract } from './embedded-contract.ts';
import { type NodeDefSchema, WholeSavedModelSchema } from './gen/tensorflow/graph_pb.ts';
import { DataType } from './gen/tensorflow/types_pb.ts';
import { defaultGraphLimits } from './graph-limits.ts';
import { parseWholeModel, readWholeModel, writeWholeModel } from './whole-model.ts';

type Init = MessageInitShape<typeof WholeSavedModelSchema>;
type NodeInit = MessageInitShape<typeof NodeDefSchema>;
const bytesOf = (model: Init) => Buffer.from(toBinary(WholeSavedModelSchema, create(WholeSavedModelSchema, model)));
const field = (number: number, content: Buffer) => Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
const mark: EmbeddedContract = { version: 1, id: 'digits', revision: 3, digest: 'ab'.repeat(32), poison: false };

function markNode(text: string, op = 'Const'): NodeInit {
  const tensor = { dtype: DataType.DT_STRING, stringVal: [Buffer.from(text)] };
  return { name: contractNodeName, op, attr: [{ key: 'value', value: { value: { case: 'tensor', value: tensor } } }] };
}

/** An attribute that names a function that has an attribute that names one, `levels` times. */
function nestedAttributes(levels: number): Buffer {
  let entry = field(1, Buffer.from('a'));
  for (let level = 0; level < levels; level++) {
    const list = field(2, entry);
    entry = Buffer.concat([field(1, Buffer.from('a')), field(2, field(10, list))]);
  }
  return field(2, field(2, field(1, field(5, entry))));
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airlock-whole-'));
});
afterEach(() => rm(folder, { recursive: true }));
const write = (bytes: Buffer | string, name = 'saved_model.pb') => writeFileSync(join(folder, name), bytes);
const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });

describe('readWholeModel', () => {
  it('reads a model and writes the same message again, unknown fields included', async () => {
    const graph = Buffer.concat([field(1, field(1, Buffer.from('n'))), field(77, Buffer.from('unknown'))]);
    const bytes = Buffer.concat([Buffer.from([0x08, 1]), field(2, field(2, graph))]);
    write(bytes);
    const model = await readWholeModel(folder);
    expect(model.metaGraphs[0].graphDef?.node[0].name).toBe('n');
    const written = writeWholeModel(model);
    expect(written.includes('unknown')).toBe(true);
    expect(parseWholeModel(written)).toEqual(model);
    expect(writeWholeModel(parseWholeModel(written))).toEqual(written);
  });

  it.each([
    ['no MetaGraph', {}, /no MetaGraph/],
    ['two equal nodes', { metaGraphs: [{ graphDef: { node: [{ name: 'a' }, { name: 'a' }] } }] }, /node "a" twice/],
    ['two equal attributes', { metaGraphs: [{ graphDef: { node: [{ attr: [{ key: 'T' }, { key: 'T' }] }] } }] }, /"T" twice/],
    ['two equal signatures', { metaGraphs: [{ signatureDef: [{ key: 's' }, { key: 's' }] }] }, /signature "s" twice/],
    [
      'two equal inputs',
      { metaGraphs: [{ signatureDef: [{ key: 's', value: { inputs: [{ key: 'x' }, { key: 'x' }] } }] }] },
      /input "x" twice/,
    ],
    [
      'two equal functions',
      { metaGraphs: [{ graphDef: { library: { function: [{ signature: { name: 'f' } }, { signature: { name: 'f' } }] } } }] },
      /function "f" twice/,
    ],
    [
      'two equal outputs of a function',
      { metaGraphs: [{ graphDef: { library: { function: [{ ret: [{ key: 'o' }, { key: 'o' }] }] } } }] },
      /output "o" twice/,
    ],
    [
      'equal attributes inside an attribute',
      {
        metaGraphs: [
          {
            graphDef: {
              node: [{ attr: [{ key: 'f', value: { value: { case: 'func', value: { attr: [{ key: 'q' }, { key: 'q' }] } } } }] }],
            },
          },
        ],
      },
      /"q" twice/,
    ],
  ] satisfies readonly (readonly [string, Init, RegExp])[])('refuses %s', (_, model, text) => {
    expect(() => parseWholeModel(bytesOf(model))).toThrow(text);
  });

  it('ends at 100 levels of attributes, however deep they are', () => {
    expect(parseWholeModel(nestedAttributes(20)).metaGraphs).toHaveLength(1);
    expect(() => parseWholeModel(nestedAttributes(40))).toThrow(/nested too deep/);
    expect(() => parseWholeModel(nestedAttributes(5_000))).toThrow(/nested too deep/);
  });

  it('ends before a small file becomes many objects', () => {
    const limits = { ...defaultGraphLimits, maxMessages: 1000, maxElements: 1000, maxNodes: 500 };
    const nodes = (count: number) =>
      bytesOf({ metaGraphs: [{ graphDef: { node: Array.from({ length: count }, (_, i) => ({ name: `n${i}` })) } }] });
    expect(parseWholeModel(nodes(500), limits).metaGraphs).toHaveLength(1);
    expect(() => parseWholeModel(nodes(501), limits)).toThrow(/500 nodes/);
    expect(() => parseWholeModel(nodes(1001), limits)).toThrow(/too many parts/);
    // Numbers in one packed list, unknown fields of two bytes, empty strings.
    const inNode = (content: Buffer) => field(2, field(2, field(1, content)));
    const packed = field(5, field(2, field(8, field(10, Buffer.alloc(1001, 1)))));
    expect(() => parseWholeModel(inNode(packed), limits)).toThrow(/too many parts/);
    expect(() => parseWholeModel(inNode(Buffer.alloc(2002, Buffer.from([0x70, 1]))), limits)).toThrow(/too many parts/);
    expect(() => parseWholeModel(inNode(Buffer.alloc(2002, Buffer.from([0x1a, 0]))), limits)).toThrow(/too many parts/);
  });

  it.each([
    ['saved_model.cpb', 'MODEL_FORMAT_UNSUPPORTED'],
    ['saved_model.pbtxt', 'MODEL_FORMAT_UNSUPPORTED'],
    ['model.tflite', 'MODEL_INVALID'],
  ])('refuses a folder with %s', async (name, code) => {
    write('x', name);
    await expect(readWholeModel(folder)).rejects.toMatchObject({ code });
  });

  it('ends with a model or an AirlockError on any damage', () => {
    const valid = bytesOf({ metaGraphs: [{ metaInfoDef: { tags: ['serve'] }, graphDef: { node: [markNode('x')] } }] });
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          const model = parseWholeModel(bytes);
          expect(parseWholeModel(writeWholeModel(model))).toEqual(model);
        } catch (thrown) {
          if (!isAirlockError(thrown)) throw thrown;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('readEmbeddedContract', () => {
  const graphs = (...nodes: NodeInit[][]) => bytesOf({ metaGraphs: nodes.map((node) => ({ graphDef: { node } })) });
  const plain: NodeInit = { name: 'n', op: 'NoOp' };

  it('finds the mark wherever it stands', async () => {
    const text = formatEmbeddedContract(mark);
    const many = Array.from({ length: 3000 }, (_, i) => ({ name: `node${i}`, op: 'NoOp', input: ['x'.repeat(40)] }));
    for (const nodes of [[markNode(text)], [plain, markNode(text), plain], [...many, markNode(text), plain]]) {
      write(graphs(nodes));
      await expect(readEmbeddedContract(folder)).resolves.toEqual(mark);
    }
    write(graphs([markNode(text)], [plain], [plain, markNode(text)]));
    await expect(readEmbeddedContract(folder)).resolves.toEqual(mark);
  });

  it('finds none in a model that only speaks of it, or in a folder without a model', async () => {
    write(
      graphs([
        { name: 'n', op: 'NoOp', input: [`^${contractNodeName}`] },
        { name: `${contractNodeName}/x`, op: 'Const' },
      ]),
    );
    await expect(readEmbeddedContract(folder)).resolves.toBeUndefined();
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await expect(readEmbeddedContract(empty)).resolves.toBeUndefined();
  });

  it('steps over large nodes without reading them', async () => {
    const large = {
      name: 'large',
      op: 'Const',
      attr: [{ key: 'value', value: { value: { case: 's' as const, value: Buffer.alloc(5_000_000) } } }],
    };
    write(graphs([large, markNode(formatEmbeddedContract(mark)), large]));
    await expect(readEmbeddedContract(folder)).resolves.toEqual(mark);
  });

  it.each([
    ['another operation', [markNode(formatEmbeddedContract(mark), 'Identity')]],
    ['no JSON', [markNode('{')]],
    ['another version', [markNode(JSON.stringify({ ...mark, version: 2 }))]],
    ['other keys', [markNode(JSON.stringify({ ...mark, more: 1 }))]],
    ['a digest that is none', [markNode(JSON.stringify({ ...mark, digest: 'AB'.repeat(32) }))]],
    ['a control character in the id', [markNode(JSON.stringify({ ...mark, id: 'a\u001b[31m' }))]],
    ['two that differ', [markNode(formatEmbeddedContract(mark)), markNode(formatEmbeddedContract({ ...mark, revision: 4 }))]],
  ])('refuses a mark with %s', async (_, nodes) => {
    write(graphs(nodes));
    await expect(readEmbeddedContract(folder)).rejects.toEqual(invalid);
  });

  it('ends with an answer or an AirlockError on any damage', async () => {
    const valid = graphs([plain, markNode(formatEmbeddedContract(mark))]);
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        write(bytes);
        await readEmbeddedContract(folder).catch((thrown: unknown) => {
          if (!isAirlockError(thrown)) throw thrown;
        });
      }),
      { numRuns: 200 },
    );
  });
});
