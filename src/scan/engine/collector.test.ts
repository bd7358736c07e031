import { expect, it } from 'vitest';
import type { Severity } from '../../core/index.ts';
import { openOpRegistry } from '../ops/index.ts';
import { readScanResult } from '../report/index.ts';
import { maxUses, type Use } from '../scan-types.ts';
import { Collector } from './collector.ts';

it('gives a result that its reader takes, whatever numbers a file adds up to', () => {
  const collector = new Collector({ tensorflow: '2.21.0', ops: openOpRegistry(), scanSource: async () => undefined });
  const facts = { tensors: 2, parameters: Number.POSITIVE_INFINITY, bytes: Number.NaN, signatures: 'serving_default' };
  collector.artifact({ file: 'model.json', format: 'tfjs-model', bytes: 5, facts });
  const { artifacts } = readScanResult(JSON.parse(JSON.stringify(collector.result())));
  expect(artifacts[0].facts).toEqual({ tensors: 2, parameters: 'unknown', bytes: 'unknown', signatures: 'serving_default' });
});

it('tells each thing that is used once by each way that matters, and never leaves one out in silence', () => {
  const collector = new Collector({ tensorflow: '2.21.0', ops: openOpRegistry(), scanSource: async () => undefined });
  const use = (name: string, trigger: Use['trigger'], isRequestControlled?: boolean) =>
    collector.use({
      kind: 'tensorflow-op',
      name,
      trigger,
      location: { file: 'f' },
      ...(isRequestControlled === undefined ? {} : { isRequestControlled }),
    });
  use('A', 'none');
  use('A', 'saver', false);
  use('A', 'load', false);
  use('A', 'inference', true);
  use('A', 'inference', true);
  expect(collector.result().uses.map(({ trigger }) => trigger)).toEqual(['none', 'saver', 'inference']);
  for (let index = 0; index < maxUses; index++) use(`B${index}`, 'load');
  const { uses, unreadable } = collector.result();
  expect([uses.length, unreadable.length]).toEqual([maxUses, 1]);
});

it('keeps the worst findings of a rule, and counts the others', () => {
  const collector = new Collector({ tensorflow: '2.21.0', ops: openOpRegistry(), scanSource: async () => undefined });
  const say = (severity: Severity, from: number, count: number) => {
    for (let index = from; index < from + count; index++) {
      collector.report({
        ruleId: 'file-read/op',
        severity,
        trigger: 'load',
        message: `number ${index}`,
        location: { file: 'f' },
        chain: [],
      });
    }
  };
  say('low', 0, 60);
  say('info', 60, 100);
  say('high', 160, 45);
  say('low', 205, 10);
  const { findings, leftOut } = collector.result();
  const count = (wanted: Severity) => findings.filter(({ severity }) => severity === wanted).length;
  expect([count('high'), count('low'), count('info')]).toEqual([45, 55, 0]);
  expect(leftOut).toEqual({ 'file-read/op': 115 });
});
