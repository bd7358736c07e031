// Safeguard 7 for libraries that were built from source: they become a slot only when builders whose keys the operator named attested these very bytes.
// Keys, statements and bundles are made by the commands that a builder would use. The last test takes the installed TensorFlow for a build of one's own.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { loadTensorFlow } from '../../src/native/index.ts';
import { findSlot, loadPins, slotDigest, verifySlot } from '../../src/runtime/index.ts';
import { slot as installed, needsRuntime, requireSlot } from '../support/runtime.ts';
import { sha256Of } from './fake-wheel.ts';

let root = '';
let out = '';
let store = '';
let pinsFile = '';

const predicate = {
  buildDefinition: { buildType: 'https://build.example/bazel/v1', externalParameters: { tag: 'v2.22.0' } },
  runDetails: { builder: { id: 'https://build.example/a' }, metadata: { finishedOn: '2026-01-02T03:04:05Z' } },
};

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function airlock(...args: string[]): Promise<Ran> {
  const texts = ['', ''];
  const stream = (index: number) =>
    new Writable({
      write(piece, _encoding, done) {
        texts[index] += String(piece);
        done();
      },
    });
  const io = {
    stdout: stream(0),
    stderr: stream(1),
    env: { PATH: process.env.PATH, AIRLOCK_PASSPHRASE: undefined },
    isTerminal: false,
  };
  const code = await main(args, io);
  return { code, stdout: texts[0], stderr: texts[1] };
}

async function makeKey(name: string): Promise<void> {
  const ran = await airlock('keys', 'generate', '--out', join(root, `${name}.key`), '--unsafe-no-passphrase');
  expect(ran).toMatchObject({ code: 0 });
}

async function attest(name: string, more: object = predicate, directory = out): Promise<string> {
  const [file, bundle] = [join(root, `${name}.json`), join(root, `${name}.sigstore.json`)];
  writeFileSync(file, JSON.stringify(more));
  const ran = await airlock(
    'runtime',
    'attest',
    directory,
    '--predicate',
    file,
    '--key',
    join(root, `${name}.key`),
    '-o',
    bundle,
    '--force',
  );
  expect(ran).toMatchObject({ code: 0 });
  return bundle;
}

function importing(bundles: readonly string[], names: readonly string[], ...more: string[]): Promise<Ran> {
  const given = bundles.flatMap((bundle) => ['--attestation', bundle]);
  const keys = names.flatMap((name) => ['--key', join(root, `${name}.pub`)]);
  const places = ['--store', store, '--pins', pinsFile, '--version', '2.22.0', '--arch', 'x86_64'];
  return airlock('runtime', 'import', out, ...places, ...given, ...keys, ...more);
}

function writeLibraries(folder: string, text = 'a library'): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'LICENSE', 'THIRD_PARTY_NOTICES.txt', 'notes.txt'])
    writeFileSync(join(folder, name), `${name}: ${text}`);
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'airlock-import-'));
  [out, store, pinsFile] = [join(root, 'out'), join(root, 'store'), join(root, 'pins.json')];
  writeLibraries(out);
  await makeKey('a');
  await makeKey('b');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function leftovers(): readonly string[] {
  const runtimes = join(store, 'runtimes');
  return existsSync(runtimes) ? readdirSync(runtimes) : [];
}

