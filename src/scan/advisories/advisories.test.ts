import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
// @ts-expect-error a tool in plain JavaScript
import { checkAdvisories, checkAll } from '../../../tools/advisories/check.js';
import { addRecords, advisoryData, advisoryDocument, compareVersions, isAffected, writeUpdate } from '../../advisories/index.ts';

import type { Use } from '../scan-types.ts';
import { judgeAdvisories } from './judge-advisories.ts';

const location = { file: 'saved_model.pb', node: 'n' };
const graph: Use = { kind: 'component', name: 'graph', trigger: 'load', location };
const op = (name: string, more: Partial<Use> = {}): Use => ({
  kind: 'tensorflow-op',
  name,
  trigger: 'inference',
  location,
  isRequestControlled: true,
  ...more,
});

function statusOf(cve: string, uses: readonly Use[], tensorflow: string) {
  return judgeAdvisories(uses, tensorflow).verdicts.find((verdict) => verdict.cve === cve);
}

describe('versions', () => {
  it('are ordered with release candidates before the release', () => {
    const sorted = ['1.7.0rc0', '1.7.0rc1', '1.7.0', '2.4.2', '2.10.0', '2.21.0'];
    for (const [index, version] of sorted.entries()) {
      for (const [other, right] of sorted.entries())
        expect(Math.sign(compareVersions(version, right) ?? 9)).toBe(Math.sign(index - other));
    }
    expect(compareVersions('2.7', '2.7.0')).toBe(0);
    expect(compareVersions('nightly', '2.7.0')).toBeUndefined();
  });

  it('lie in ranges: from the first, without the fixed one, with the last affected one', () => {
    const ranges = [
      { introduced: '2.4.0', fixed: '2.4.3' },
      { introduced: '2.5.0', lastAffected: '2.5.1' },
    ];
    expect(['2.3.9', '2.4.0', '2.4.2', '2.4.3', '2.5.0', '2.5.1', '2.5.2'].filter((one) => isAffected(one, ranges))).toEqual([
      '2.4.0',
      '2.4.2',
      '2.5.0',
      '2.5.1',
    ]);
    expect(isAffected('nightly', ranges)).toBe(true);
  });
});

