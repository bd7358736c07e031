// What is remembered of shapes, whoever chooses them.
import { expect, it } from 'vitest';
import { floats, signature, spec } from '../../../tests/support/tensors.ts';
import { Batcher } from './batcher.ts';

const anyLength = signature([spec('x:0', 'DT_FLOAT', [-1, -1])], [spec('y:0', 'DT_FLOAT', [-1, -1])]);

it('keeps what it learned of a shape that is in use, however many others come', () => {
  const batcher = new Batcher({
    signatures: [anyLength],
    batching: { maxRows: 8, maxDelayMs: 1 },
    limits: { timeoutMs: 1_000, maxQueue: 8 },
    onGathered: () => undefined,
    run: () => Promise.reject(new Error('nothing runs')),
    hasEnded: () => false,
    onCulprit: () => undefined,
    onEvent: () => undefined,
  });
  const groupOf = (length: number) => batcher.groupOf(0, [floats([1, length], ...Array<number>(length).fill(0))], 'a');
  const first = groupOf(1);
  const idle = groupOf(2);
  for (let length = 3; length < 600; length++) {
    groupOf(length);
    if (length % 20 === 0) expect(groupOf(1)).toBe(first);
  }
  expect(groupOf(2)).not.toBe(idle);
});
