// Any graph is judged: whatever operations, edges and attributes it has, there is a report and no fault of ours.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attrBool,
  attrFunc,
  attrInt,
  attrString,
  attrStrings,
  attrType,
  attrTypes,
  constFloats,
  constString,
  type FunctionInput,
  graphDef,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { readGraphDefProgram, readSavedModelPrograms } from '../graph/index.ts';
import { openValues } from '../values/index.ts';
import { judgeProgram } from './judge-program.ts';
import { moduleCalls } from './module-calls.ts';
import { opJudges } from './op-judges.ts';
import { hazardRules } from './rules.ts';
import { measureTensor } from './tensor-measure.ts';

const ids = new Set(hazardRules.map(({ id }) => id));

function judgeBytes(bytes: Buffer, kind: 'saved-model' | 'graph-def'): void {
  const context = recordingContext();
  try {
    const programs =
      kind === 'graph-def' ? [readGraphDefProgram(bytes, 'g', context)] : readSavedModelPrograms(bytes, 'm', context);
    for (const program of programs) {
      judgeProgram(program, openValues(program, context), context, { assets: new Set(['a']), variables: undefined, kind });
    }
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
  }
  const wrong = context.findings.filter(
    ({ ruleId, message }) =>
      !/^(?:memory|hang|crash)\//.test(ruleId) && (!ids.has(ruleId) || /undefined|\[object|NaN/.test(message)),
  );
  expect(wrong).toEqual([]);
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const calls = [
  'PartitionedCall',
  'While',
  'If',
  'MapDataset',
  'ReduceDataset',
  'Merge',
  'Switch',
  'Select',
  'Equal',
  'All',
  'Mul',
  'Cast',
];
const ops = [
  ...opJudges.keys(),
  ...calls,
  'VarHandleOp',
  'ReadVariableOp',
  'AssignVariableOp',
  'DatasetFromGraph',
  'Evil',
  'f',
  'g',
  'Timestamp',
];
const attr = fc.constantFrom(
  attrString('/etc/x'),
  attrString(''),
  attrStrings(['file:///x', 'grpc://x']),
  attrInt(-1),
  attrBool(true),
  attrType('DT_STRING'),
  attrTypes(['DT_STRING', 'DT_FLOAT']),
  attrFunc('f'),
  attrFunc('g'),
  new Uint8Array([0x42, 0xff]),
);
const attrName = fc.constantFrom(
  'T',
  'N',
  'f',
  'cond',
  'body',
  'then_branch',
  'shared_name',
  'container',
  'dtype',
  'Tin',
  'debug_urls',
  'value',
  'module',
);
const input = fc.constantFrom(...names, '^a', 'b:1', 'c:output:0', 'x', 'gone', 'k', 's');
const node = fc.record({
  name: fc.constantFrom(...names),
  op: fc.constantFrom(...ops),
  inputs: fc.array(input, { maxLength: 4 }),
  attrs: fc.dictionary(attrName, attr, { maxKeys: 3 }),
  device: fc.constantFrom('', '/job:x/task:1', '/job:', '//'),
});
const fixed: readonly NodeInput[] = [
  placeholder('x', 'DT_STRING', []),
  constString('s', '/etc/passwd'),
  constFloats('k', [1, 2, 3]),
];
const body = (name: string) =>
  fc.array(node, { maxLength: 5 }).map(
    (nodes): FunctionInput => ({
      name,
      args: [{ name: 'x', type: 'DT_STRING' }],
      outputs: [{ name: 'y', type: 'DT_STRING' }],
      nodes: [...fixed.slice(1), ...nodes],
      ret: { y: 'a:output:0' },
    }),
  );

describe('hostile graphs', () => {
  it('of any nodes are judged', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 12 }), body('f'), body('g'), (nodes, f, g) => {
        judgeBytes(graphDef([...fixed, ...nodes], { functions: [f, g] }), 'graph-def');
        const outputs = { y: 'a:0', z: 'b:1' };
        const model = {
          nodes: [...fixed, ...nodes],
          functions: [f, g],
          signatures: { s: { inputs: { x: 'x:0', k: 'c' }, outputs } },
        };
        const saver = { filenameTensor: 's:0', saveTensor: 'd:0', restoreOp: 'e' };
        judgeBytes(
          savedModel({ metaGraphs: [{ ...model, saver, assets: [{ filename: 'a', tensorName: 'f:0' }] }] }),
          'saved-model',
        );
      }),
      { numRuns: 40 },
    );
  });

  it('with any byte changed are judged or refused', () => {
    const functions = [
      { name: 'f', args: ['p'], nodes: [{ name: 'r', op: 'ReadFile', inputs: ['p'] }], ret: { y: 'r:contents:0' } },
    ];
    const nodes = [
      ...fixed,
      { name: 'a', op: 'f', inputs: ['x'] },
      { name: 'out', op: 'Identity', inputs: ['a'], attrs: { T: attrType('DT_STRING') } },
    ];
    const bytes = savedModel({
      metaGraphs: [{ nodes, functions, signatures: { s: { inputs: { x: 'x:0' }, outputs: { y: 'out:0' } } } }],
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = Buffer.from(bytes);
        for (const [place, byte] of changes) changed[place] = byte;
        judgeBytes(changed, 'saved-model');
      }),
      { numRuns: 200 },
    );
  });
});

describe('readers of attributes', () => {
  it('measure any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const measure = measureTensor(Buffer.from(bytes));
        if (measure?.elements !== undefined) expect(Number.isSafeInteger(measure.elements)).toBe(true);
        expect(
          measureTensor(Buffer.concat([Buffer.from([0x42, bytes.length & 0x7f]), bytes.subarray(0, bytes.length & 0x7f)])),
        ).not.toBe(null);
      }),
    );
  });

  it('look for calls in any module', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(moduleCalls(Buffer.concat([Buffer.from('custom_call'), bytes])).length).toBeGreaterThan(0);
      }),
    );
    const started = performance.now();
    moduleCalls(Buffer.from(`custom_call ${'call_target_name '.repeat(100_000)}${'@'.repeat(100_000)}`));
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
