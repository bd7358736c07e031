// `airlock runtime check` and what a server does about its findings, with a real slot, the real digits model and a made-up vulnerability that the store's
// own update names: from the file to exit codes, a refused start, metrics and the status.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Advisory, advisoryDocument, writeUpdate } from '../../src/advisories/index.ts';
import { main } from '../../src/cli/main.ts';
import { loadConfig } from '../../src/config/index.ts';
import { type AirlockServer, startServer } from '../../src/gateway/index.ts';
import { needsRuntime, requireSlot, slot } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { root } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const digits = path.join(root, 'examples/digits');

let folder = '';
let store = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'airlock-check-'));
  store = path.join(folder, 'store');
  mkdirSync(store, { mode: 0o755 });
  if (slot !== undefined) symlinkSync(path.dirname(requireSlot().directory), path.join(store, 'runtimes'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const today = (days = 0): string => new Date(Date.now() + days * 24 * 3_600_000).toISOString().slice(0, 10);

/** A fault of the digits model's own Conv2D in 2.21.0, fixed in a release that nobody has seen yet. */
const made: Advisory = {
  id: 'GHSA-made-made-made',
  title: 'Made up for this test',
  severity: 'critical',
  published: '2026-03-10',
  affected: [{ introduced: '2.21.0', fixed: '2.21.1' }],
  basis: 'advisory',
  fixed: ['2.21.1'],
  ops: ['Conv2D'],
  opsConfidence: 'high',
  component: 'kernel',
  impact: ['heap_oob'],
  trigger: 'both',
};

function update(more: Partial<Advisory> = {}): void {
  const own = advisoryDocument();
  writeUpdate(store, { ...own, curated: today(), read: today(), tensorflow: [...own.tensorflow, { ...made, ...more }] });
}

function configure(
  runtime: object = {},
  models: readonly object[] = [{ name: 'digits', path: digits, unsafeUnsigned: true }],
): string {
  const file = path.join(folder, 'airlock.yaml');
  writeFileSync(file, JSON.stringify({ store, listen: { rest: '127.0.0.1:0' }, sandbox: reachableSandbox, runtime, models }));
  return file;
}

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process; what scans is a process of its own all the same. */
async function check(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const io = { stdout, stderr, env: { ...process.env, ...env }, isTerminal: false };
  const status = await main(['runtime', 'check', ...args], io);
  return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

const json = (run: Run) => JSON.parse(run.stdout);

describe('airlock runtime check', () => {
  it.skipIf(slot === undefined)(`finds nothing in the real slot with digits${needsRuntime}`, async () => {
    const run = await check(['--offline', '--format', 'json', '--fail-on', 'open', configure()]);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const { verdict, posture } = json(run);
    expect(verdict).toBe('clean');
    expect(posture.models).toEqual([{ name: 'digits', version: '1', isScanned: true }]);
    expect(posture.slots[0]).toMatchObject({
      version: '2.21.0',
      isServing: true,
      isInstalled: true,
      published: '2026-03-06',
      isOverdue: false,
    });
    expect(posture.releaseData).toEqual({ source: 'data file', read: expect.stringMatching(/^\d{4}-/) });
    // A server that starts next knows what the model reaches.
    expect(readdirSync(path.join(store, 'scans'))).toHaveLength(1);
  });

  it.skipIf(slot === undefined)(`shows one within reach of digits that is overdue, in each form${needsRuntime}`, async () => {
    update();
    const config = configure();
    const table = await check(['--offline', config]);
    expect(table.status).toBe(1);
    expect(table.stdout).toContain('TensorFlow: overdue');
    expect(table.stdout).toContain(`CRITICAL  ${made.id}  reachable  ${'█'.repeat(20)}  overdue since 2026-03-12`);
    expect(table.stdout).toContain(
      'Made up for this test: The model reaches Conv2D with data of a request (digits 1); fixed in 2.21.1',
    );
    expect(table.stderr).toContain(
      `${made.id} (critical) had to be gone by 2026-03-12, and digits 1 can reach it; run TensorFlow 2.21.1`,
    );
    const { runs } = json(await check(['--offline', '--format', 'sarif', config]));
    expect(runs[0].results[0]).toMatchObject({ ruleId: 'runtime/overdue', level: 'error' });
    expect((await check(['--offline', '--format', 'markdown', config])).stdout).toContain('## TensorFlow: overdue');
    // The kept report says what it uses: no second scan, and the same answer.
    expect(json(await check(['--offline', '--json', config]))).toMatchObject({
      verdict: 'overdue',
      posture: { advisoryData: { source: 'update' } },
    });
  });

  it.skipIf(slot === undefined)(`ends with 1 for what is open and in time, unless that is allowed${needsRuntime}`, async () => {
    update({ published: today(-1), severity: 'medium' });
    const config = configure();
    const run = await check(['--offline', config]);
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toBe(`airlock: ${made.id} is within reach of the models\n`);
    expect(run.stdout).toMatch(/2[89] of 30 days left, due 20/);
    expect(await check(['--offline', '--fail-on', 'overdue', config])).toMatchObject({ status: 0, stderr: '' });
  });

  it('judges a store without any model, and what would serve although it is not there', async () => {
    rmSync(path.join(store, 'runtimes'), { force: true });
    const run = await check(['--offline', '--json', '--store', store]);
    expect(run.status).toBe(0);
    expect(json(run).posture).toMatchObject({ models: [], slots: [{ version: '2.21.0', isInstalled: false, isServing: true }] });
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'leaves nothing of root in the store of another user, whose server could not read it (skipped without root)',
    async () => {
      chownSync(store, 12_345, 12_345);
      const run = await check(['--offline', '--json', '--store', store, '--models', digits]);
      expect(json(run).notes).toContain('Nothing was remembered in the store: it belongs to user 12345');
      expect(readdirSync(store).filter((name) => name !== 'runtimes')).toEqual([]);
    },
  );

  it('says that the index and npm were not asked, and takes neither for clean', async () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    const { notes, npm, posture } = json(await check(['--json', '--store', store], { PATH: bin }));
    expect(notes).toEqual([expect.stringContaining('The package index was not asked for newer releases')]);
    expect(posture.releaseData.source).toBe('data file');
    expect(npm).not.toHaveProperty('advisories');
    expect(npm.checked).toContain('not checked');
    expect(npm.packages.length).toBeGreaterThan(50);
  });

  it('asks npm, with the packages of the lock file and without its settings', async () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    const answer = {
      auditReportVersion: 2,
      vulnerabilities: { a: { name: 'a', severity: 'high', range: '<2', via: [{ title: 'Bad', url: 'x/GHSA-aaaa-bbbb-cccc' }] } },
      metadata: { dependencies: { prod: 2 } },
    };
    writeFileSync(
      path.join(bin, 'npm'),
      `#!/bin/sh\nls -A > ${folder}/seen\ncat package.json >> ${folder}/seen\necho '${JSON.stringify(answer)}'\nexit 1\n`,
    );
    chmodSync(path.join(bin, 'npm'), 0o755);
    const project = path.join(folder, 'project');
    mkdirSync(project);
    writeFileSync(path.join(project, '.npmrc'), 'registry=http://evil.example\n');
    const lock = {
      lockfileVersion: 3,
      packages: { '': { name: 'p', dependencies: { a: '1' } }, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } },
    };
    writeFileSync(path.join(project, 'package-lock.json'), JSON.stringify(lock));
    const run = await check(['--json', '--store', store, '--lockfile', path.join(project, 'package-lock.json')], {
      PATH: `${bin}:/usr/bin:/bin`,
    });
    expect(json(run).npm).toEqual({
      lockfile: 'package-lock.json',
      packages: [{ name: 'a', version: '1.0.0', hasIntegrity: true }],
      advisories: [{ package: 'a', severity: 'high', title: 'Bad', range: '<2', id: 'GHSA-aaaa-bbbb-cccc' }],
      checked: 'checked by npm audit',
    });
    const { stdout: seen } = spawnSync('cat', [path.join(folder, 'seen')], { encoding: 'utf8' });
    expect(seen).toBe('package-lock.json\npackage.json\n{"name":"p","dependencies":{"a":"1"},"private":true}');
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('airlock-npm-'))).toEqual([]);
  });

  it('refuses what makes no sense', async () => {
    const config = configure();
    for (const args of [
      [config, '--store', store],
      [config, '--models', digits],
      ['--format', 'pdf'],
      ['--fail-on', 'never'],
      ['--store', store, '--lockfile', path.join(folder, 'nothing')],
      ['--store', store, '--lockfile', config],
    ])
      expect((await check(['--offline', ...args])).status).toBe(2);
    expect((await check(['--offline', path.join(folder, 'nothing.yaml')])).status).toBe(3);
  });
});

