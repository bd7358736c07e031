// `npm start` and `npm test` on a made-up clone: the real scripts of bin/, with an npm of our own that installs, builds or fails as
// a test asks. So every line that a person may meet on a fresh machine is seen here without a network.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let clone: string;

function write(name: string, text: string) {
  mkdirSync(dirname(join(clone, name)), { recursive: true });
  writeFileSync(join(clone, name), text);
}

// `npm ci` brings a vitest that reports what results.json holds; `npm run build` brings a runtime that is there and a server that ends.
const npmScript = `
import fs from 'node:fs';
const put = (name, text) => { fs.mkdirSync(name.replace(/\\/[^/]*$/, ''), { recursive: true }); fs.writeFileSync(name, text); };
fs.appendFileSync('npm-calls', process.argv[2] + '\\n');
if (process.env.FAKE_NPM_ERROR) { console.error('npm error code ' + process.env.FAKE_NPM_ERROR); process.exit(1); }
if (process.argv[2] === 'ci') {
  put('node_modules/vitest/vitest.mjs', "import fs from 'node:fs';" +
    "const out = process.argv.find((arg) => arg.startsWith('--outputFile.json=')).slice(18);" +
    "if (fs.existsSync('results.json')) fs.copyFileSync('results.json', out);" +
    "process.exit(Number(process.env.FAKE_VITEST_CODE ?? 0));");
} else {
  put('dist/core/index.js', '');
  put('dist/runtime/index.js', "export const defaultVersion = '1.2.3';" +
    "export async function findSlot() { if (process.env.FAKE_NO_RUNTIME) throw { code: 'RUNTIME_NOT_INSTALLED' }; }");
  put('dist/cli/main.js', "export async function main(args, io) { if (args[0] === 'runtime') {" +
    "for (const text of ['Downloading', 'airlock: no pip', '  tried pip']) io.stderr.write(text + '\\\\n'); return 4; }" +
    "console.log('serving ' + args.join(' ')); return 0; }");
}
`;

const preloadScript = `
const fs = require('node:fs');
if (process.env.FAKE_LOCK === 'own' && !fs.existsSync('npm-calls')) fs.writeFileSync('.airlock/prepare.lock', String(process.pid));
const writeFileSync = fs.writeFileSync;
if (process.env.FAKE_LOCK === 'ENOSPC') fs.writeFileSync = (file, ...rest) => {
  if (!String(file).includes('prepare.lock')) return writeFileSync(file, ...rest);
  writeFileSync(file, '');
  throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
};
const linkSync = fs.linkSync;
fs.linkSync = (...paths) => {
  if (process.env.FAKE_LOCK !== 'EPERM') return linkSync(...paths);
  throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' });
};
`;

function run(script: string, env: Record<string, string> = {}, timeoutMs = 20_000) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join('bin', script)], {
    cwd: clone,
    encoding: 'utf8',
    timeout: timeoutMs,
    env: { PATH: '/nowhere', npm_execpath: join(clone, 'fake', 'npm-cli.js'), ...env },
  });
  return { status, stdout, stderr, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

const npmCalls = () =>
  existsSync(join(clone, 'npm-calls')) ? readFileSync(join(clone, 'npm-calls'), 'utf8').trim().split('\n') : [];

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'airlock-clone-'));
  cpSync(join(import.meta.dirname, '..', 'bin'), join(clone, 'bin'), { recursive: true });
  for (const name of [
    'tsconfig.json',
    'tsconfig.build.json',
    'tools/python/requirements.txt',
    'tools/python/requirements-tensorflow.txt',
    'tools/python/requirements-signing.txt',
  ])
    write(name, '');
  write('package.json', '{ "type": "module" }');
  write('package-lock.json', '{}');
  write('src/index.ts', 'export {};');
  write('fake/npm-cli.js', npmScript);
});
afterEach(() => rmSync(clone, { recursive: true }));

