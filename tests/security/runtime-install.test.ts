// Safeguard 7: only the pinned wheel becomes a runtime, and whatever goes wrong leaves neither a slot nor a staging folder.
// The wheels are small fakes. Where pip decides something the real one fetches them from a folder, through PIP_NO_INDEX and PIP_FIND_LINKS: the same way in
// which a user's own index settings reach it. Elsewhere a stand-in hands them over, which checks nothing.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AirlockError } from '../../src/core/index.ts';
import { defaultVersion, installRuntime, type RuntimePin, type RuntimeProgress, verifySlot } from '../../src/runtime/index.ts';
import { type InstallPinOptions, installPin } from '../../src/runtime/install-runtime.ts';
import { verifySlotAgainst } from '../../src/runtime/verify-slot.ts';
import { makeFakePip } from '../support/fake-pip.ts';
import { ccEntry, type FakeEntry, honestEntries, pinOf, withEntry, writeZip } from './fake-wheel.ts';

const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
const pipTitle = hasPip ? '' : " (skipped: needs Python's pip)";

let root = '';
let store = '';
let index = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock-runtime-'));
  store = join(root, 'store');
  index = join(root, 'index');
  mkdirSync(index);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function offer(wheel: Buffer): RuntimePin {
  const pin = pinOf(wheel);
  writeFileSync(join(index, pin.wheel), wheel);
  return pin;
}

function localIndex(): Record<string, string | undefined> {
  return { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: index };
}

function install(pin: RuntimePin, options: Partial<InstallPinOptions> = {}) {
  return installPin(pin, { store, env: localIndex(), ...options });
}

/** A pin of this wheel, and an install whose pip hands over `given` for it. */
function handOver(wheel: Buffer, given = wheel) {
  const pin = pinOf(wheel);
  const pip = makeFakePip(join(root, 'pip'), { 'no-index': '1' });
  pip.offer(pin.wheel, given);
  return { pin, pip, install: (more: Partial<InstallPinOptions> = {}) => install(pin, { env: pip.env, ...more }) };
}

async function failureOf(job: Promise<unknown>): Promise<AirlockError> {
  return await job.then(
    () => expect.fail('it was accepted'),
    (error: AirlockError) => error,
  );
}

/** Everything that an install may have left in the store; stagings begin with a dot. */
function leftovers(): readonly string[] {
  const runtimes = join(store, 'runtimes');
  return existsSync(runtimes) ? readdirSync(runtimes) : [];
}

/** A folder with a program of this name, for a PATH of its own. */
function fakeProgram(name: string, script: string): Record<string, string> {
  const bin = join(root, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}`, { mode: 0o755 });
  return { PATH: `${bin}:/usr/bin:/bin`, HOME: root };
}

/** A pip that is asked how it is configured says that it asks no index, so that no test does. */
const offline = `case "$*" in *config*) echo ":env:.no-index='1'"; exit 0;; esac\n`;
const waitingPip = `[ "$3" = --version ] && exit 0\n${offline}\npwd > "${'$'}HOME/cwd"\nsleep 300 &\necho $! > "${'$'}HOME/pid"\nwait\n`;

function isAlive(pid: number): boolean {
  // A killed process whose parent is not there to wait for it stays as a zombie for a moment.
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !condition(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(condition()).toBe(true);
}

describe.skipIf(!hasPip)(`an honest wheel through the user's own pip settings${pipTitle}`, () => {
  it('becomes a slot with the pinned files, the manifest and nothing else', async () => {
    const steps: RuntimeProgress[] = [];
    const pin = offer(writeZip(honestEntries));
    const slot = await install(pin, { onProgress: (progress) => steps.push(progress) });
    expect(readdirSync(slot.directory).sort()).toEqual([
      'LICENSE',
      'libtensorflow_cc.so.2',
      'libtensorflow_framework.so.2',
      'manifest.json',
    ]);
    expect(readFileSync(slot.ccPath)).toEqual(ccEntry.content);
    expect(leftovers()).toEqual(['9.9.9-x86_64']);
    expect([...new Set(steps.map((step) => step.step))]).toEqual(['download', 'hash', 'extract']);
    expect(steps.every((step) => step.doneBytes <= step.totalBytes)).toBe(true);
    await verifySlotAgainst(slot, pin);
  });
});

