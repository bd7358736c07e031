import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Severity } from '../core/index.ts';
import type { Finding, ScanResult } from '../scan/index.ts';
import { makeReport } from '../scan/index.ts';
import { ScanHistory } from './scan-history.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-history-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function finding(severity: Severity, node = 'n'): Finding {
  return { ruleId: 'a/b', severity, trigger: 'load', message: 'm', location: { file: 'f', node }, chain: [] };
}

function scanned(more: Partial<ScanResult> = {}, model = 'digits', version = 1n) {
  const result = {
    artifacts: [{ file: '', format: 'x', bytes: 1, facts: {} }],
    unreadable: [],
    findings: [],
    leftOut: {},
    uses: [],
    ...more,
  };
  const at = {
    target: 'm',
    tensorflow: '2.21.0',
    refuseAt: 'high',
    startedAt: new Date(0),
    durationMs: 1,
    version: '0',
    rules: 'r',
  } as const;
  return { model, version, report: makeReport(result, at), digest: 'd' };
}

/** As the server does. */
function keep(history: ScanHistory, one: ReturnType<typeof scanned>) {
  const worse = history.compare(one);
  history.keep(one);
  return worse;
}

describe('ScanHistory', () => {
  it('remembers across restarts, by model and version', () => {
    expect(keep(new ScanHistory(folder), scanned())).toBeUndefined();
    const history = new ScanHistory(folder);
    expect(history.last('digits', 1n)).toEqual(scanned().report);
    expect(history.last('digits', 2n)).toBeUndefined();
    expect(history.last('other', 1n)).toBeUndefined();
  });

  it('says what became worse, and nothing when nothing did', () => {
    const history = new ScanHistory(folder);
    history.keep(scanned({ findings: [finding('low')] }));
    expect(keep(history, scanned({ findings: [finding('low')] }))).toBeUndefined();
    expect(keep(history, scanned({ findings: [] }))).toBeUndefined();
    expect(keep(history, scanned({ findings: [finding('low')] }))?.newFindings).toHaveLength(1);
    expect(keep(history, scanned({ findings: [finding('high')] }))).toMatchObject({
      newFindings: [{ severity: 'high' }],
      before: { verdict: 'clean' },
    });
    expect(keep(history, scanned({ unreadable: [{ file: 'f', reason: 'r' }] }))).toBeUndefined();
  });

  it('notices a vulnerability that came within reach, and a verdict that is worse', () => {
    const history = new ScanHistory(folder);
    const advisory = { id: 'GHSA-1', severity: 'high', package: 'tensorflow', why: 'w', ops: [], fixedVersions: [] } as const;
    const judged = (status: 'affected' | 'under_investigation') => {
      const one = scanned();
      return { ...one, report: { ...one.report, advisories: [{ ...advisory, status }] } };
    };
    history.keep(judged('under_investigation'));
    expect(keep(history, judged('affected'))?.newAdvisories).toEqual(['GHSA-1']);
    expect(keep(history, scanned({ unreadable: [{ file: 'f', reason: 'r' }] }))).toMatchObject({ newFindings: [] });
  });

  it('takes a report that is damaged, or of something else, for none', () => {
    const history = new ScanHistory(folder);
    history.keep(scanned());
    const [file] = readdirSync(folder);
    for (const text of ['{', 'null', '{"model":"other","version":"1","report":{}}']) {
      writeFileSync(join(folder, file), text);
      expect(history.last('digits', 1n)).toBeUndefined();
    }
    expect(keep(history, scanned())).toBeUndefined();
  });

  it('keeps models with long and odd names apart', () => {
    const history = new ScanHistory(folder);
    const names = ['a'.repeat(128), `${'a'.repeat(127)}b`, '模型'.repeat(60), '..'];
    for (const name of names) history.keep(scanned({}, name));
    for (const name of names) expect(history.last(name, 1n)).toBeDefined();
    expect(readdirSync(folder)).toHaveLength(names.length);
  });

  it('fails when it cannot keep a report', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => new ScanHistory(join(folder, 'file', 'x'))).toThrow(expect.objectContaining({ code: 'STORE_NOT_WRITABLE' }));
  });
});
