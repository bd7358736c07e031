import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { newFolder } from '../../../tests/support/signed-models.ts';
import { builtFile, ownerMark } from '../../core/index.ts';
import { formatLedger, maxLedgerBytes } from './ledger-text.ts';
import { type LedgerStep, VersionLedger } from './version-ledger.ts';

/** Runs once after a folder was listed, before anybody looks at the list. */
let afterListing: (() => void) | undefined;
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  return {
    ...original,
    async readdir(...parameters: Parameters<typeof original.readdir>) {
      const names = await original.readdir(...parameters);
      afterListing?.();
      afterListing = undefined;
      return names;
    },
  };
});

let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await newFolder();
});
beforeEach(() => {
  folder = join(root, String(count++), 'trust');
});
afterAll(() => rm(root, { recursive: true }));

const identityOf = (version: bigint) => version.toString(16).padStart(64, '0');
const served = (version: bigint, model = 'digits') => ({ model, version, identity: identityOf(version) });
const versionsOf = async (ledger: VersionLedger, model = 'digits') => [...(await ledger.served(model)).keys()];
const states = async () => (await readdir(folder)).sort();

describe('VersionLedger', () => {
  it('remembers versions of several models, for itself, for others and for later', async () => {
    const ledger = await VersionLedger.open(folder);
    expect(await versionsOf(ledger)).toEqual([]);
    await ledger.record(served(3n));
    await ledger.record(served(10n));
    await ledger.record(served(1n, '__proto__'));
    await ledger.record(served(3n));
    for (const reader of [ledger, await VersionLedger.open(folder)]) {
      expect([...(await reader.served('digits'))]).toEqual([
        [10n, identityOf(10n)],
        [3n, identityOf(3n)],
      ]);
      expect(await versionsOf(reader, '__proto__')).toEqual([1n]);
      expect(await versionsOf(reader, 'other')).toEqual([]);
    }
  });

  it('keeps everybody else out of what it writes, and leaves nothing else there', async () => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    expect(await states()).toEqual(['ledger-1.json']);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'ledger-1.json'))).mode & 0o777).toBe(0o600);
  });

  it('keeps a few old states only', async () => {
    const ledger = await VersionLedger.open(folder);
    for (let version = 1n; version <= 11n; version++) await ledger.record(served(version));
    expect((await states()).map((name) => Number(name.replace(/\D/g, ''))).sort((a, b) => a - b)).toEqual([
      4, 5, 6, 7, 8, 9, 10, 11,
    ]);
    expect(await versionsOf(ledger)).toHaveLength(11);
  });

  it('refuses another content for a version, unless it may replace it', async () => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    const other = { ...served(1n), identity: identityOf(99n) };
    await expect(ledger.record(other)).rejects.toMatchObject({ code: 'TRUST_REFUSED' });
    await ledger.record({ ...other, mayReplace: true });
    expect(await ledger.served('digits')).toEqual(new Map([[1n, identityOf(99n)]]));
  });

  it('keeps the highest versions when there are too many, and refuses to grow without end', async () => {
    const ledger = await VersionLedger.open(folder, { maxVersions: 2 });
    for (const version of [5n, 1n, 7n, 3n]) await ledger.record(served(version));
    expect(await versionsOf(ledger)).toEqual([7n, 5n]);
    const full = await VersionLedger.open(folder, { maxBytes: 250 });
    await expect(full.record(served(9n))).rejects.toMatchObject({
      code: 'TRUST_INVALID',
      message: expect.stringContaining('250 bytes'),
    });
    expect(await versionsOf(full)).toEqual([7n, 5n]);
  });

  it('loses nothing when many write at once', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => VersionLedger.open(folder)));
    const numbers = Array.from({ length: 16 }, (_, index) => BigInt(index));
    await Promise.all(numbers.map((version) => writers[Number(version) % 4].record(served(version))));
    expect((await versionsOf(writers[0])).sort((a, b) => Number(a - b))).toEqual(numbers);
  });

  it('starts again when another writer was first, and when others have got far past it', async () => {
    const foreign = (version: bigint) => formatLedger(new Map([['digits', new Map([[version, identityOf(version)]])]]));
    const steps: LedgerStep[] = [];
    let isFirst = true;
    const ledger = await VersionLedger.open(folder, {
      onStep(step) {
        steps.push(step);
        if (step !== 'link' || !isFirst) return;
        isFirst = false;
        writeFileSync(join(folder, 'ledger-1.json'), foreign(7n));
      },
    });
    await ledger.record(served(8n));
    expect(steps.filter((step) => step === 'link')).toHaveLength(2);
    expect(await versionsOf(ledger)).toEqual([8n, 7n]);
    let isSecond = true;
    const slow = await VersionLedger.open(folder, {
      onStep(step) {
        if (step !== 'link' || !isSecond) return;
        isSecond = false;
        // Those between have been removed, so the number is free again; what is linked there does not count.
        writeFileSync(join(folder, 'ledger-20.json'), foreign(5n));
      },
    });
    await slow.record(served(6n));
    expect(await versionsOf(slow)).toEqual([6n, 5n]);
  });

  it('lists again when what it was about to read has gone', async () => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    afterListing = () => {
      writeFileSync(join(folder, 'ledger-2.json'), formatLedger(new Map([['digits', new Map([[2n, identityOf(2n)]])]])));
      rmSync(join(folder, 'ledger-1.json'));
    };
    expect(await versionsOf(ledger)).toEqual([2n]);
  });

  it.each<[string, (file: string) => Promise<void>]>([
    ['is empty', (file) => writeFile(file, '')],
    ['is damaged', (file) => writeFile(file, '{"format":"airlock-ledger-v1","models":[{}]}\n')],
    ['is a link', (file) => symlink(join(folder, 'ledger-1.json'), file)],
    ['is a folder', async (file) => void (await mkdir(file))],
    ['is too large', (file) => writeFile(file, '').then(() => truncate(file, maxLedgerBytes + 1))],
  ])('never takes a state that %s for none', async (_title, spoil) => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    await spoil(join(folder, 'ledger-2.json'));
    const damaged = {
      code: 'TRUST_INVALID',
      message: expect.not.stringContaining(root),
      detail: expect.stringContaining(folder),
    };
    await expect(ledger.served('digits')).rejects.toMatchObject(damaged);
    await expect(ledger.record(served(2n))).rejects.toMatchObject(damaged);
    await expect(VersionLedger.open(folder)).rejects.toMatchObject(damaged);
    expect(await states()).toHaveLength(2);
  });

  it('takes no other file for a state', async () => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    for (const name of [
      'ledger-02.json',
      'ledger-0.json',
      'ledger-2.json.bak',
      'xledger-3.json',
      'ledger-9999999999999999.json',
    ]) {
      await writeFile(join(folder, name), 'x');
    }
    expect(await versionsOf(ledger)).toEqual([1n]);
  });

  it('refuses a folder that others can write, and says when it cannot write itself', async () => {
    const ledger = await VersionLedger.open(folder);
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o777);
    await expect(ledger.record(served(1n))).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file');
    await expect(ledger.record(served(1n))).rejects.toMatchObject({
      code: 'STORE_NOT_WRITABLE',
      message: expect.not.stringContaining(root),
    });
    await rm(folder);
    const vanishing = await VersionLedger.open(folder, {
      onStep: (step) => step === 'link' && rmSync(folder, { recursive: true }),
    });
    await expect(vanishing.record(served(1n))).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  });
});

