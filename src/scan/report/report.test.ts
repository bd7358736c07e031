import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { advisoryData } from '../../advisories/index.ts';
import { type Finding, maxUses, type Report, type ScanResult, type Use } from '../scan-types.ts';
import { fingerprintOf } from './fingerprint.ts';
import { makeReport } from './make-report.ts';
import { readScanResult } from './read-result.ts';
import { loadSuppressions } from './suppressions.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

function finding(more: Partial<Finding> = {}): Finding {
  return {
    ruleId: 'file-read/op',
    severity: 'high',
    trigger: 'inference',
    message: 'ReadFile "n" reads /etc/passwd',
    location: { file: 'saved_model.pb', metaGraph: 'serve', function: '__inference_f_12', node: 'n', op: 'ReadFile' },
    chain: [{ via: 'signature serving_default' }],
    argument: { name: 'filename', value: '/etc/passwd', origin: 'constant-outside' },
    ...more,
  };
}

function result(more: Partial<ScanResult> = {}): ScanResult {
  return {
    artifacts: [{ file: '', format: 'saved-model', bytes: 9, facts: {} }],
    unreadable: [],
    findings: [],
    leftOut: {},
    uses: [],
    ...more,
  };
}

const options = {
  target: 'm',
  tensorflow: '2.21.0',
  refuseAt: 'medium' as const,
  startedAt: new Date('2026-11-30T00:00:00Z'),
  durationMs: 12,
  version: '0.1.0',
  rules: 'r',
};

describe('makeReport()', () => {
  it.each([
    ['clean', result()],
    ['clean', result({ findings: [finding({ severity: 'low' })] })],
    ['refused', result({ findings: [finding({ severity: 'medium' })] })],
    ['unreadable', result({ unreadable: [{ file: 'x', reason: 'y' }] })],
    ['refused', result({ unreadable: [{ file: 'x', reason: 'y' }], findings: [finding()] })],
    // Nothing that is a model was not what somebody meant to scan.
    ['unreadable', result({ artifacts: [] })],
  ] as const)('says %s', (verdict, found) => {
    expect(makeReport(found, options).verdict).toBe(verdict);
  });

  it('puts the worst first and what is suppressed last', () => {
    const findings = [
      finding({ severity: 'low' }),
      finding({ severity: 'critical', ruleId: 'a/b' }),
      finding({ severity: 'critical', ruleId: 'c/d' }),
    ];
    const suppressionOf = ({ ruleId }: Finding) => (ruleId === 'a/b' ? 'looked at' : undefined);
    const report = makeReport(result({ findings }), { ...options, suppressionOf });
    expect(report.findings.map(({ ruleId, suppressed }) => [ruleId, suppressed])).toEqual([
      ['c/d', undefined],
      ['file-read/op', undefined],
      ['a/b', 'looked at'],
    ]);
  });
});

describe('what the model uses', () => {
  const use: Use = { kind: 'tensorflow-op', name: 'FakeQuantWithMinMaxVars', trigger: 'inference', location: { file: 'm' } };
  const graph: Use = { kind: 'component', name: 'graph', trigger: 'load', location: { file: 'm' } };
  const cve = 'CVE-2022-35971';
  const reached = ({ advisories }: Report) => advisories.filter(({ status }) => status === 'affected').map((one) => one.cve);

  it('is judged for the TensorFlow that is meant, and kept so that others can be judged too', () => {
    const old = makeReport(result({ uses: [graph, use] }), { ...options, tensorflow: '2.9.1', refuseAt: 'low' });
    expect(reached(old)).toContain(cve);
    expect(old.findings.map(({ ruleId, location }) => [ruleId, location])).toContainEqual(['advisory/reachable', use.location]);
    expect(old.verdict).toBe('refused');
    expect(reached(makeReport(result({ uses: old.uses }), { ...options, tensorflow: '2.9.2' }))).not.toContain(cve);
    expect(old.advisoryData).toEqual(advisoryData().info);
  });

  it('is judged by the data that is given', () => {
    const known = advisoryData();
    const [one] = known.tensorflow.filter((advisory) => advisory.cve === cve);
    const info = { ...known.info, source: 'update' as const };
    const advisories = { tensorflow: [{ ...one, affected: [{ introduced: '2.21.0' }] }], keras: [], libraries: [], info };
    const report = makeReport(result({ uses: [use] }), { ...options, advisories });
    expect([reached(report), report.advisoryData]).toEqual([[cve], info]);
  });

  it('fills no report with findings: the mildest are only counted', () => {
    const known = advisoryData();
    const [one] = known.tensorflow.filter((advisory) => advisory.cve === cve);
    const many = Array.from({ length: 130 }, (_, index) => ({
      ...one,
      id: `PYSEC-2026-${index}`,
      severity: index % 2 === 0 ? ('low' as const) : ('critical' as const),
    }));
    const advisories = { ...known, tensorflow: many };
    const { findings, leftOut } = makeReport(result({ uses: [use] }), { ...options, tensorflow: '2.9.1', advisories });
    expect(findings.filter(({ severity }) => severity === 'critical')).toHaveLength(65);
    expect([findings.length, leftOut]).toEqual([100, { 'advisory/reachable': 30 }]);
  });
});

