import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VersionPolicy } from '../config/index.ts';
import { packageVersion } from '../core/index.ts';
import type { Report, Use } from '../scan/index.ts';
import { keptModels, modelFolders } from './served-models.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-models-'));
  for (const name of ['1', '02', '10', 'x', '99999999999999999999999']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'saved_model.pb'), '');
  }
  symlinkSync(join(folder, '1'), join(folder, '77'));
  writeFileSync(join(folder, '88'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const model = (versions: VersionPolicy, path = folder) => [{ name: 'm', path, versions }];
const versions = async (policy: VersionPolicy, path?: string) =>
  (await modelFolders(model(policy, path))).map(({ version }) => version);

describe('modelFolders()', () => {
  it('follows the policy, and takes folders with numbers only', async () => {
    expect(await versions({ kind: 'all' })).toEqual([10n, 2n, 1n]);
    expect(await versions({ kind: 'latest', count: 2 })).toEqual([10n, 2n]);
    expect(await versions({ kind: 'specific', versions: [1n, 5n] })).toEqual([1n]);
    // The folder of one version, as the server takes it.
    expect(await versions({ kind: 'all' }, join(folder, '10'))).toEqual([10n]);
    expect(await versions({ kind: 'all' }, join(folder, 'x'))).toEqual([1n]);
    expect(await versions({ kind: 'all' }, join(folder, 'nothing'))).toEqual([]);
  });
});

describe('keptModels()', () => {
  const uses: readonly Use[] = [{ kind: 'component', name: 'graph', trigger: 'load', location: { file: '' } }];
  const report = (more: object = {}): Report =>
    ({
      scanner: { name: 'airlock', version: packageVersion(), rules: '' },
      startedAt: new Date(Date.now() + 60_000).toISOString(),
      unreadable: [],
      uses,
      ...more,
    }) as unknown as Report;
  const usesBy = async (kept: Report | undefined) => (await keptModels(model({ kind: 'latest', count: 1 }), () => kept))[0].uses;

  it('believes a report of the same Airlock about what still lies there', async () => {
    expect(await usesBy(report())).toBe(uses);
  });

  it('knows nothing otherwise', async () => {
    expect(await usesBy(undefined)).toBeUndefined();
    expect(await usesBy(report({ scanner: { name: 'airlock', version: '0.0.1', rules: '' } }))).toBeUndefined();
    expect(await usesBy(report({ unreadable: [{ file: 'a', reason: 'b' }] }))).toBeUndefined();
    expect(await usesBy(report({ uses: undefined }))).toBeUndefined();
    // Something in the folder changed after the scan began.
    expect(await usesBy(report({ startedAt: '2020-01-01T00:00:00.000Z' }))).toBeUndefined();
    expect(await usesBy(report({ startedAt: 'nonsense' }))).toBeUndefined();
  });
});
