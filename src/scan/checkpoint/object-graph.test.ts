import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bundleFolder, bytesField, floats, numberField, stringValues } from '../../../tests/support/checkpoint-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { objectGraphKey, scanBundle } from './index.ts';

interface Node {
  readonly children?: readonly number[];
  readonly keys?: readonly string[];
  readonly slots?: readonly number[];
  readonly saver?: string;
}

function graph(nodes: readonly Node[]): Buffer {
  const parts = nodes.map(({ children = [], keys = [], slots = [], saver }) =>
    bytesField(
      1,
      Buffer.concat([
        ...children.map((child) => bytesField(1, Buffer.concat([numberField(1, child), bytesField(2, 'x')]))),
        ...keys.map((key) => bytesField(2, Buffer.concat([bytesField(1, 'VARIABLE_VALUE'), bytesField(3, key)]))),
        ...slots.map((slot) => bytesField(3, Buffer.concat([numberField(1, 0), bytesField(2, 'm'), numberField(3, slot)]))),
        ...(saver === undefined ? [] : [bytesField(4, Buffer.concat([bytesField(1, saver), bytesField(2, 'o')]))]),
      ]),
    ),
  );
  return Buffer.concat(parts);
}

function said(objectGraph: Buffer): string[] {
  const context = recordingContext();
  const { bytes, crc } = stringValues([objectGraph]);
  const folder = bundleFolder([
    { name: objectGraphKey, bytes, lie: { dtype: 7, shape: [], crc } },
    { name: 'v', bytes: floats(1) },
    { name: 't-keys', bytes: floats(1) },
    { name: 't-values', bytes: floats(1) },
  ]);
  scanBundle(folder, 'ckpt-1', context);
  return context.findings.map(({ severity, ruleId, message }) => `${severity} ${ruleId} ${message}`);
}

describe('the object graph of a checkpoint', () => {
  it('is silent about cycles, tables and savers of TensorFlow', () => {
    expect(
      said(
        graph([
          { children: [0, 1], keys: ['v'] },
          { children: [0], keys: ['t'], slots: [0], saver: 'tf.StaticHashTable' },
        ]),
      ),
    ).toEqual([]);
  });

  it.each([
    ['children', { children: [7] }, /medium malformed\/object-graph .*object 7 of 1/],
    ['negative children', { children: [-1] }, /medium malformed\/object-graph .*object -1 of 1/],
    ['slots', { slots: [9] }, /medium malformed\/object-graph .*object 9 of 1/],
    ['keys', { keys: ['w'] }, /low malformed\/object-graph .*"w"/],
    ['savers', { saver: 'Evil>saver' }, /low code-execution\/registered-saver .*"Evil>saver"/],
  ])('says what is wrong with %s', (_, node, expected) => {
    const all = said(graph([node]));
    expect(all).toHaveLength(1);
    expect(all[0]).toMatch(expected);
  });

  it('mentions the state of Python objects', () => {
    expect(said(graph([{ keys: ['o/.ATTRIBUTES/py_state'] }])).join()).toMatch(/info code-execution\/python-state/);
  });

  it('never fails on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void said(Buffer.from(bytes))),
      { numRuns: 200 },
    );
    expect(said(Buffer.from([0x0f])).join()).toMatch(/^medium malformed\/object-graph .*not valid protobuf/);
  });
});