describe('judgeAdvisories()', () => {
  it('finds more open ones in 2.9.1 than in 2.12.0, and none with effective ranges in 2.21.0', () => {
    const open = (version: string) =>
      judgeAdvisories([graph], version).verdicts.filter(({ why }) => !why.includes('not known')).length;
    expect(open('2.9.1')).toBeGreaterThan(90);
    expect(open('2.12.0')).toBeLessThan(10);
    expect(judgeAdvisories([graph, op('RandomShuffle')], '2.21.0').findings).toEqual([]);
  });

  it('says that a model reaches an operation, and where', () => {
    const cve = 'CVE-2022-35971';
    const { findings } = judgeAdvisories([graph, op('FakeQuantWithMinMaxVars')], '2.9.1');
    expect(statusOf(cve, [graph, op('FakeQuantWithMinMaxVars')], '2.9.1')).toMatchObject({
      status: 'affected',
      fixedVersions: expect.arrayContaining(['2.9.2']),
    });
    expect(findings).toContainEqual(
      expect.objectContaining({
        ruleId: 'advisory/reachable',
        location,
        trigger: 'inference',
        message: expect.stringContaining(cve),
      }),
    );
    expect(statusOf(cve, [graph, op('FakeQuantWithMinMaxVars')], '2.9.2')).toBeUndefined();
  });

  it('names why a model is not affected', () => {
    const cve = 'CVE-2022-35971';
    expect(statusOf(cve, [graph], '2.9.1')).toMatchObject({ status: 'not_affected', justification: 'component_not_present' });
    expect(statusOf(cve, [graph, op('FakeQuantWithMinMaxVars', { trigger: 'none' })], '2.9.1')).toMatchObject({
      status: 'not_affected',
      justification: 'vulnerable_code_not_in_execute_path',
    });
    // Only with XLA.
    expect(statusOf('CVE-2023-25674', [graph, op('RandomShuffle')], '2.9.1')).toMatchObject({ status: 'not_affected' });
    const xla: Use = { kind: 'component', name: 'xla', trigger: 'inference', location };
    expect(statusOf('CVE-2023-25674', [graph, xla, op('RandomShuffle')], '2.9.1')).toMatchObject({ status: 'affected' });
  });

  it('does not say not_affected without a reason that it can name', () => {
    for (const version of ['1.7.0', '2.4.1', '2.9.1', '2.21.0']) {
      for (const { status, justification, why } of judgeAdvisories([graph, op('Conv2D')], version).verdicts) {
        expect(why).not.toBe('');
        expect(justification !== undefined).toBe(status === 'not_affected');
      }
    }
  });

  it('calls what only feeds know under investigation, whatever the model has, and passes over what was taken back', () => {
    const record = {
      id: 'GHSA-aaaa-bbbb-cccc',
      aliases: ['CVE-2026-90001'],
      modified: '2026-11-28T00:00:00.000Z',
      title: 'New',
      affected: { tensorflow: [{ introduced: '2.20.0' }], keras: [{ introduced: '0' }] },
    };
    const store = mkdtempSync(join(tmpdir(), 'airlock-judge-'));
    const of = (tensorflow: string, uses: readonly Use[]) =>
      judgeAdvisories(uses, tensorflow, advisoryData(store)).verdicts.filter(({ cve }) => cve === 'CVE-2026-90001');
    try {
      writeUpdate(store, addRecords(advisoryDocument(), [record]));
      const tflite: Use = { kind: 'component', name: 'tflite', trigger: 'load', location };
      const lambda: Use = { kind: 'keras-feature', name: 'Lambda layer', trigger: 'load-python', location };
      for (const uses of [[graph, op('Conv2D')], [tflite]])
        expect(of('2.21.0', uses)).toMatchObject([{ status: 'under_investigation', package: 'tensorflow' }]);
      expect(of('2.19.0', [graph])).toEqual([]);
      expect(of('2.19.0', [lambda])).toMatchObject([{ status: 'under_investigation', package: 'keras' }]);
      const later = { ...record, modified: '2026-11-29T00:00:00.000Z', withdrawn: '2026-11-29' };
      writeUpdate(store, addRecords(advisoryDocument(store), [later]));
      expect(of('2.21.0', [graph, lambda])).toEqual([]);
    } finally {
      rmSync(store, { recursive: true });
    }
  });

  it('judges Keras by what the file has', () => {
    const lambda: Use = { kind: 'keras-feature', name: 'Lambda layer', trigger: 'load-python', location };
    expect(statusOf('CVE-2024-3660', [lambda], '2.21.0')).toMatchObject({ status: 'affected', package: 'keras' });
    expect(statusOf('CVE-2026-1462', [lambda], '2.21.0')).toMatchObject({ status: 'not_affected' });
    expect(statusOf('CVE-2024-3660', [graph], '2.21.0')).toBeUndefined();
  });
});

describe('the data', () => {
  it('is sound', () => expect(checkAll()).toEqual([]));

  it('would not pass with a mistake in it', () => {
    const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../data/${name}`, import.meta.url), 'utf8'));
    const rules = { schema: read('advisories.schema.json'), ops: (read('tensorflow-ops.json') as { ops: object }).ops };
    const [good] = advisoryData().tensorflow.filter(({ ops }) => ops !== undefined);
    const check = (...advisories: object[]) =>
      checkAdvisories('x', { format: 1, read: '2026-01-01', sources: '', advisories }, rules);
    expect(check(good)).toEqual([]);
    expect(check(good, good)[0]).toContain('is there twice');
    expect(check({ ...good, ops: ['NoSuchOp'] })[0]).toContain('NoSuchOp');
    expect(check({ ...good, affected: [{ introduced: '2.2.0', fixed: '2.1.0' }] })[0]).toContain('is not before');
    expect(check({ ...good, sev: 'high' })[0]).toContain('additional');
  });
});
