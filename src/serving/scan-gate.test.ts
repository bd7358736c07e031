import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { advisoryDocument, writeUpdate } from '../advisories/index.ts';
import { defaultScanConfig } from '../config/index.ts';
import type { Jail } from '../sandbox/index.ts';
import { makeReport } from '../scan/index.ts';
import { ScanGate } from './scan-gate.ts';

const scans: string[] = [];
let block: Promise<void> | undefined;

vi.mock('../scanner/index.ts', () => ({
  scan: async (directory: string) => {
    scans.push(directory);
    await block;
    const result = {
      artifacts: [{ file: '', format: 'saved-model', bytes: 1, facts: {} }],
      unreadable: [],
      findings: [],
      leftOut: {},
      uses: [],
    };
    const about = { target: 'm', tensorflow: '2.21.0', refuseAt: 'high', durationMs: 1, version: '0', rules: 'r' } as const;
    return makeReport(result, { ...about, startedAt: new Date(0) });
  },
}));

const gateWith = (config: object = {}): ScanGate =>
  new ScanGate({ jail: {} as Jail, config: { ...defaultScanConfig, ...config }, tensorflow: () => '2.21.0' });
const target = (version: bigint, contentDigest = 'a') => ({ model: 'm', version, directory: String(version), contentDigest });

beforeEach(() => {
  scans.length = 0;
  block = undefined;
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