describe('an honest wheel', () => {
  it('is verified, not downloaded again, when it is installed already', async () => {
    const { install, pip } = handOver(writeZip(honestEntries));
    await install();
    const before = pip.asked().length;
    const steps = new Set<string>();
    await install({ onProgress: (progress) => steps.add(progress.step) });
    expect([...steps]).toEqual(['verify']);
    expect(pip.asked()).toHaveLength(before);
  });

  it('survives four installs at once', async () => {
    const { pin, install } = handOver(writeZip(honestEntries));
    const slots = await Promise.all([1, 2, 3, 4].map(() => install()));
    for (const slot of slots) await verifySlotAgainst(slot, pin);
    expect(leftovers()).toEqual(['9.9.9-x86_64']);
  });

  it('replaces a slot that was tampered with only when it is asked to repair', async () => {
    const { pin, install } = handOver(writeZip(honestEntries));
    const slot = await install();
    chmodSync(slot.ccPath, 0o644);
    writeFileSync(slot.ccPath, Buffer.alloc(ccEntry.content.length));
    expect(await failureOf(install())).toMatchObject({ code: 'RUNTIME_SLOT_INVALID' });
    await verifySlotAgainst(await install({ repair: true }), pin);
    expect(leftovers()).toEqual(['9.9.9-x86_64']);
  });

  it('repairs a link in place of the slot without touching what it points to', async () => {
    const { pin, install } = handOver(writeZip(honestEntries));
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious'), 'keep me');
    mkdirSync(join(store, 'runtimes'), { recursive: true });
    symlinkSync(elsewhere, join(store, 'runtimes', '9.9.9-x86_64'));
    expect(await failureOf(install())).toMatchObject({ code: 'RUNTIME_SLOT_INVALID' });
    await verifySlotAgainst(await install({ repair: true }), pin);
    expect(readFileSync(join(elsewhere, 'precious'), 'utf8')).toBe('keep me');
  });
});

