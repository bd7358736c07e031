import { describe, expect, it } from 'vitest';
import { type Advisory, advisoryData } from '../advisories/index.ts';
import { defaultRuntimeConfig } from '../config/index.ts';
import type { Use } from '../scan/index.ts';
import {
  type CheckReport,
  checkMarkdown,
  checkRules,
  checkSarif,
  checkText,
  type FailPoint,
  makeCheckReport,
  makePosture,
  nodeState,
  overdueText,
  type PostureFacts,
  releases,
} from './index.ts';

const use = (kind: Use['kind'], name: string): Use => ({
  kind,
  name,
  trigger: 'inference',
  location: { file: 'saved_model.pb' },
  isRequestControlled: true,
});
const uses = [use('component', 'graph'), use('tensorflow-op', 'Reshape')];

const made = (id: string, more: Partial<Advisory> = {}): Advisory => ({
  id,
  title: 'Out-of-bounds write in Reshape',
  severity: 'high',
  published: '2026-11-20',
  affected: [{ introduced: '0', fixed: '2.21.0' }],
  basis: 'advisory',
  fixed: ['2.21.0'],
  ops: ['Reshape'],
  opsConfidence: 'high',
  component: 'kernel',
  impact: ['heap_oob'],
  trigger: 'both',
  ...more,
});

const nowMs = Date.parse('2026-11-24T12:00:00Z');

function report(
  failOn: FailPoint = 'reachable',
  more: Partial<PostureFacts> = {},
  advisories: readonly Advisory[] = [made('GHSA-a')],
): CheckReport {
  const posture = makePosture({
    data: { ...advisoryData(), tensorflow: advisories, keras: [] },
    models: [{ name: 'di`gits|x', version: '1', uses }],
    releases: releases(),
    libraries: [],
    patchWithin: defaultRuntimeConfig.patchWithin,
    knownSince: new Map(),
    nowMs,
    maxAdvisoryAgeMs: defaultRuntimeConfig.maxAdvisoryAgeMs,
    releaseData: { source: 'data file', read: '2026-11-23' },
    slots: [{ version: '2.20.0', arch: 'x86_64', isInstalled: true, isServing: true }],
    ...more,
  });
  const npm = {
    lockfile: 'package-lock.json',
    packages: [{ name: 'a', version: '1', hasIntegrity: false }],
    checked: 'not checked',
  };
  return makeCheckReport({ posture, node: nodeState('v20.20.2', nowMs), npm, failOn, notes: ['the index was not asked'] });
}

describe('the verdict', () => {
  const old = made('GHSA-old', { published: '2020-01-01' });
  const undecided = made('GHSA-u', { opsConfidence: 'low', ops: ['NoSuchOp'] });
  const away = made('GHSA-no', { ops: ['NoSuchOp'], published: '2020-01-01' });

  it('depends on what shall fail', () => {
    const verdicts = (...advisories: Advisory[]) =>
      (['overdue', 'reachable', 'open'] as const).map((failOn) => report(failOn, {}, advisories).verdict);
    expect(verdicts(old)).toEqual(['overdue', 'overdue', 'overdue']);
    expect(verdicts(made('GHSA-a'))).toEqual(['clean', 'vulnerable', 'vulnerable']);
    expect(verdicts(undecided)).toEqual(['clean', 'clean', 'vulnerable']);
    // Proved to be out of reach, whatever its age.
    expect(verdicts(away)).toEqual(['clean', 'clean', 'clean']);
    expect(verdicts()).toEqual(['clean', 'clean', 'clean']);
    expect(overdueText(report('open', {}, [away]).posture)).toBeUndefined();
  });

  it('is about what serves; about everything where nothing that serves is known', () => {
    const slot = (version: string, isServing: boolean) => ({ version, arch: 'x86_64', isInstalled: true, isServing });
    const slots = [slot('2.21.0', true), slot('2.20.0', false)];
    expect(report('reachable', { slots }, [old]).verdict).toBe('clean');
    expect(report('reachable', { slots: [slot('2.21.0', false), slot('2.20.0', false)] }, [old]).verdict).toBe('overdue');
  });

  it('names the advisory, its day and the fix', () => {
    expect(overdueText(report('overdue', {}, [old, made('GHSA-b', { published: '2020-01-01' })]).posture)).toBe(
      'TensorFlow 2.20.0: GHSA-b (high) had to be gone by 2026-03-13 and 1 more, and di`gits|x 1 can reach it; run TensorFlow 2.21.0 or newer (airlock runtime stage --version 2.21.0)',
    );
  });
});

