import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { notBuilt } from '../../tests/support/jail-level.ts';
import { bubblewrapArguments, findBubblewrap } from './bubblewrap.ts';
import { packageFiles, systemFiles } from './needed-files.ts';

const oldPath = process.env.PATH;
const folder = mkdtempSync(path.join(tmpdir(), 'airlock-bwrap-'));
afterEach(() => {
  process.env.PATH = oldPath;
});
afterAll(() => rmSync(folder, { recursive: true }));

function fakeBubblewrap(help: string): string {
  const file = path.join(folder, 'bwrap');
  writeFileSync(file, `#!/bin/sh\necho '${help}'\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('findBubblewrap', () => {
  it('takes the first in PATH, and asks it what it can do', () => {
    const file = fakeBubblewrap('--disable-userns');
    process.env.PATH = `/nonexistent:${folder}`;
    expect(findBubblewrap()).toEqual({ path: file, canDisableUserNamespaces: true });
    fakeBubblewrap('--unshare-user');
    expect(findBubblewrap()?.canDisableUserNamespaces).toBe(false);
  });

  it('never takes one from the current folder', () => {
    fakeBubblewrap('');
    process.env.PATH = `.::${path.relative(process.cwd(), folder)}`;
    expect(findBubblewrap()).toBeUndefined();
  });
});

describe('bubblewrapArguments', () => {
  const args = (canDisableUserNamespaces = true): string[] =>
    bubblewrapArguments(
      { path: '/usr/bin/bwrap', canDisableUserNamespaces },
      [{ path: '/dev/null', access: 'read' }, ...systemFiles()],
      { A: 'b' },
      (real) => `/staged${real}`,
    );

  it('leaves no namespace, capability or environment of the server', () => {
    for (const name of ['user', 'ipc', 'pid', 'net', 'uts', 'cgroup-try']) expect(args()).toContain(`--unshare-${name}`);
    for (const flag of ['--disable-userns', '--die-with-parent', '--as-pid-1', '--new-session', '--clearenv']) {
      expect(args()).toContain(flag);
    }
    expect(args().join(' ')).toContain('--cap-drop ALL');
    expect(args(false)).not.toContain('--disable-userns');
  });

  it('binds file by file, writable nowhere, with no /proc, no tmpfs and no shell', () => {
    const words = args();
    const places = words.flatMap((word, index) => (word.endsWith('-bind') ? [words[index + 2]] : []));
    expect(places).toContain(process.execPath);
    expect(places.filter((place) => /\/(bin|sbin|etc|home|root|proc|sys)$/.test(place))).toEqual([]);
    expect(places.filter((place) => /\/(sh|bash|dash)$/.test(place))).toEqual([]);
    for (const flag of ['--bind', '--proc', '--tmpfs', '--dev', '--file']) expect(words).not.toContain(flag);
    expect(words.slice(words.indexOf('--dev-bind'), words.indexOf('--dev-bind') + 3)).toEqual([
      '--dev-bind',
      '/staged/dev/null',
      '/dev/null',
    ]);
    expect(words.slice(-5)).toEqual(['--remount-ro', '/', '--chdir', '/', '--']);
  });
});

describe('needed files', () => {
  it('are Node, the loader and the libraries of TensorFlow by the names that are asked for', () => {
    const files = systemFiles();
    const names = files.map((file) => path.basename(file.path));
    for (const name of ['libc.so.6', 'libstdc++.so.6', 'libgcc_s.so.1', 'librt.so.1']) expect(names).toContain(name);
    expect(files.filter((file) => file.access === 'execute').map((file) => path.basename(file.path))).toEqual(
      expect.arrayContaining([path.basename(process.execPath), expect.stringMatching(/^ld-/)]),
    );
    expect(files.filter((file) => file.access === 'folder')).toEqual([]);
  });

  it.skipIf(notBuilt !== '')(`are of this package what the worker may import, and koffi${notBuilt}`, () => {
    const files = packageFiles().map((file) => path.relative(path.join(import.meta.dirname, '../..'), file.path));
    expect(files).toEqual([
      ...['core', 'tensor', 'jail', 'kernel', 'native', 'launcher', 'worker'].map((name) => `dist/${name}`),
      'package.json',
      expect.stringMatching(/node_modules\/koffi$/),
      expect.stringMatching(/node_modules\/@koromix\/koffi-linux-[a-z0-9]+$/),
    ]);
  });
});