describe('a wheel that is refused', () => {
  const evil = Buffer.from('evil');
  const bomb = Buffer.alloc(ccEntry.content.length + 1);
  const hostile: readonly (readonly [title: string, entries: readonly FakeEntry[], detail: RegExp])[] = [
    ['a name that climbs out', withEntry({ name: '../evil', content: evil }), /\.\./],
    ['a name that climbs out from inside', withEntry({ name: 'tensorflow/../../evil', content: evil }), /\.\./],
    ['an absolute name', withEntry({ name: '/tmp/evil', content: evil }), /absolute/],
    ['a backslash in a name', withEntry({ name: 'tensorflow\\evil', content: evil }), /backslash/],
    ['a control character in a name', withEntry({ name: 'tensorflow/\u001b[2Jevil', content: evil }), /printable ASCII/],
    [
      'a name that looks like another one',
      withEntry({ name: 'tensorflow/libtensorflow_\u0441c.so.2', content: evil }),
      /printable ASCII/,
    ],
    [
      'a symbolic link that nobody wants',
      withEntry({ name: 'tensorflow/link', content: Buffer.from('/etc/passwd'), mode: 0o120777 }),
      /link/,
    ],
    ['a symbolic link as a library', withEntry({ ...ccEntry, mode: 0o120777 }), /link/],
    ['a device as a library', withEntry({ ...ccEntry, mode: 0o020666 }), /special file/],
    ['the same name twice', [...honestEntries, ccEntry], /twice/],
    ['an encrypted library', withEntry({ ...ccEntry, flags: 0x0001 }), /encrypted/],
    [
      'a library larger than it declares',
      withEntry({ ...ccEntry, content: bomb, declaredBytes: ccEntry.content.length }),
      /more bytes than it declares/,
    ],
    [
      'a library smaller than it declares',
      withEntry({ ...ccEntry, content: evil, declaredBytes: ccEntry.content.length }),
      /instead of the declared/,
    ],
    ['a library that declares another size', withEntry({ ...ccEntry, declaredBytes: 5 }), /5 bytes instead of/],
    ['a wrong CRC', withEntry({ ...ccEntry, declaredCrc: 7 }), /CRC/],
    ['other bytes in a library', withEntry({ ...ccEntry, content: Buffer.alloc(ccEntry.content.length) }), /SHA-256/],
    ['a missing library', honestEntries.filter((entry) => entry !== ccEntry), /missing/],
  ];

  it.each(hostile)('%s', async (_title, entries, detail) => {
    const error = await failureOf(handOver(writeZip(entries)).install());
    expect(error).toMatchObject({ code: 'RUNTIME_WHEEL_INVALID' });
    expect(error.detail).toMatch(detail);
    expect(leftovers()).toEqual([]);
    expect(existsSync(join(root, 'evil')) || existsSync(join(store, 'evil'))).toBe(false);
  });

  it.skipIf(!hasPip)(`another wheel than the pinned one${pipTitle}`, async () => {
    const pin = offer(writeZip(honestEntries));
    writeFileSync(join(index, pin.wheel), writeZip(withEntry({ name: 'tensorflow/backdoor.py', content: evil })));
    const error = await failureOf(install(pin));
    expect(error).toMatchObject({ code: 'RUNTIME_HASH_MISMATCH' });
    expect(error.message).not.toContain(root);
    expect(leftovers()).toEqual([]);
  });

  it('a truncated wheel, against the pin of the whole one', async () => {
    const wheel = writeZip(honestEntries);
    const { install } = handOver(wheel, wheel.subarray(0, wheel.length / 2));
    expect((await failureOf(install())).code).toBe('RUNTIME_HASH_MISMATCH');
    expect(leftovers()).toEqual([]);
  });

  it.skipIf(!hasPip)(`a wheel of a version that the index does not have${pipTitle}`, async () => {
    const error = await failureOf(install(pinOf(Buffer.from('no such wheel'))));
    expect(error).toMatchObject({ code: 'RUNTIME_DOWNLOAD_FAILED' });
    expect(error.message).not.toContain('\n');
    expect(error.detail).toMatch(/^ERROR: /);
    expect(leftovers()).toEqual([]);
  });
});

