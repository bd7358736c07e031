// `airlock audit log` and `airlock status` as an operator uses them: real processes, a real log, and a server that may lie.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { AuditLog } from '../../src/audit/index.ts';
import { root, temporaryFolder } from '../support/server.ts';

const airlock = path.join(root, 'bin/airlock.js');
const store = temporaryFolder();
const file = path.join(store, 'audit/audit-000000000001.jsonl');
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function log(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [airlock, 'audit', 'log', ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

afterAll(() => rmSync(store, { recursive: true, force: true }));

describe('airlock audit log', () => {
  let head: { readonly seq: number; readonly hash: string };
  beforeEach(() => {
    rmSync(path.join(store, 'audit'), { recursive: true, force: true });
    const written = new AuditLog(path.join(store, 'audit'), { now: () => new Date(0) });
    written.append('scan', { model: 'digits', version: '1', verdict: 'clean' });
    written.append('available', { model: 'digits', version: '1' });
    head = written.append('refused', { model: 'digits', version: '2', message: 'a\u009b2J b' });
  });

  it('verifies what was written, and an end that was kept', () => {
    const verified = log('verify', '--store', store);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(`3 lines from 1970-01-01T00:00:00.000Z`) });
    expect(verified.stdout).toContain(`${head.seq}:${head.hash}`);
    const args = ['verify', '--store', store, '--json', '--expect', `${head.seq}:${head.hash}`];
    const { code, stdout } = log(...args);
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ entries: 3, head })]);
    expect(log('verify', '--store', store, '--expect', 'newest').code).toBe(2);
    expect(log('verify', '--store', store, '--expect', `9:${head.hash}`).code).not.toBe(0);
  });

  it('shows the last entries, with nothing in them that a terminal obeys', () => {
    const shown = log('show', '--store', store, '--last', '2');
    expect(shown).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^2 {2}1970.* available .*\n3 {2}1970.* refused .*\n$/),
    });
    expect(shown.stdout).not.toMatch(unsafe);
    const { stdout } = log('show', '--store', store, '--json');
    expect(stdout).not.toMatch(unsafe);
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(JSON.parse(stdout.trimEnd().split('\n')[2])).toMatchObject({ seq: 3, data: { message: 'a\u009b2J b' } });
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['changed', (text) => text.replace('"clean"', '"fine"'), /audit-000000000001.jsonl, line 2/],
    ['cut', (text) => text.slice(0, text.lastIndexOf('{"seq"')), /should end with entry 3/],
    ['reordered', (text) => text.split('\n').reverse().join('\n').slice(1).concat('\n'), /line 1/],
  ])('fails, naming the place, when the log was %s', (_, change, message) => {
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    for (const command of ['verify', 'show']) {
      const { code, stdout, stderr } = log(command, '--store', store);
      expect([code === 0, stdout]).toEqual([false, '']);
      expect(stderr).toMatch(message);
    }
  });

  it('says nothing to a terminal that somebody wrote into the times of a log', () => {
    const forged = new AuditLog(path.join(store, 'audit'), { now: () => ({ toISOString: () => '\u009b2J' }) as Date });
    forged.append('scan', {});
    for (const command of ['verify', 'show']) expect(log(command, '--store', store).stdout).not.toMatch(unsafe);
  });

  it('does not call a log sound that is not there', () => {
    rmSync(path.join(store, 'audit'), { recursive: true });
    for (const command of ['verify', 'show'])
      expect(log(command, '--store', store)).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no audit log') });
  });
});

describe('airlock status', () => {
  const scan = {
    verdict: 'clean',
    scannedAt: '2026-11-30T03:00:00.000Z',
    tensorflow: '2.21.0',
    counts: { low: 2 },
    advisories: 1,
    digest: 'd'.repeat(64),
    rules: 'e'.repeat(64),
  };
  const answer = {
    isolation: { level: 'process', layers: [], surroundings: [] },
    models: [
      {
        name: 'digits',
        ready: true,
        versions: [
          { version: '2', state: 'AVAILABLE', scan },
          { version: '1', state: 'END', scan: null },
        ],
        refused: [
          { version: '3', error: 'SCAN_REFUSED', message: 'a\u009b2J file\u202e is read', scan: { ...scan, verdict: 'refused' } },
        ],
      },
    ],
    auditLog: { seq: 7, hash: 'a'.repeat(64) },
  };

  /** Asks a server that answers with this. */
  async function status(body: string, code = 200, ...args: readonly string[]): Promise<Ran> {
    const server = createServer((_, response) => response.writeHead(code, { location: 'http://127.0.0.1:1/' }).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      return await ask('--url', url, ...args);
    } finally {
      server.close();
    }
  }

  function ask(...args: readonly string[]): Promise<Ran> {
    const child = spawn(process.execPath, [airlock, 'status', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  }

  it('says what answers, what the last scans said, and how the audit log ends', async () => {
    const { code, stdout } = await status(JSON.stringify(answer));
    expect(code).toBe(0);
    for (const part of [
      'digits  ready',
      '2  AVAILABLE  clean at 2026-11-30',
      '2 low',
      '1  END  not scanned',
      '3  refused',
      '7:aaa',
    ])
      expect(stdout).toContain(part);
    expect(stdout).not.toMatch(unsafe);
  });

  it('gives the same to programs, with nothing in it that a terminal obeys', async () => {
    const { code, stdout } = await status(JSON.stringify(answer), 200, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, answer]);
    expect(stdout).not.toMatch(unsafe);
  });

  it.each([
    ['another program', '<html>\u001b[2J', 200],
    ['another server', '{"models":[]}', 200],
    ['an error', JSON.stringify(answer), 500],
    ['a redirect', JSON.stringify(answer), 302],
  ])('is not answered by %s', async (_, body, code) => {
    for (const args of [[], ['--json']]) {
      const ran = await status(body, code, ...args);
      expect([ran.code === 0, ran.stdout]).toEqual([false, '']);
      expect(ran.stderr).not.toMatch(unsafe);
    }
  });

  it('has exit code 4 when nobody answers', async () => {
    expect(await ask('--url', 'http://127.0.0.1:1')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('No server answers'),
    });
  });
});