describe('a server', () => {
  /** Below `scan.refuseAt`: the scan before a load lets it pass, and only its deadline speaks. */
  const inTime: Partial<Advisory> = { severity: 'medium' };
  const said: string[] = [];
  const troubles: string[] = [];
  const hooks = {
    onEvent: () => undefined,
    onRefusal: () => undefined,
    onPosture: (text: string) => void said.push(text),
    onTrouble: (text: string) => void troubles.push(text),
  };
  let server: AirlockServer | undefined;
  beforeEach(() => {
    said.length = 0;
    troubles.length = 0;
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await isTrue()); tries++) {
      if (tries > 200) throw new Error('it did not happen in 20 s');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const get = async (what: string): Promise<string> => (await fetch(`${server?.url}/airlock/v1/${what}`)).text();

  it.skipIf(slot === undefined)(`warns once, and shows it in metrics and status${needsRuntime}`, async () => {
    update(inTime);
    server = await startServer(await loadConfig(configure()), hooks);
    // Nobody knows yet what the model reaches: the line comes with its scan.
    await server.loaded;
    await until(() => said.length > 0);
    expect(said).toEqual([
      expect.stringContaining(`${made.id} (medium) had to be gone by 2026-04-09, and digits 1 can reach it`),
    ]);
    const metrics = await get('metrics');
    expect(metrics).toContain('airlock_runtime_open_advisories{severity="medium",reach="reachable"} 1\n');
    expect(metrics).toContain('airlock_runtime_overdue 1\n');
    expect(metrics).toMatch(/^airlock_runtime_days_left -\d+$/m);
    expect(metrics).toContain('airlock_advisory_data_age_days 0\n');
    const { runtime } = JSON.parse(await get('status'));
    expect(runtime.posture).toMatchObject({
      tensorflow: '2.21.0',
      overdue: true,
      support: { state: 'newest' },
      counts: { reachable: { medium: 1 } },
    });
    expect(runtime.posture.open[0]).toMatchObject({
      id: made.id,
      reach: 'reachable',
      models: ['digits 1'],
      overdue: true,
      fix: '2.21.1',
    });
    expect(JSON.stringify(runtime)).not.toContain(folder);
    expect(troubles).toEqual([]);
  });

  it.skipIf(slot === undefined)(
    `refuses to start when the policy says so, and starts once the deadline is moved${needsRuntime}`,
    async () => {
      update(inTime);
      const refusing = await loadConfig(configure({ whenOverdue: 'refuse' }));
      await expect(startServer(refusing, hooks)).rejects.toMatchObject({
        code: 'RUNTIME_OVERDUE',
        message: expect.stringMatching(/GHSA-made-made-made .* no scan rules it out; run TensorFlow 2\.21\.1/),
        detail: expect.stringContaining('airlock runtime check'),
      });
      // Nothing of a server is left: no log, no worker.
      expect(existsSync(path.join(store, 'audit'))).toBe(false);
      const later = await loadConfig(configure({ whenOverdue: 'refuse', patchWithin: { medium: '3000d' } }));
      server = await startServer(later, hooks);
      await server.loaded;
      expect(said).toEqual([]);
    },
  );

  it.skipIf(slot === undefined)(
    `starts with what no model reaches, once a check has scanned the models${needsRuntime}`,
    async () => {
      update({ ...inTime, ops: ['RandomGamma'] });
      const config = configure({ whenOverdue: 'refuse' });
      await expect(startServer(await loadConfig(config), hooks)).rejects.toMatchObject({ code: 'RUNTIME_OVERDUE' });
      expect((await check(['--offline', config])).status).toBe(0);
      server = await startServer(await loadConfig(config), hooks);
      // From the report that the check kept, before the server has scanned or loaded anything.
      expect(await get('metrics')).toContain('airlock_runtime_open_advisories{severity="medium",reach="unreachable"} 1\n');
      expect(said).toEqual([]);
    },
  );

  it.skipIf(slot === undefined)(`says that its advisory data is old${needsRuntime}`, async () => {
    server = await startServer(await loadConfig(configure({ maxAdvisoryAgeMs: '1s' })), hooks);
    expect(said).toEqual([
      expect.stringMatching(/^the advisory data is of \d{4}-\d\d-\d\d, \d+ days old: `airlock advisories update`/),
    ]);
    expect(await get('metrics')).toContain('airlock_advisory_data_old 1\n');
  });
});