describe('npm start', () => {
  it('installs, builds and serves the example, and does only the last when it is called again', () => {
    const first = run('start.js');
    expect(first).toMatchObject({ status: 0, stderr: '', lastLine: 'serving serve examples/digits --key examples/release.pub' });
    expect(first.stdout).toMatch(/^Installing packages .* \(npm ci\) … \d+\.\d s\nBuilding .* … \d+\.\d s\n/);
    expect(run('start.js')).toMatchObject({ status: 0, stdout: 'serving serve examples/digits --key examples/release.pub\n' });
    expect(npmCalls()).toEqual(['ci', 'run']);
  });

  it('installs again when the lockfile changed, and builds again when a source did', () => {
    run('start.js');
    write('package-lock.json', '{ "changed": true }');
    run('start.js');
    expect(npmCalls()).toEqual(['ci', 'run', 'ci', 'run']);
    write('src/index.ts', 'export const changed = true;');
    run('start.js');
    expect(npmCalls()).toEqual(['ci', 'run', 'ci', 'run', 'run']);
  });

  it.each([
    ['EAI_AGAIN', /network/],
    ['ECONNREFUSED', /network/],
    ['ENOSPC', /disk/],
    ['EROFS', /permissions/],
    ['EINTEGRITY', /not the one in package-lock\.json/],
    ['ESOMETHING', /could not install/],
  ])('says in one line, with the name of the log, what %s of npm means', (code, meaning) => {
    const { status, stderr } = run('start.js', { FAKE_NPM_ERROR: code });
    expect(status).toBe(4);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr).toMatch(meaning);
    expect(stderr).toContain('Details: .airlock/prepare.log');
    expect(readFileSync(join(clone, '.airlock/prepare.log'), 'utf8')).toContain(code);
    expect(existsSync(join(clone, '.airlock/prepare.lock'))).toBe(false);
    expect(run('start.js')).toMatchObject({ status: 0 });
  });

  it('says in one line that npm is missing', () => {
    const { status, stderr } = run('start.js', { npm_execpath: '' });
    expect([status, stderr]).toEqual([4, "npm was not found: install Node's npm, then run this again.\n"]);
  });

  it('passes on the progress of the runtime install, and makes one line of its failure', () => {
    const { status, stderr } = run('start.js', { FAKE_NO_RUNTIME: 'yes' });
    expect([status, stderr]).toEqual([4, 'Downloading\nairlock: no pip. Details: .airlock/prepare.log\n']);
    expect(readFileSync(join(clone, '.airlock/prepare.log'), 'utf8')).toContain('tried pip');
  });

  const lockFiles = () => readdirSync(join(clone, '.airlock')).filter((name) => name.startsWith('prepare.lock'));
  it.each([
    ['names a process that is gone', () => String(spawnSync(process.execPath, ['-e', '']).pid)],
    // Its writer was killed, or the disk was full, between its creation and its content.
    ['is empty', () => ''],
    // To kill(), 0 is the caller's own group, which always runs.
    ['names no process', () => '0'],
    ['is not a number', () => '\0\0\0'],
  ])('does not wait for a lock that %s', (_title, content) => {
    write('.airlock/prepare.lock', content());
    expect(run('start.js', {}, 8000)).toMatchObject({ status: 0 });
    expect(lockFiles()).toEqual([]);
  });

  it('does not wait for itself: in a container an earlier start had the same process id', () => {
    write('.airlock/x', '');
    write('preload.cjs', preloadScript);
    const env = { NODE_OPTIONS: `--require=${join(clone, 'preload.cjs')}`, FAKE_LOCK: 'own' };
    expect(run('start.js', env, 8000)).toMatchObject({ status: 0 });
  });

  it('waits for a preparation that runs, and leaves its lock alone', () => {
    write('.airlock/prepare.lock', String(process.pid));
    const { status, stdout } = run('start.js', {}, 1500);
    expect([status, stdout]).toEqual([null, `Process ${process.pid} prepares this folder already; waiting for it …\n`]);
    expect(readFileSync(join(clone, '.airlock/prepare.lock'), 'utf8')).toBe(String(process.pid));
    expect(npmCalls()).toEqual([]);
  });

  it.each([
    ['ENOSPC', /disk .* is full \(ENOSPC\): free some space/],
    ['EPERM', /no hard links \(EPERM\): copy this folder to another/],
  ])('says what %s means when it takes its lock, and leaves no lock behind', (code, meaning) => {
    write('preload.cjs', preloadScript);
    const { status, stderr } = run('start.js', { NODE_OPTIONS: `--require=${join(clone, 'preload.cjs')}`, FAKE_LOCK: code });
    expect(status).toBe(4);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr).toMatch(meaning);
    expect(lockFiles()).toEqual([]);
    expect(run('start.js', {}, 8000)).toMatchObject({ status: 0 });
  });
});

