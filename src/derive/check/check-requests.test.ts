// Recorded requests go through the decoder of the server; what cannot be decoded is counted by its code, and nothing of it is shown.
import { describe, expect, it } from 'vitest';
import { withFile } from '../../../tests/conformance/datasets-files.ts';
import { parseContract } from '../../contract/index.ts';
import type { Signature } from '../../tensor/index.ts';
import { SourceFile } from '../datasets/index.ts';
import { checkFailures, formatCheckReport, isBroken } from './check-report.ts';
import { checkRequests } from './check-requests.ts';

const signature: Signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [
    { alias: 'age', tensorName: 'age:0', dtype: 'DT_INT64', shape: [-1] },
    { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 2] },
  ],
  outputs: [],
};

const contract = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: test, revision: 1 }
dims: { batch: { min: 1, max: 3 } }
signatures:
  serving_default:
    inputs:
      age: { dtype: int64, shape: [batch], min: 0, max: 120, onViolation: { min: clip } }
      x: { dtype: float32, shape: [batch, 2], max: 1, softMax: 0.5, modes: { max: shadow } }
`);

async function replay(lines: readonly string[], limit?: number) {
  return withFile('bodies.jsonl', lines.join('\n'), async (path) => {
    const file = await SourceFile.open(path, 1e6);
    try {
      return await checkRequests(contract, [signature], file, limit === undefined ? {} : { limit });
    } finally {
      await file.close();
    }
  });
}

const row = (age: unknown, x: unknown = [0, 0]) => ({ age, x });
const body = (...instances: unknown[]) => JSON.stringify({ instances });

describe('checkRequests()', () => {
  it('finds nothing wrong with good requests', async () => {
    const report = await replay([body(row(1), row(2)), '', JSON.stringify({ inputs: { age: [1], x: [[0, 0]] } })]);
    expect(report).toMatchObject({ records: 2, refused: 0, changed: 0, rules: [], undecodable: {} });
    expect(isBroken(report)).toBe(false);
  });

  it('counts refused, changed and watched requests apart, with their places', async () => {
    const report = await replay([body(row(1), row(130)), body(row(-1)), body(row(1, [0, 2])), body(row(1))]);
    expect(report).toMatchObject({ records: 4, refused: 1, changed: 1 });
    expect(
      Object.fromEntries(report.rules.map(({ ruleId, records }) => [ruleId.split('/').slice(2).join('/'), records])),
    ).toEqual({
      'age/max': 1,
      'age/min': 1,
      'x/max': 1,
      'x/softMax': 1,
    });
    const place = report.rules.find(({ rule }) => rule === 'max')?.first[0];
    expect(place).toMatchObject({ record: 'request 1', path: 'age[1]', got: '130' });
    expect(isBroken(report)).toBe(true);
    expect(formatCheckReport(report)).toMatch(/age\/max +#+\.* +25\.00 %/);
  });

  it('is not broken by rules that only watch', async () => {
    expect(isBroken(await replay([body(row(1, [0, 2]))]))).toBe(false);
  });

  it('counts what cannot be decoded by its code', async () => {
    const report = await replay(['{"instances": [', body(row(1.5)), body({ secret: 'do not show' }), body(row(1))]);
    expect(report.undecodable).toEqual({ INPUT_UNKNOWN: 1, JSON_SYNTAX: 1, TENSOR_NOT_INTEGER: 1 });
    expect(report.refused).toBe(3);
    expect(isBroken(report)).toBe(true);
    expect(formatCheckReport(report)).not.toContain('secret');
  });

  it('says of what cannot be decoded that, and not that no rule was broken', async () => {
    const bad = await replay(['{"instances": [']);
    expect(checkFailures(bad)).toEqual(['1 of 1 requests could not be decoded']);
    expect(formatCheckReport(bad)).toMatch(/1 could not be decoded: JSON_SYNTAX\n {2}nothing was checked\n$/);
    const mixed = await replay(['{"instances": [', body(row(1))]);
    expect(formatCheckReport(mixed)).toMatch(/no rule was broken by the 1 that were checked/);
    expect(isBroken(mixed)).toBe(true);
  });

  it('does not pass a file without requests', async () => {
    const report = await replay(['', ' ']);
    expect(checkFailures(report, { allowIncomplete: true })).toEqual(['there was nothing to check']);
    expect(formatCheckReport(report)).toContain('nothing was checked');
  });

  it('stops at the limit', async () => expect((await replay([body(row(1)), body(row(2))], 1)).records).toBe(1));
});
