import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archOfMachine, defaultVersion } from '../../runtime/index.ts';
import type { Io } from '../io.ts';
import { addRuntimeCommands } from './runtime.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-cli-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

async function run(
  ...args: readonly string[]
): Promise<{ readonly stdout: string; readonly stderr: string; readonly error: unknown }> {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const io: Io = { stdout, stderr, env: { PATH: '/nonexistent' }, isTerminal: false };
  const program = new Command('airlock').version('0.1.0', '--version').exitOverride();
  addRuntimeCommands(program, io);
  const error: unknown = await program.parseAsync(['runtime', ...args], { from: 'user' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? ''), error };
}

describe('airlock runtime list', () => {
  it('lists what is installed and what could be', async () => {
    const arch = archOfMachine();
    mkdirSync(join(store, 'runtimes', `2.20.0-${arch}`), { recursive: true });
    const { stdout } = await run('list', '--store', store);
    expect(stdout).toContain(`2.20.0    ${arch.padEnd(7)}  installed\n`);
    expect(stdout).toContain(`${defaultVersion}    ${arch.padEnd(7)}  not installed  default\n`);
    const json: unknown = JSON.parse((await run('list', '--store', store, '--json')).stdout);
    expect(json).toMatchObject({
      default: defaultVersion,
      versions: expect.arrayContaining([expect.objectContaining({ version: '2.20.0', installed: true })]),
    });
  });
});

describe('airlock runtime install', () => {
  it('takes --version for itself although the program has one too', async () => {
    expect((await run('install', '--version', '1.0.0', '--store', store)).error).toMatchObject({
      code: 'RUNTIME_VERSION_UNKNOWN',
    });
  });

  it('hands the environment of the command line to pip', async () => {
    expect((await run('install', '--store', store)).error).toMatchObject({ code: 'PIP_MISSING' });
  });
});

describe('airlock runtime pin', () => {
  it('takes no publisher without what verifies that it is one', async () => {
    const given = ['pin', '9.9.9', '--pins', join(store, 'pins.json'), '--yes'];
    for (const more of [
      ['--publisher', 'https://x.example'],
      ['--issuer', 'https://x.example'],
    ])
      expect((await run(...given, ...more)).error).toMatchObject({ code: 'USAGE' });
    expect((await run(...given)).error).toMatchObject({ code: 'PIP_MISSING' });
  });
});

describe('airlock runtime verify', () => {
  it('says so when there is nothing to verify', async () => {
    expect((await run('verify', '--store', store)).error).toMatchObject({ code: 'RUNTIME_NOT_INSTALLED' });
    expect((await run('verify', '--version', '2.20.0', '--store', store)).error).toMatchObject({ code: 'RUNTIME_NOT_INSTALLED' });
  });

  it('goes on after a bad slot, reports each and fails', async () => {
    const arch = archOfMachine();
    for (const version of ['2.21.0', '2.20.0'])
      mkdirSync(join(store, 'runtimes', `${version}-${arch}`), { recursive: true, mode: 0o755 });
    const { stdout, stderr, error } = await run('verify', '--store', store, '--json');
    expect(error).toMatchObject({ code: 'RUNTIME_SLOT_INVALID' });
    const rows = ['2.21.0', '2.20.0'].map((version) => ({
      version,
      arch,
      error: 'RUNTIME_SLOT_INVALID',
      detail: 'manifest.json: missing',
      digest: null,
    }));
    expect(JSON.parse(stdout)).toEqual({ verified: rows });
    expect(stderr).toBe(`TensorFlow 2.20.0 (${arch}): manifest.json: missing\n`);
  });

  const real = join(import.meta.dirname, '../../../.airlock');
  const isInstalled = existsSync(join(real, 'runtimes'));
  it.skipIf(!isInstalled)(`accepts the real runtime${isInstalled ? '' : ' (skipped: no runtime in ./.airlock)'}`, async () => {
    const { stdout, stderr, error } = await run('verify', '--version', defaultVersion, '--store', real);
    expect(error).toBeUndefined();
    expect(stdout).toContain('is what the pin table says');
    expect(stderr).toMatch(/^Verifying TensorFlow 2\.21\.0 \(\d+ MB\)\n$/);
  });
});