describe('airlock runtime import', () => {
  it('makes a slot of what two builders attested, pins it, and says who built it', async () => {
    const second = { ...predicate, runDetails: { builder: { id: 'https://build.example/b' } } };
    const ran = await importing([await attest('a'), await attest('b', second)], ['a', 'b'], '--threshold', '2', '--yes');
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('built by https://build.example/b') });
    const pins = await loadPins(pinsFile);
    const slot = await findSlot(store, '2.22.0', 'x86_64', pins);
    await verifySlot(slot);
    expect(slot.pin).toMatchObject({
      origin: 'built',
      builders: [{ id: 'https://build.example/a' }, { id: 'https://build.example/b' }],
    });
    const manifest = readFileSync(join(slot.directory, 'manifest.json'));
    expect(JSON.parse(manifest.toString())).toMatchObject({ origin: 'built' });
    expect(slotDigest(slot)).toBe(sha256Of(manifest));
    expect(readdirSync(slot.directory).sort()).toEqual(
      ['LICENSE', 'THIRD_PARTY_NOTICES.txt', 'libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'manifest.json'].sort(),
    );
    expect(readFileSync(join(store, 'audit', 'audit-000000000001.jsonl'), 'utf8')).toContain('runtime imported');
    const listed = await airlock('runtime', 'list', '--store', store, '--pins', pinsFile);
    expect(listed.stdout).toMatch(/2\.22\.0 +x86_64 +installed +built/);
    // The same version by other builders is another slot, which nobody gets in silence.
    const fewer = [await attest('a')];
    expect(await importing(fewer, ['a'], '--yes')).toMatchObject({ code: 1 });
    await verifySlot(slot);
    expect(await importing(fewer, ['a'], '--yes', '--replace')).toMatchObject({ code: 0 });
    await verifySlot(await findSlot(store, '2.22.0', 'x86_64', await loadPins(pinsFile)));
  });

  it('asks first: without --yes and a terminal nothing is imported', async () => {
    const ran = await importing([await attest('a')], ['a']);
    expect(ran).toMatchObject({ code: 1, stdout: expect.stringContaining('SHA-256 of the slot') });
    expect(leftovers()).toEqual([]);
    expect(existsSync(pinsFile)).toBe(false);
  });

  it('refuses a changed library, a key that was not named, and too few builders', async () => {
    const bundle = await attest('a');
    expect(await importing([bundle], ['b'], '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none of the given keys'),
    });
    expect(await importing([bundle], ['a'], '--threshold', '2', '--yes')).toMatchObject({ code: 1 });
    // One builder twice is one builder.
    expect(await importing([bundle, bundle], ['a', 'b'], '--threshold', '2', '--yes')).toMatchObject({ code: 1 });
    writeFileSync(join(out, 'libtensorflow_cc.so.2'), 'evil');
    expect(await importing([bundle], ['a'], '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('libtensorflow_cc.so.2 is not the file that the builders attested'),
    });
    expect(leftovers()).toEqual([]);
    expect(existsSync(pinsFile)).toBe(false);
  });

  it('refuses builders who state different bytes, as those do who did not build the same', async () => {
    const other = join(root, 'other');
    writeLibraries(other, 'built with another compiler');
    const ran = await importing([await attest('a'), await attest('b', predicate, other)], ['a', 'b'], '--yes');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('not reproducible') });
  });

  it('refuses a link in place of a library, another builder, a folder that others may write as the place of a key', async () => {
    const bundle = await attest('a');
    const ran = await importing([bundle], ['a'], '--builder', 'https://build.example/other', '--yes');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('https://build.example/a') });
    const library = join(out, 'libtensorflow_cc.so.2');
    copyFileSync(library, join(root, 'moved'));
    rmSync(library);
    symlinkSync(join(root, 'moved'), library);
    expect(await importing([bundle], ['a'], '--yes')).toMatchObject({ code: 1, stderr: expect.stringContaining('plain file') });
    chmodSync(join(root, 'a.pub'), 0o666);
    expect(await importing([bundle], ['a'], '--yes')).toMatchObject({ code: 3 });
  });

  it('is refused at the next start when the file of pins says something else', async () => {
    expect(await importing([await attest('a')], ['a'], '--yes')).toMatchObject({ code: 0 });
    const text = readFileSync(pinsFile, 'utf8');
    writeFileSync(pinsFile, text.replace('https://build.example/a', 'https://build.example/x'));
    const ran = await airlock('runtime', 'verify', '--store', store, '--pins', pinsFile);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('manifest.json: differs') });
  });

  it.skipIf(installed === undefined)(
    `imports the libraries of the installed TensorFlow, which load${needsRuntime}`,
    async () => {
      const real = requireSlot();
      rmSync(out, { recursive: true });
      mkdirSync(out);
      for (const name of readdirSync(real.directory).filter((one) => one !== 'manifest.json'))
        copyFileSync(join(real.directory, name), join(out, name));
      const bundle = await attest('a');
      const args = [
        '--store',
        store,
        '--pins',
        pinsFile,
        '--version',
        real.version,
        '--attestation',
        bundle,
        '--key',
        join(root, 'a.pub'),
      ];
      expect(await airlock('runtime', 'import', out, ...args, '--yes')).toMatchObject({ code: 0 });
      const slot = await findSlot(store, real.version, undefined, await loadPins(pinsFile));
      await verifySlot(slot);
      expect(loadTensorFlow(slot).version).toBe(real.version);
    },
    60_000,
  );
});
