import { expect, it } from 'vitest';
import { openOpRegistry } from '../ops/index.ts';
import { readScanResult } from '../report/index.ts';
import { Collector } from './collector.ts';

it('gives a result that its reader takes, whatever numbers a file adds up to', () => {
  const collector = new Collector({ tensorflow: '2.21.0', ops: openOpRegistry(), scanSource: async () => undefined });
  const facts = { tensors: 2, parameters: Number.POSITIVE_INFINITY, bytes: Number.NaN, signatures: 'serving_default' };
  collector.artifact({ file: 'model.json', format: 'tfjs-model', bytes: 5, facts });
  const { artifacts } = readScanResult(JSON.parse(JSON.stringify(collector.result([]))));
  expect(artifacts[0].facts).toEqual({ tensors: 2, parameters: 'unknown', bytes: 'unknown', signatures: 'serving_default' });
});
