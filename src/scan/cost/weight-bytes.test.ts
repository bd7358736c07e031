import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  attrShape,
  attrString,
  attrType,
  constFloats,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { root } from '../../../tests/support/server.ts';
import { scanInProcess } from '../engine/index.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { weightBytes } from './weight-bytes.ts';

const float = attrType('DT_FLOAT');
const anonymous = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

const variable = (name: string, shape: readonly number[], shared = name): NodeInput => ({
  name,
  op: 'VarHandleOp',
  attrs: { dtype: float, shape: attrShape(shape), shared_name: attrString(shared) },
});
const read = (name: string): NodeInput => ({
  name: `${name}/read`,
  op: 'ReadVariableOp',
  inputs: [name],
  attrs: { dtype: float },
});

/** The signature reads what `used` names; the restore operation needs what `restored` names. */
function bytesOf(
  nodes: readonly NodeInput[],
  used: readonly string[],
  restored: readonly string[] = [],
  restoredBytes = 0,
): number {
  const context = recordingContext();
  const all: readonly NodeInput[] = [
    placeholder('x', 'DT_FLOAT', [-1]),
    ...nodes,
    ...used.map(read),
    { name: 'y', op: 'NoOp', inputs: used.map((name) => `^${name}/read`) },
    { name: 'restore', op: 'NoOp', inputs: restored.map((name) => `^${name}`) },
  ];
  const encoded = savedModel({
    metaGraphs: [
      {
        nodes: all,
        saver: { restoreOp: 'restore' },
        signatures: {
          s: { inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT' } }, outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT' } } },
        },
      },
    ],
  });
  const [program] = readSavedModelPrograms(encoded, 'm', context);
  return weightBytes(program, restoredBytes);
}

it('counts variables that a server restores or reads, and none that nothing reaches', () => {
  const three = [variable('read', [10]), variable('object', [10]), variable('left', [10])];
  expect(bytesOf(three, ['read'], ['read', 'object'])).toBe(2 * 40);
  expect(bytesOf(three, ['read'])).toBe(40);
  expect(bytesOf(three, [])).toBe(0);
});

it('counts what has one name once, by the largest of its shapes', () => {
  expect(bytesOf([variable('a', [10], 'w'), variable('b', [20], 'w')], ['a', 'b'])).toBe(80);
  expect(bytesOf([variable('a', [10], anonymous), variable('b', [20], anonymous)], ['a', 'b'])).toBe(120);
  expect(bytesOf([variable('a', [10], ''), variable('b', [20], '')], ['a', 'b'])).toBe(120);
});

it('is no less than the checkpoint where variables say no shape, or less than it has', () => {
  expect(bytesOf([variable('a', [-1])], ['a'], ['a'], 4_000)).toBe(4_000);
  expect(bytesOf([variable('a', [2])], ['a'], ['a'], 4_000)).toBe(4_000);
  expect(bytesOf([variable('a', [2_000])], ['a'], ['a'], 4_000)).toBe(8_000);
});

it('counts constants as they are in memory where something needs them', () => {
  const splat = constFloats('c', 0, [1_000]);
  const negative: NodeInput = { name: 'n', op: 'Neg', inputs: ['c'], attrs: { T: float } };
  expect(bytesOf([splat, negative], [])).toBeLessThan(100);
  expect(bytesOf([splat, negative, { ...variable('v', [0]), inputs: ['^n'] }], ['v'])).toBe(4_000);
});

it('of a real export of Keras 3 counts what its checkpoint fills', async () => {
  const folder = path.join(root, 'examples/digits/1');
  const { cost } = await scanInProcess({ path: folder, tensorflow: '2.21.0', withCost: true });
  const checkpoint = readFileSync(path.join(folder, 'variables/variables.data-00000-of-00001')).length;
  expect(cost?.weightBytes).toBeGreaterThan(checkpoint * 0.8);
  expect(cost?.weightBytes).toBeLessThan(checkpoint * 1.2);
});