describe('fingerprintOf()', () => {
  it('stays when wording, severity and the number of the function change', () => {
    const location = { ...finding().location, function: '__inference_f_34' };
    expect(fingerprintOf(finding({ message: 'other', severity: 'low', location }))).toBe(fingerprintOf(finding()));
  });

  it.each([
    { ruleId: 'file-write/op' },
    { location: { ...finding().location, node: 'other' } },
    { location: { ...finding().location, file: 'other' } },
    { argument: { name: 'filename', value: '/etc/shadow' } },
  ])('differs for %o', (more) => {
    expect(fingerprintOf(finding(more))).not.toBe(fingerprintOf(finding()));
  });
});

describe('readScanResult()', () => {
  it('takes what a scan sends, as it is', () => {
    const use = {
      kind: 'tensorflow-op',
      name: 'X',
      trigger: 'load',
      location: { file: 'f' },
      isRequestControlled: false,
    } as const;
    const sent = result({ findings: [finding()], leftOut: { 'a/b': 3 }, uses: [use] });
    expect(readScanResult(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
  });

  it('makes every string safe to show', () => {
    const evil = '\u001b[2J\u202egpj.exe\n';
    const sent = result({
      uses: [{ kind: 'component', name: evil, trigger: 'load', location: { file: evil } }],
      artifacts: [{ file: evil, format: 'x', bytes: 1, facts: { [evil]: evil } }],
      findings: [
        finding({
          message: evil,
          location: { file: evil, node: evil },
          chain: [{ via: evil }],
          argument: { name: evil, value: evil },
        }),
      ],
    });
    const text = JSON.stringify(readScanResult(sent));
    for (const hidden of ['\\u001b', '\u202e', '\\n']) expect(text).not.toContain(hidden);
    expect(text).toContain('u{1b}');
  });

  it('refuses anything else, whatever it is', () => {
    const bad = [
      undefined,
      null,
      1,
      [],
      {},
      { ...result(), more: 1 },
      { ...result(), uses: [{ kind: 'tensorflow-op', name: 'X', trigger: 'never', location: { file: 'f' } }] },
      { ...result(), uses: [{ kind: 'component', name: 'graph', trigger: 'load', location: { file: 'f' }, more: 1 }] },
      { ...result(), uses: Array(maxUses + 1).fill({ kind: 'component', name: 'g', trigger: 'load', location: { file: 'f' } }) },
      { ...result(), findings: [{ ...finding(), severity: 'worse' }] },
    ];
    for (const value of bad) expect(() => readScanResult(value)).toThrow(expect.objectContaining({ code: 'SCAN_INCOMPLETE' }));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => readScanResult(value)).toThrow(expect.objectContaining({ code: 'SCAN_INCOMPLETE' }));
      }),
    );
  });
});

describe('loadSuppressions()', () => {
  const today = new Date('2026-11-30T12:00:00Z');
  const reported = { ...finding(), fingerprint: fingerprintOf(finding()) };
  const load = (text: string, now = today) => {
    const file = join(folder, 's.yaml');
    writeFileSync(file, text);
    return loadSuppressions({ suppressions: file }, now);
  };
  const entry = (fields: string, expires = '2026-11-30') =>
    `suppressions:\n  - { ${fields}, reason: the file is our own vocabulary, expires: ${expires} }\n`;

  it('covers by fingerprint until the day has passed', () => {
    const text = entry(`fingerprint: "${reported.fingerprint}"`);
    expect(load(text).of(reported)).toContain('our own vocabulary (until 2026-11-30)');
    expect(load(text).of({ ...reported, fingerprint: '0'.repeat(16) })).toBeUndefined();
    const late = load(text, new Date('2026-12-01T00:00:00Z'));
    expect(late.of(reported)).toBeUndefined();
    expect(late.expired).toEqual([`${reported.fingerprint} expired on 2026-11-30`]);
  });

  it('covers by rule, file and node', () => {
    expect(load(entry('rule: file-read/op')).of(reported)).toBeDefined();
    expect(load(entry('rule: file-read/op, node: n, file: saved_model.pb')).of(reported)).toBeDefined();
    expect(load(entry('rule: file-read/op, node: m')).of(reported)).toBeUndefined();
    expect(load(entry('rule: file-read/op, file: other')).of(reported)).toBeUndefined();
    expect(load(entry('rule: file-write/op')).of(reported)).toBeUndefined();
  });

  it.each([
    ['suppressions: [{ rule: a/b, reason: a reason that is long, expires: never }]', /expires/],
    ['suppressions: [{ rule: a/b, reason: short, expires: 2027-01-01 }]', /reason/],
    ['suppressions: [{ reason: a reason that is long, expires: 2027-01-01 }]', /fingerprint or rule/],
    [
      'suppressions: [{ fingerprint: "0000000000000000", node: n, reason: a reason that is long, expires: 2027-01-01 }]',
      /go with rule/,
    ],
    ['suppress: []', /suppressions/],
    ['suppressions: [', /./],
    ['a: &a 1\nsuppressions: *a', /./],
  ])('refuses %s', (text, message) => {
    expect(() => load(text)).toThrow(
      expect.objectContaining({ code: 'SCAN_RULES_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('takes a report as a baseline', () => {
    const file = join(folder, 'base.json');
    writeFileSync(file, JSON.stringify(makeReport(result({ findings: [finding()] }), options)));
    expect(loadSuppressions({ baseline: file }).of(reported)).toBe('in the baseline');
    writeFileSync(file, '{"findings":[]}');
    expect(() => loadSuppressions({ baseline: file })).toThrow(/no report/);
    expect(() => loadSuppressions({ baseline: join(folder, 'none') })).toThrow(/cannot be read/);
  });
});
