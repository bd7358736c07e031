// `airlock audit supply-chain` as somebody uses it on a project: real processes, real folders, links, every form of the report, suppressions.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { auditSupplyChain, type SupplyChainReport } from '../../src/supply-chain/index.ts';
import { root, temporaryFolder } from '../support/server.ts';
import { hash } from '../support/supply-chain-hashes.ts';
import { auditFiles, linesOf, writeProject } from '../support/supply-chain-run.ts';

const airlock = path.join(root, 'bin/airlock.js');
const folder = temporaryFolder();
const { tensorflow } = auditFiles({}).data;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [airlock, 'audit', 'supply-chain', ...args], {
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

describe('airlock audit supply-chain', () => {
  const bad = writeProject(
    { 'requirements.txt': 'numpy\ntensorflow==2.9.1\n', Dockerfile: 'FROM tensorflow/tensorflow:2.9.1\n' },
    path.join(folder, 'bad'),
  );
  const good = writeProject({ 'requirements.txt': `tensorflow==${tensorflow} ${hash}\n` }, path.join(folder, 'good'));
  const odd = writeProject({ 'requirements.txt': '-r elsewhere.txt\n' }, path.join(folder, 'odd'));

  it('refuses, with counts per file, the place and the line to write', () => {
    const { code, stdout, stderr } = run(bad);
    expect(code).toBe(1);
    expect(stderr).toContain('Refused: a finding at high or above');
    expect(stdout).toMatch(/requirements\.txt +■+ 1 critical, 2 medium {2}\(requirements\)/);
    expect(stdout).toMatch(/requirements\.txt:2 {2}CRITICAL {2}tensorflow==2\.9\.1 has 10\d published vulnerabilities/);
    expect(stdout).toContain(`    fix  tensorflow==${tensorflow}\n`);
    expect(stdout).toContain(`    fix  FROM tensorflow/tensorflow:${tensorflow}@sha256:DIGEST\n`);
    expect(stdout).toMatch(/Advisories read on \d{4}-\d\d-\d\d/);
  });

  it('ends with 0 when clean, 5 when not judged, 2 when there is no such folder', () => {
    expect(run(good)).toMatchObject({ code: 0, stdout: expect.stringContaining('clean: nothing at high or above in 1 file') });
    expect(run(odd)).toMatchObject({ code: 5, stdout: expect.stringContaining('requirements.txt:1  NOT JUDGED  elsewhere.txt') });
    expect(run(path.join(folder, 'none')).code).toBe(2);
    expect(run().code).toBe(2);
  });

  it('writes JSON, SARIF and Markdown', () => {
    const report = JSON.parse(run(bad, '--json').stdout) as SupplyChainReport;
    expect(report).toMatchObject({ schema: 'https://tf-airlock/supply-chain/v1', verdict: 'refused', target: 'bad' });
    const file = path.join(folder, 'out.sarif');
    expect(run(bad, '--format', 'sarif', '-o', file).code).toBe(1);
    const sarif = JSON.parse(readFileSync(file, 'utf8')) as {
      runs: { results: { ruleId: string; level: string; locations: object[] }[] }[];
    };
    expect(sarif.runs[0].results).toHaveLength(report.findings.length);
    expect(sarif.runs[0].results).toContainEqual(
      expect.objectContaining({
        ruleId: 'supply-chain/vulnerable',
        level: 'error',
        locations: [{ physicalLocation: { artifactLocation: { uri: 'requirements.txt' }, region: { startLine: 2 } } }],
      }),
    );
    expect(run(bad, '--format', 'markdown').stdout).toContain('| critical | `requirements.txt:2` |');
    expect(run('--rules').stdout).toContain('supply-chain/look-alike  high');
  });

  it('counts from another severity on, and leaves out what was accepted until a day', () => {
    const report = JSON.parse(run(bad, '--json').stdout) as SupplyChainReport;
    const file = path.join(folder, 'accepted.yaml');
    const accept = (expires: string) => {
      const suppressions = report.findings.map(({ fingerprint }) => ({ fingerprint, reason: 'the old model needs it', expires }));
      writeFileSync(file, JSON.stringify({ suppressions }));
    };
    accept('2999-01-01');
    expect(run(bad, '--suppressions', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${report.findings.length} suppressed.`),
    });
    accept('2001-01-01');
    expect(run(bad, '--suppressions', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('expired on 2001-01-01') });
    const medium = writeProject({ 'requirements.txt': `tensorflow==${tensorflow}\n` }, path.join(folder, 'medium'));
    expect([run(medium).code, run(medium, '--refuse-at', 'medium').code]).toEqual([0, 1]);
  });
});

describe('what is not read', () => {
  it('follows no link, and says so', () => {
    const outside = writeProject(
      { 'requirements.txt': 'tensorflow==2.9.1\n', 'more/base.txt': 'tensorflow==2.9.1\n' },
      path.join(folder, 'outside'),
    );
    const project = path.join(folder, 'links');
    mkdirSync(project);
    symlinkSync(path.join(outside, 'requirements.txt'), path.join(project, 'requirements.txt'));
    symlinkSync(outside, path.join(project, 'folder'));
    writeFileSync(path.join(project, 'constraints.txt'), '-r folder/more/base.txt\n');
    const report = auditSupplyChain(project);
    expect(linesOf(report)).toEqual(['constraints.txt:1 NOT-JUDGED', 'requirements.txt:1 NOT-JUDGED']);
    expect(report.verdict).toBe('unreadable');
  });

  it('includes nothing from outside of the project', () => {
    const outer = writeProject({ 'base.txt': 'tensorflow==2.9.1\n' }, path.join(folder, 'outer'));
    const inner = {
      'requirements.txt': '-r ../base.txt\n-r a/../../base.txt\n',
      'a/b.txt': '',
      'x.sh': `pip install -r ${outer}/base.txt\n`,
    };
    const report = auditSupplyChain(writeProject(inner, path.join(outer, 'inner')));
    expect(linesOf(report)).toEqual(['requirements.txt:1 NOT-JUDGED', 'requirements.txt:2 NOT-JUDGED', 'x.sh:1 NOT-JUDGED']);
    // The same lines in the folder that holds both do read it.
    expect(linesOf(auditSupplyChain(outer))).toContain('base.txt:1 vulnerable critical');
  });

  it('stops at its bounds, and says so', () => {
    const many = writeProject(
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${at}/requirements.txt`, 'numpy\n'])),
      path.join(folder, 'many'),
    );
    const limits = { maxEntries: 1_000, maxDepth: 3, maxFiles: 100, maxFileBytes: 1_000, maxBytes: 1_000 };
    expect(auditSupplyChain(many, { limits }).verdict).toBe('clean');
    for (const smaller of [{ maxEntries: 10 }, { maxDepth: 0 }, { maxFiles: 10 }, { maxFileBytes: 3 }, { maxBytes: 50 }])
      expect(auditSupplyChain(many, { limits: { ...limits, ...smaller } }).verdict, JSON.stringify(smaller)).toBe('unreadable');
  });
});