describe('a pip that cannot be trusted or does not answer', () => {
  it('cannot hand over another wheel by ignoring --require-hashes', async () => {
    const other = writeZip(withEntry({ name: 'tensorflow/backdoor.py', content: Buffer.from('evil') }));
    const { install } = handOver(writeZip(honestEntries), other);
    expect(await failureOf(install())).toMatchObject({ code: 'RUNTIME_HASH_MISMATCH' });
    expect(leftovers()).toEqual([]);
  });

  it('cannot hand over a link to a file elsewhere', async () => {
    const wheel = writeZip(honestEntries);
    const pin = pinOf(wheel);
    writeFileSync(join(root, 'other.whl'), wheel);
    const env = fakeProgram(
      'python3',
      `[ "$3" = --version ] && exit 0\n${offline}\nfor last; do :; done\nln -s "$HOME/other.whl" "${'$'}{last#--dest=}/${pin.wheel}"\n`,
    );
    expect(await failureOf(install(pin, { env }))).toMatchObject({ code: 'RUNTIME_DOWNLOAD_FAILED' });
    expect(leftovers()).toEqual([]);
  });

  it('says so when there is none', async () => {
    const env = { PATH: join(root, 'empty') };
    expect(await failureOf(install(pinOf(Buffer.from('x')), { env }))).toMatchObject({ code: 'PIP_MISSING' });
    expect(leftovers()).toEqual([]);
  });

  it('falls back to pip3 when python3 has no pip', async () => {
    fakeProgram('python3', 'exit 1\n');
    const env = fakeProgram('pip3', `[ "$1" = --version ] && exit 0\n${offline}echo "ERROR: said by pip3" >&2\nexit 1\n`);
    expect(await failureOf(install(pinOf(Buffer.from('x')), { env }))).toMatchObject({ detail: 'ERROR: said by pip3' });
  });

  it('runs in a private folder, and Ctrl-C ends it with all its children and leaves nothing', async () => {
    const controller = new AbortController();
    const job = failureOf(
      install(pinOf(Buffer.from('x')), { env: fakeProgram('python3', waitingPip), signal: controller.signal }),
    );
    await until(() => existsSync(join(root, 'pid')) && readFileSync(join(root, 'pid'), 'utf8').endsWith('\n'));
    expect(readFileSync(join(root, 'cwd'), 'utf8')).toContain(join(store, 'runtimes', '.staging-'));
    controller.abort();
    expect(await job).toMatchObject({ code: 'CANCELLED' });
    const pid = Number(readFileSync(join(root, 'pid'), 'utf8'));
    await until(() => !isAlive(pid));
    expect(leftovers()).toEqual([]);
  });

  it('is given up when no byte arrives any more', async () => {
    const env = fakeProgram('python3', waitingPip);
    const error = await failureOf(install(pinOf(Buffer.from('x')), { env, stallAfterMs: 500 }));
    expect(error).toMatchObject({ code: 'RUNTIME_DOWNLOAD_FAILED' });
    expect(error.message).toContain('stood still');
    expect(leftovers()).toEqual([]);
  });

  it('is given up when it does not say how it is set up', async () => {
    const env = fakeProgram('python3', 'sleep 300\n');
    const error = await failureOf(install(pinOf(Buffer.from('x')), { env, stallAfterMs: 300 }));
    expect(error).toMatchObject({ code: 'RUNTIME_DOWNLOAD_FAILED', message: expect.stringContaining('how it is configured') });
    expect(leftovers()).toEqual([]);
  });

  it('is given up when it brings bytes without end', async () => {
    // The file grows by a hole, which takes no disk.
    const endless = `[ "$3" = --version ] && exit 0\n${offline}\ntruncate -s 1G wheel\nsleep 300\n`;
    const error = await failureOf(
      install(pinOf(Buffer.from('x')), { env: fakeProgram('python3', endless), stallAfterMs: 3_000 }),
    );
    expect(error).toMatchObject({ code: 'RUNTIME_DOWNLOAD_FAILED', message: expect.stringContaining('more bytes than') });
    expect(leftovers()).toEqual([]);
  });

  it('shows no terminal escape of its output', async () => {
    const env = fakeProgram('python3', `[ "$3" = --version ] && exit 0\n${offline}printf "ERROR: \\033[2Jbad\\n" >&2\nexit 1\n`);
    expect((await failureOf(install(pinOf(Buffer.from('x')), { env }))).detail).toBe('ERROR: \\u{1b}[2Jbad');
  });
});

describe('a store that has no room or cannot be made', () => {
  it('is refused before anything is downloaded', async () => {
    const env = fakeProgram('python3', 'echo started > "$HOME/started"\n');
    const pin = { ...pinOf(Buffer.from('x')), wheelBytes: 1e15 };
    expect(await failureOf(install(pin, { env }))).toMatchObject({ code: 'DISK_FULL' });
    expect(existsSync(join(root, 'started'))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('is refused when a file has its place', async () => {
    writeFileSync(store, '');
    expect(await failureOf(install(pinOf(Buffer.from('x'))))).toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  });
});

const network = process.env.AIRLOCK_TEST_NETWORK !== undefined;

it.skipIf(!network)(
  `installs the real default wheel${network ? '' : ' (skipped: set AIRLOCK_TEST_NETWORK to download 274 MB)'}`,
  async () => {
    const slot = await installRuntime({ store, version: defaultVersion });
    await verifySlot(slot);
  },
  600_000,
);
