import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { makeReport } from '../report/index.ts';
import type { AdvisoryVerdict, Finding, Report, Rule, ScanResult } from '../scan-types.ts';
import { formatReport, type ReportFormat, reportFormats, rulesMarkdown, rulesText, textReport } from './index.ts';

const rule: Rule = {
  id: 'file-read/op',
  title: 'A file is read',
  category: 'file-read',
  severity: 'high',
  effect: 'A file of the machine is read.',
  fix: 'Remove the operation.',
  sources: ['TensorFlow SECURITY.md'],
};
const rules = new Map([[rule.id, rule]]);

const finding: Finding = {
  ruleId: 'file-read/op',
  severity: 'high',
  trigger: 'inference',
  message: 'ReadFile "n" reads /etc/passwd',
  location: { file: 'saved_model.pb', metaGraph: 'serve', function: '__inference_f_12', node: 'n', op: 'ReadFile' },
  chain: [
    { via: 'signature serving_default' },
    { via: 'calls __inference_f_12 (f)', node: 'PartitionedCall', op: 'StatefulPartitionedCall' },
    { via: 'input', function: '__inference_f_12', node: 'n', op: 'ReadFile' },
  ],
  argument: { name: 'filename', value: '/etc/passwd', origin: 'constant-outside' },
  advisories: ['CVE-2021-1'],
};

const advisories: readonly AdvisoryVerdict[] = [
  {
    id: 'GHSA-aaaa-bbbb-cccc',
    cve: 'CVE-2022-1',
    severity: 'high',
    package: 'tensorflow',
    status: 'affected',
    why: 'w',
    ops: ['X'],
    fixedVersions: ['2.9.2'],
  },
  {
    id: 'CVE-2022-2',
    severity: 'low',
    package: 'keras',
    status: 'not_affected',
    justification: 'component_not_present',
    why: 'w',
    ops: [],
    fixedVersions: [],
  },
  {
    id: 'CVE-2022-3',
    severity: 'low',
    package: 'tensorflow',
    status: 'under_investigation',
    why: 'w',
    ops: [],
    fixedVersions: [],
  },
];

function reportOf(more: Partial<ScanResult> = {}, target = 'digits'): Report {
  const result: ScanResult = {
    artifacts: [{ file: '', format: 'saved-model', bytes: 9, facts: { nodes: 3, tensorflow: '2.21.0' } }],
    unreadable: [],
    findings: [
      finding,
      { ...finding, severity: 'low', location: { file: 'x.json', path: '/config/layers/0', offset: 12 }, chain: [] },
    ],
    leftOut: { 'a/b': 3 },
    uses: [{ kind: 'tensorflow-op', name: 'X', trigger: 'inference', location: { file: 'm' }, isRequestControlled: true }],
    ...more,
  };
  const report = makeReport(result, {
    target,
    tensorflow: '2.21.0',
    refuseAt: 'medium',
    startedAt: new Date('2026-11-30T00:00:00.123Z'),
    durationMs: 12,
    version: '0.1.0',
    rules: 'a'.repeat(64),
    suppressionOf: ({ severity }) => (severity === 'low' ? 'looked at' : undefined),
  });
  return { ...report, advisories };
}

const json = (report: Report, format: Exclude<ReportFormat, 'text'>) => JSON.parse(formatReport(report, format, rules));

describe('the text form', () => {
  it('has the verdict, the picture of the chain, the value, the remedy and the fingerprint', () => {
    const text = textReport(reportOf(), { rules });
    for (const part of [
      'digits: refused (1 high)',
      'HIGH',
      'ReadFile "n" reads',
      'signature serving_default',
      '└─ calls',
      '(constant-outside)',
      rule.fix,
      '1 more below',
      '3 more of a/b',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('\u001b');
    expect(textReport(reportOf(), { rules, colours: true })).toContain('\u001b[31m');
  });

  it('says what was not judged', () => {
    const text = textReport(reportOf({ findings: [], unreadable: [{ file: 'x.h5', reason: 'damaged' }] }), { rules });
    expect(text).toContain('digits: could not be judged');
    expect(text).toContain('not judged  x.h5: damaged');
  });
});

describe('the JSON form', () => {
  it('is what docs/scan-report.schema.json says', () => {
    const schema = JSON.parse(readFileSync(new URL('../../../docs/scan-report.schema.json', import.meta.url), 'utf8'));
    const ajv = new Ajv2020({ allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile(schema);
    expect(validate(json(reportOf(), 'json')), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...json(reportOf(), 'json'), verdict: 'fine' })).toBe(false);
  });
});

describe('the SARIF form', () => {
  it('has clean URIs and logical locations', () => {
    const evil = { ...finding, location: { file: '../a b/javascript:x%2f?q#f', node: 'n' } };
    const [run] = json(reportOf({ findings: [evil] }, '..'), 'sarif').runs;
    expect(run.results[0].locations[0].physicalLocation.artifactLocation.uri).toBe(
      '%252E%252E/a%20b/javascript%3Ax%252f%3Fq%23f',
    );
    const [clean] = json(reportOf(), 'sarif').runs;
    expect(clean.results[0]).toMatchObject({
      ruleId: 'file-read/op',
      level: 'error',
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'saved_model.pb' } },
          logicalLocations: [{ fullyQualifiedName: 'serve::__inference_f_12::n' }],
        },
      ],
    });
    expect(clean.results[1].suppressions).toEqual([{ kind: 'external', justification: 'looked at' }]);
    expect(clean.tool.driver.rules[clean.results[0].ruleIndex].id).toBe('file-read/op');
  });

  // The schema of OASIS is no package; these are the demands of it that a report can break.
  it('has what the schema demands', () => {
    const twice = { file: 'a.zip/m', format: 'graph-def', bytes: 3, facts: {} };
    const report = reportOf({ artifacts: [twice, twice, { ...twice, format: 'x' }], unreadable: [{ file: '', reason: 'r' }] });
    const { $schema, version, runs } = json(report, 'sarif');
    expect([$schema, version, runs.length]).toEqual([expect.stringContaining('sarif-schema-2.1.0.json'), '2.1.0', 1]);
    const [{ tool, artifacts, invocations, results }] = runs;
    expect(tool.driver.name).toBe('airlock');
    for (const list of [
      artifacts,
      tool.driver.rules,
      ...tool.driver.rules.map((one: { properties: { tags: [] } }) => one.properties.tags),
    ])
      expect(new Set(list.map((one: unknown) => JSON.stringify(one))).size).toBe(list.length);
    expect(artifacts).toEqual([{ location: { uri: 'a.zip/m' }, length: 3 }]);
    expect(invocations).toEqual([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error', message: { text: expect.any(String) } }] },
    ]);
    for (const { message, level, ruleIndex, locations, suppressions = [], codeFlows = [] } of results) {
      expect(message.text.length).toBeGreaterThan(0);
      expect(['none', 'note', 'warning', 'error']).toContain(level);
      expect(tool.driver.rules[ruleIndex]).toBeDefined();
      for (const { physicalLocation } of locations) expect(physicalLocation.artifactLocation.uri).toMatch(/^[\w%.~!'()*/-]+$/);
      for (const { kind } of suppressions) expect(['inSource', 'external']).toContain(kind);
      for (const { threadFlows } of codeFlows)
        for (const { locations: steps } of threadFlows) expect(steps.length).toBeGreaterThan(1);
    }
  });
});

