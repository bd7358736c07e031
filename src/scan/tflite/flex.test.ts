import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { flexOptions, floats, int32s, stringData, tfliteModel } from '../../../tests/support/tflite-builder.ts';
import { flexReadFileModel } from '../../../tests/support/tflite-real.ts';
import { scanTfliteBytes } from '../../../tests/support/tflite-scan.ts';
import { NodeDefSchema } from '../../model/index.ts';
import { readFlexbufferStrings } from './flexbuffer.ts';

function flex(op: string, name = op): Buffer {
  return flexOptions(op, toBinary(NodeDefSchema, create(NodeDefSchema, { name, op, input: ['whatever'] })));
}

const text = { type: 'STRING', shape: [] };

/** `custom` reads the path that `path` gives. */
function readFile(custom: Uint8Array, code = 'FlexReadFile'): Buffer {
  return tfliteModel({
    subgraphs: [
      {
        tensors: [
          { name: 'path', ...text, data: stringData('/etc/shadow') },
          { name: 'content', ...text },
        ],
        outputs: [1],
        operators: [{ op: code, inputs: [0], outputs: [1], custom }],
      },
    ],
  });
}

describe('Flex operations', () => {
  it('come out as a graph with their constant operands', async () => {
    const { graphs, all, context } = await scanTfliteBytes(readFile(flex('ReadFile', 'leak')));
    expect(all).toEqual([expect.stringMatching(/^info custom-op\/flex: .*ReadFile/)]);
    expect(context.parts).toEqual([]);
    const [constant, read] = graphs[0]?.node ?? [];
    expect(read).toMatchObject({ name: 'leak', op: 'ReadFile', input: ['path'] });
    expect(constant).toMatchObject({ name: 'path', op: 'Const' });
    const value = constant?.attr.find((attr) => attr.key === 'value')?.value?.value;
    expect(value).toMatchObject({ case: 'tensor', value: { dtype: 7, stringVal: [Buffer.from('/etc/shadow')] } });
  });

  it('are read as the real converter writes them', async () => {
    const { graphs, serious } = await scanTfliteBytes(flexReadFileModel);
    expect(serious).toEqual([]);
    expect(graphs[0]?.node.map((node) => node.op)).toEqual(['Const', 'ReadFile', 'StringToNumber']);
    const value = graphs[0]?.node[0]?.attr.find((attr) => attr.key === 'value')?.value?.value;
    expect(value).toMatchObject({ value: { stringVal: [Buffer.from('/etc/passwd')] } });
  });

  it('that are called other than what they run are found', async () => {
    const { serious, graphs } = await scanTfliteBytes(readFile(flex('ReadFile'), 'FlexStringLower'));
    expect(serious).toEqual([
      expect.stringMatching(/^high parser-differential\/flex-name: .*FlexStringLower.*ReadFile/),
      expect.stringMatching(/^high parser-differential\/flex-name/),
    ]);
    expect(graphs[0]?.node.some((node) => node.op === 'ReadFile')).toBe(true);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no flexbuffer', Buffer.from('ReadFile')],
    ['a flexbuffer without a node', flexOptions('ReadFile', Buffer.from([0xff, 0xff]))],
  ])('with %s for options are never clean', async (_, options) => {
    const { serious, context } = await scanTfliteBytes(readFile(options));
    expect(serious).toEqual([expect.stringMatching(/^high malformed\/flex-options/)]);
    expect(context.parts).toHaveLength(1);
  });

  it('keep a path that a branch is given by its caller', async () => {
    const condition = { type: 'BOOL', shape: [] };
    const branch = {
      tensors: [
        { name: 'p', ...text },
        { name: 'content', ...text },
      ],
      inputs: [0],
      outputs: [1],
      operators: [{ op: 'FlexReadFile', inputs: [0], outputs: [1], custom: flex('ReadFile') }],
    };
    const { graphs } = await scanTfliteBytes(
      tfliteModel({
        subgraphs: [
          {
            tensors: [
              { name: 'c', ...condition },
              { name: 'path', ...text, data: stringData('/root/.ssh/id_rsa') },
              { name: 'y', ...text },
            ],
            inputs: [0],
            outputs: [2],
            operators: [
              { op: 'IF', inputs: [0, 1], outputs: [2], options: ['IfOptions', { thenSubgraphIndex: 1, elseSubgraphIndex: 2 }] },
            ],
          },
          branch,
          { ...branch, operators: [{ op: 'FlexStringLower', inputs: [0], outputs: [1], custom: flex('StringLower') }] },
        ],
      }),
    );
    const read = graphs[0]?.node.find((node) => node.op === 'ReadFile');
    const path = graphs[0]?.node.find((node) => node.name === read?.input[0]);
    expect(path).toMatchObject({ op: 'Const' });
  });

  it('take what a request gives for a placeholder and what the model keeps for a variable', async () => {
    const model = (inputs: readonly number[], isVariable: boolean): Buffer =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [
              { name: 'p', ...text, isVariable },
              { name: 'y', ...text },
            ],
            inputs,
            outputs: [1],
            operators: [{ op: 'FlexReadFile', inputs: [0], outputs: [1], custom: flex('ReadFile') }],
          },
        ],
      });
    expect((await scanTfliteBytes(model([0], false))).graphs[0]?.node[0]).toMatchObject({ name: 'p', op: 'Placeholder' });
    expect((await scanTfliteBytes(model([], true))).graphs[0]?.node[0]).toMatchObject({ name: 'p', op: 'VariableV2' });
  });

  it('in a subgraph that nothing runs are not judged as if it ran', async () => {
    const { graphs } = await scanTfliteBytes(
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { shape: [1], data: floats(1) }, { shape: [1] }],
            inputs: [0],
            outputs: [2],
            operators: [{ op: 'ADD', inputs: [0, 1], outputs: [2] }],
          },
          {
            tensors: [{ ...text, data: stringData('/x') }, text],
            outputs: [1],
            operators: [{ op: 'FlexReadFile', inputs: [0], outputs: [1], custom: flex('ReadFile') }],
          },
        ],
      }),
    );
    expect(graphs).toEqual([]);
  });
});

describe('readFlexbufferStrings', () => {
  it('reads a vector of two strings', () => {
    const strings = readFlexbufferStrings(flexOptions('Name', int32s(1, 2)), 2);
    expect(strings.map((one) => one?.toString('latin1'))).toEqual(['Name', int32s(1, 2).toString('latin1')]);
  });

  it.each([
    ['an empty one', Buffer.alloc(0)],
    ['a root that is a number', Buffer.from([7, 4, 1])],
    ['a vector that begins before the bytes', Buffer.from([0xff, (10 << 2) | 0, 1])],
  ])('refuses %s', (_, bytes) => {
    expect(() => readFlexbufferStrings(bytes, 2)).toThrow(/flexbuffer/);
  });
});