describe('npm test', () => {
  const test = (status: string, fullName: string, ...failureMessages: string[]) => ({ status, fullName, failureMessages });
  const results = (...files: [string, ReturnType<typeof test>[]][]) =>
    write(
      'results.json',
      JSON.stringify({
        testResults: files.map(([status, assertionResults]) => ({ status, name: join(clone, 'a.test.ts'), assertionResults })),
      }),
    );

  it('names each skipped test and ends with the totals', () => {
    results(['passed', [test('passed', 'a'), test('skipped', 'needs root'), test('todo', 'later')]]);
    const { status, stdout, lastLine } = run('test.js');
    expect([status, lastLine]).toEqual([0, '1 passed, 0 failed, 2 skipped']);
    expect(stdout).toContain('skipped: a.test.ts: needs root\nskipped: a.test.ts: later\n');
  });

  it('names what failed, and what passed only when it was tried again, right before the totals', () => {
    results(
      [
        'failed',
        [test('failed', 'a', 'Error: expected 1\n    at a.test.ts'), test('passed', 'b', 'Error: late'), test('skipped', 'c')],
      ],
      ['failed', []],
    );
    const lines = run('test.js').stdout.trimEnd().split('\n').slice(-5);
    expect(lines).toEqual([
      'skipped: a.test.ts: c',
      'flaky: a.test.ts: b: Error: late',
      'failed: a.test.ts: a: Error: expected 1',
      'failed: a.test.ts: ',
      '1 passed, 2 failed, 1 skipped',
    ]);
  });

  it.each<[string, string, [string, ReturnType<typeof test>[]][]]>([
    ['a test failed', '1 passed, 1 failed, 0 skipped', [['failed', [test('passed', 'a'), test('failed', 'b')]]]],
    [
      'a file could not be loaded',
      '1 passed, 1 failed, 0 skipped',
      [
        ['passed', [test('passed', 'a')]],
        ['failed', []],
      ],
    ],
    ['all were skipped', '0 passed, 0 failed, 1 skipped', [['passed', [test('skipped', 'a')]]]],
    ['there was none', '0 passed, 0 failed, 0 skipped', []],
  ])('fails when %s, whatever the code of the runner', (_title, totals, files) => {
    results(...files);
    expect(run('test.js')).toMatchObject({ status: 1, lastLine: totals });
  });

  it('fails with the code of the runner, and when the runner left no result', () => {
    results(['passed', [test('passed', 'a')]]);
    expect(run('test.js', { FAKE_VITEST_CODE: '3' })).toMatchObject({ status: 3, lastLine: '1 passed, 0 failed, 0 skipped' });
    rmSync(join(clone, 'results.json'));
    expect(run('test.js')).toMatchObject({ status: 1, lastLine: '0 passed, 0 failed, 0 skipped' });
  });
});

describe('bin/airlock.js', () => {
  it('says in one line that it is not built', () => {
    const { status, stderr } = run('airlock.js');
    expect(status).toBe(4);
    expect(stderr).toMatch(/^Airlock is not built yet: run `npm start` or `npm run build`[^\n]*\n$/);
  });
});