describe('forms that people read', () => {
  const evil = '</code><script>alert(1)</script>`](http://x) ![i](http://x) @team | "';
  const hostile = reportOf(
    {
      artifacts: [{ file: evil, format: evil, bytes: 1, facts: { [evil]: evil } }],
      unreadable: [{ file: evil, reason: evil }],
      findings: [
        {
          ...finding,
          message: evil,
          location: { file: evil, node: evil },
          chain: [{ via: evil, node: evil, op: evil }],
          argument: { name: evil, value: evil },
          effect: evil,
          fix: evil,
        },
      ],
    },
    evil,
  );

  it('HTML escapes everything and loads nothing', () => {
    const html = formatReport(hostile, 'html', rules);
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('<svg');
    // As many tags end as begin.
    for (const tag of ['details', 'ol', 'code', 'figure', 'table']) {
      expect(html.split(`<${tag}`).length, tag).toBe(html.split(`</${tag}>`).length);
    }
  });

  it('Markdown keeps it inside code', () => {
    const markdown = formatReport(hostile, 'markdown', rules);
    const outside = markdown.replaceAll(/(`+)[\s\S]*?[^`]\1(?!`)/g, '');
    for (const part of ['<script', '](http', '@team']) expect(outside).not.toContain(part);
  });
});

describe('VEX', () => {
  it('OpenVEX states what was judged, with justifications', () => {
    const { statements } = json(reportOf(), 'openvex');
    expect(statements.map(({ status }: { status: string }) => status)).toEqual([
      'affected',
      'not_affected',
      'under_investigation',
    ]);
    expect(statements[0]).toMatchObject({
      vulnerability: { name: 'CVE-2022-1', aliases: ['GHSA-aaaa-bbbb-cccc'] },
      action_statement: expect.stringContaining('2.9.2'),
    });
    expect(statements[1]).toMatchObject({ justification: 'component_not_present', impact_statement: 'w' });
  });

  it('CycloneDX has the model, its files and the analysis', () => {
    const bom = json(reportOf(), 'cyclonedx');
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { component: { type: 'machine-learning-model', name: 'digits' } },
    });
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bom.vulnerabilities.map(({ analysis }: { analysis: { state: string } }) => analysis.state)).toEqual([
      'exploitable',
      'not_affected',
      'in_triage',
    ]);
  });
});

describe('the predicate of an attestation', () => {
  it('counts what is not suppressed', () => {
    expect(json(reportOf(), 'attestation')).toEqual({
      scannedAt: '2026-11-30T00:00:00Z',
      scanner: { name: `airlock scan (rules ${'a'.repeat(16)})`, version: '0.1.0' },
      verdict: 'failed',
      findings: [{ id: 'file-read/op', severity: 'high', count: 1 }],
      highestSeverity: 'high',
    });
    expect(json(reportOf({ findings: [] }), 'attestation')).toMatchObject({ verdict: 'passed', findings: [] });
  });
});

describe('every form', () => {
  it('is there for a report without anything', () => {
    const empty = { ...reportOf({ artifacts: [], findings: [], uses: [], leftOut: {} }), advisories: [] };
    for (const format of reportFormats) {
      const text = format === 'text' ? textReport(empty, { rules }) : formatReport(empty, format, rules);
      expect(text.endsWith('\n'), format).toBe(true);
    }
  });

  it('prints rules', () => {
    expect(rulesText([rule])).toContain('file-read/op  high');
    expect(rulesMarkdown([rule])).toContain('### `file-read/op`');
  });
});