describe('findings', () => {
  it('are one for each matter, worst first, and keep their fingerprints when a deadline passes', () => {
    const early = report();
    const late = report('reachable', { nowMs: nowMs + 30 * 24 * 3_600_000 });
    const of = (one: CheckReport, id: string) => one.findings.find(({ message }) => message.includes(id));
    expect(of(early, 'GHSA-a')?.ruleId).toBe('runtime/reachable');
    expect(of(late, 'GHSA-a')?.ruleId).toBe('runtime/overdue');
    expect(of(late, 'GHSA-a')?.fingerprint).toBe(of(early, 'GHSA-a')?.fingerprint);
    expect(late.findings.map(({ ruleId }) => ruleId)).toEqual([
      'runtime/overdue',
      'runtime/node-ended',
      'runtime/old-advisories',
      'runtime/npm-unhashed',
    ]);
    expect(new Set(late.findings.map(({ fingerprint }) => fingerprint)).size).toBe(4);
  });

  it('say that a version was withdrawn, or gets no fixes', () => {
    const withdrawn = releases().map((one) => (one.version === '2.12.1' ? { ...one, yanked: true as const } : one));
    const slots = [{ version: '2.12.1', arch: 'x86_64', isInstalled: true, isServing: true }];
    const found = report('reachable', { slots, releases: withdrawn }, []).findings.map(({ ruleId }) => ruleId);
    expect(found).toEqual(expect.arrayContaining(['runtime/yanked']));
    const rules = report('reachable', { slots }, []).findings.map(({ ruleId }) => ruleId);
    expect(rules).toContain('runtime/unsupported');
  });
});

describe('the form for people', () => {
  it('draws the time that is used up', () => {
    const text = checkText(report());
    expect(text).toContain('TensorFlow: vulnerable\n');
    // Of seven days from the end of the 20th half of the fourth is over.
    expect(text).toContain('HIGH      GHSA-a               reachable  ██████████░░░░░░░░░░  3 of 7 days left, due 2026-11-27\n');
    expect(text).toContain(
      '2.20.0   serves  2025-08-13  468 days  second newest minor  1          0          0             2026-11-27\n',
    );
    expect(text).toContain('smallest release without these: 2.21.0; airlock runtime stage --version 2.21.0');
    expect(text).toContain('node        20.20.2, no fixes since 2026-04-30; Node.js 26 gets them\n');
    expect(text).toContain('npm         1 package, 1 without a digest (not checked)\n');
    expect(text).toContain('note        the index was not asked\n');
    expect(text).not.toContain('\u001b');
  });

  it('has colours where they are wanted, and a full bar when it is too late', () => {
    const text = checkText(report('overdue', { nowMs: nowMs + 30 * 24 * 3_600_000 }), { colours: true });
    expect(text).toContain('\u001b[1;31moverdue\u001b[0m');
    expect(text).toContain(`\u001b[31m${'█'.repeat(20)}\u001b[0m`);
    expect(text).toContain('old; airlock advisories update');
  });

  it('says what cannot be said', () => {
    const none = checkText(report('reachable', { models: [] }, [made('GHSA-x', { affected: [{ introduced: '0' }], fixed: [] })]));
    expect(none).toContain('no fix is known');
    expect(none).toContain('models      none was looked at');
    expect(checkText(report('reachable', { slots: [] }))).toContain('No TensorFlow is installed');
    const missing = [{ version: '2.20.0', arch: 'x86_64', isInstalled: false, isServing: true }];
    expect(checkText(report('reachable', { slots: missing }))).toContain('2.20.0   not installed');
  });
});

describe('the forms for programs', () => {
  it('is SARIF with a rule, a place and a fingerprint for each result', () => {
    const text = checkSarif(report(), { airlock: '0.1.0', place: 'air lock?.yaml' });
    const { version, runs } = JSON.parse(text);
    const [run] = runs;
    expect(version).toBe('2.1.0');
    const rules: { id: string }[] = run.tool.driver.rules;
    for (const { ruleId, ruleIndex, locations, partialFingerprints } of run.results) {
      expect(rules[ruleIndex].id).toBe(ruleId);
      expect(Object.keys(checkRules)).toContain(ruleId);
      expect(locations[0].physicalLocation.artifactLocation.uri).toBe(
        ruleId.includes('npm') ? 'package-lock.json' : 'air%20lock%3F.yaml',
      );
      expect(partialFingerprints['airlockFinding/v1']).toMatch(/^[0-9a-f]{16}$/);
    }
    expect(run.results[0]).toMatchObject({ ruleId: 'runtime/reachable', level: 'error' });
    expect(run.results[0].message.text).toContain('due by 2026-11-27');
    expect(run.invocations[0].toolExecutionNotifications[0].message.text).toBe('the index was not asked');
  });

  it('is Markdown that a name cannot break out of', () => {
    const text = checkMarkdown(report());
    expect(text).toContain('## TensorFlow: vulnerable');
    expect(text).toContain('| 2.20.0 | serves | 2025-08-13 | second newest minor | 1 | 0 | 0 | 2026-11-27 | 2.21.0 |');
    expect(text).toContain('(di`gits\\|x 1)``');
  });
});
