import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { advisoryDocument, writeUpdate } from '../advisories/index.ts';
import { defaultScanConfig } from '../config/index.ts';
import type { Jail } from '../sandbox/index.ts';
import { makeReport, type ReportOptions, type Use } from '../scan/index.ts';
import { ScanGate } from './scan-gate.ts';

const scans: string[] = [];
let block: Promise<void> | undefined;
let uses: readonly Use[] = [];

vi.mock('../scanner/index.ts', () => ({
  scan: async (
    directory: string,
    { tensorflow, refuseAt, suppressionOf }: Pick<ReportOptions, 'tensorflow' | 'refuseAt' | 'suppressionOf'>,
  ) => {
    scans.push(directory);
    await block;
    const result = {
      artifacts: [{ file: '', format: 'saved-model', bytes: 1, facts: {} }],
      unreadable: [],
      findings: [],
      leftOut: {},
      uses,
    };
    const about = { target: 'm', tensorflow, refuseAt, durationMs: 1, version: '0', rules: 'r' } as const;
    return makeReport(result, { ...about, startedAt: new Date(0), ...(suppressionOf === undefined ? {} : { suppressionOf }) });
  },
}));

const gateWith = (config: object = {}): ScanGate =>
  new ScanGate({ jail: {} as Jail, config: { ...defaultScanConfig, ...config }, tensorflow: () => '2.21.0' });
const target = (version: bigint, contentDigest = 'a') => ({ model: 'm', version, directory: String(version), contentDigest });

beforeEach(() => {
  scans.length = 0;
  block = undefined;
  uses = [];
});

describe('ScanGate', () => {
  it('scans the same content once', async () => {
    const gate = gateWith();
    await gate.admit(target(1n));
    await gate.admit(target(1n));
    await gate.admit(target(1n, 'b'));
    expect(scans).toEqual(['1', '1']);
  });

  it('scans again when an update of the advisories came into the store', async () => {
    const store = mkdtempSync(join(tmpdir(), 'airlock-gate-'));
    try {
      const gate = new ScanGate({ jail: {} as Jail, config: defaultScanConfig, tensorflow: () => '2.21.0', store });
      await gate.admit(target(1n));
      await gate.admit(target(1n));
      expect(scans).toEqual(['1']);
      writeUpdate(store, advisoryDocument());
      await gate.admit(target(1n));
      expect(scans).toEqual(['1', '1']);
      // What cannot be believed keeps the version out.
      chmodSync(join(store, 'advisories', 'advisories.json'), 0o666);
      await expect(gate.admit(target(1n))).rejects.toMatchObject({ code: 'ADVISORIES_INVALID' });
    } finally {
      rmSync(store, { recursive: true });
    }
  });

  it('believes no earlier scan where suppressions may have ended since', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'airlock-gate-'));
    try {
      const suppressions = join(folder, 's.yaml');
      writeFileSync(suppressions, 'suppressions: []');
      const gate = gateWith({ suppressions });
      await gate.admit(target(1n));
      writeFileSync(suppressions, 'suppressions: 5');
      await expect(gate.admit(target(1n))).rejects.toMatchObject({ code: 'SCAN_RULES_INVALID' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('goes on scanning a version that did not answer during one round, and remembers one that was refused', async () => {
    const gate = gateWith();
    for (const version of [1n, 2n, 3n]) await gate.admit(target(version));
    scans.length = 0;
    // The second still loads, and the third is not known yet.
    await gate.rescan((_, version) => (version === 1n ? 'served' : version === 2n ? 'waiting' : 'gone'));
    expect([scans, gate.scanned.length]).toEqual([['1'], 3]);
    await gate.rescan(() => 'served');
    expect(scans).toEqual(['1', '1', '2', '3']);
    for (let round = 0; round < 3; round++) await gate.rescan((_, version) => (version === 2n ? 'waiting' : 'gone'));
    expect(gate.scanned.map(({ version }) => version)).toEqual([2n]);
  });

  describe('with a published vulnerability within reach', () => {
    const dayMs = 86_400_000;
    const gateOf = (patchDeadline?: (id: string) => number | undefined): ScanGate =>
      new ScanGate({
        jail: {} as Jail,
        config: { ...defaultScanConfig, refuseAt: 'medium' },
        tensorflow: () => '2.9.1',
        patchDeadline,
      });
    beforeEach(() => {
      const location = { file: 'saved_model.pb' };
      uses = [
        { kind: 'component', name: 'graph', trigger: 'load', location },
        { kind: 'tensorflow-op', name: 'FakeQuantWithMinMaxVars', trigger: 'inference', location, isRequestControlled: true },
      ];
    });

    it('keeps the version out where no deadline is known, and where it has passed', async () => {
      await expect(gateOf().admit(target(1n))).rejects.toMatchObject({ code: 'SCAN_REFUSED' });
      await expect(gateOf(() => undefined).admit(target(1n))).rejects.toMatchObject({ code: 'SCAN_REFUSED' });
      await expect(gateOf(() => Date.now() - 1).admit(target(1n))).rejects.toMatchObject({ code: 'SCAN_REFUSED' });
    });

    it('lets it in until the deadline, says until when, and judges anew afterwards', async () => {
      vi.useFakeTimers({ now: Date.UTC(2026, 10, 30), toFake: ['Date'] });
      try {
        const untilMs = Date.now() + dayMs;
        const gate = gateOf((id) => (id.startsWith('GHSA-') ? untilMs : undefined));
        const { report } = await gate.admit(target(1n));
        const found = report.findings.filter(({ ruleId }) => ruleId === 'advisory/reachable');
        expect(found.length).toBeGreaterThan(0);
        for (const { suppressed } of found)
          expect(suppressed).toBe('runtime.patchWithin lets it stay until 2026-12-01T00:00:00.000Z');
        await gate.admit(target(1n));
        expect(scans).toEqual(['1']);
        vi.setSystemTime(untilMs);
        await expect(gate.admit(target(1n))).rejects.toMatchObject({ code: 'SCAN_REFUSED' });
      } finally {
        vi.useRealTimers();
      }
    });
  });

  it('starts no scan any more when it is closed', async () => {
    const gate = gateWith();
    let goOn = (): void => undefined;
    block = new Promise((resolve) => {
      goOn = resolve;
    });
    const first = gate.admit(target(1n));
    const waiting = gate.admit(target(2n));
    await vi.waitUntil(() => scans.length === 1);
    gate.close();
    goOn();
    await first;
    await expect(waiting).rejects.toMatchObject({ code: 'SCAN_INCOMPLETE' });
    expect(scans).toEqual(['1']);
  });
});