/** Records versions 1 to 3, and ends itself without any chance to clean up before the second `step`. */
const program = `
const [, file, folder, step] = process.argv;
const { VersionLedger } = await import(file);
let seen = 0;
const onStep = (now) => now === step && ++seen === 2 && process.kill(process.pid, 'SIGKILL');
const ledger = await VersionLedger.open(folder, { onStep });
for (const version of [1n, 2n, 3n]) {
  await ledger.record({ model: 'digits', version, identity: version.toString(16).padStart(64, '0') });
  process.stdout.write(version + ' ');
}
`;

describe('a writer that is killed', () => {
  const steps: LedgerStep[] = ['write', 'sync', 'link', 'unlink', 'syncFolder', 'clean'];

  async function recordUntil(step: LedgerStep, place: string): Promise<void> {
    const file = builtFile(import.meta.url, 'version-ledger.js');
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, file, place, step], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = '';
    child.stdout.on('data', (chunk) => {
      acknowledged += String(chunk);
    });
    const [, signal] = await once(child, 'close');
    expect([step, signal, acknowledged]).toEqual([step, 'SIGKILL', '1 ']);
  }

  it('before any step leaves everything that it acknowledged, and nothing that stays', async () => {
    const places = steps.map((step) => ({ step, place: join(folder, step) }));
    await Promise.all(places.map(({ step, place }) => recordUntil(step, place)));
    for (const { step, place } of places) {
      const ledger = await VersionLedger.open(place);
      const found = await versionsOf(ledger);
      // What was linked is there, whole; what was not is not, not even half of it.
      const isLinked = ['unlink', 'syncFolder', 'clean'].includes(step);
      expect([step, found]).toEqual([step, isLinked ? [2n, 1n] : [1n]]);
      await ledger.record(served(4n));
      expect(await versionsOf(ledger)).toEqual([4n, ...found]);
      expect((await readdir(place)).filter((name) => !/^ledger-\d\.json$/.test(name))).toEqual([]);
    }
  });

  it('does not lose what a living one has put aside', async () => {
    const ledger = await VersionLedger.open(folder);
    await ledger.record(served(1n));
    const aside = `.ledger-${ownerMark()}-${'0'.repeat(36)}`;
    await writeFile(join(folder, aside), '');
    await ledger.record(served(2n));
    expect(await states()).toContain(aside);
  });
});
