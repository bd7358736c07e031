// `airlock scan` as a person uses it, the library's scan(), and what the process that reads may cost: real processes on real files.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJail } from '../../src/sandbox/index.ts';
import { scanRules } from '../../src/scan/index.ts';
import { scan, scanModel } from '../../src/scanner/index.ts';
import { attrType, constString, placeholder, savedModel } from '../support/graph-builder.ts';
import { root } from '../support/server.ts';

const airlock = path.join(root, 'bin/airlock.js');
let folder: string;
const at = (...parts: string[]): string => path.join(folder, ...parts);

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [airlock, 'scan', ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}

const readsPasswd = [
  constString('path', '/etc/passwd'),
  { name: 'evil\u001b[31m\n"node', op: 'ReadFile', inputs: ['path'] },
  { name: 'out', op: 'Identity', inputs: ['evil\u001b[31m\n"node'], attrs: { T: attrType('DT_STRING') } },
  placeholder('x'),
];

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'airlock-scan-'));
  mkdirSync(at('hostile'));
  writeFileSync(
    at('hostile/saved_model.pb'),
    savedModel({
      metaGraphs: [
        {
          tags: ['serve'],
          nodes: readsPasswd,
          signatures: { serving_default: { inputs: { x: 'x:0' }, outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } } } },
        },
      ],
    }),
  );
  cpSync(path.join(root, 'examples/digits/1'), at('cut'), { recursive: true });
  truncateSync(at('cut/saved_model.pb'), 20_000);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('airlock scan', () => {
  it('finds nothing in the examples, with exit code 0', () => {
    for (const name of ['digits', 'tabular']) {
      const { status, stdout } = run(path.join(root, 'examples', name, '1'));
      expect([status, stdout.split('\n')[0]]).toEqual([0, '1: clean']);
    }
  });

  it('says what a hostile model does, when, by what way and what to do, with exit code 1', () => {
    const { status, stdout, stderr } = run('hostile');
    expect(status).toBe(1);
    for (const part of ['ReadFile', '/etc/passwd', 'signature serving_default', 'fix']) expect(stdout).toContain(part);
    expect(stderr).toContain('Refused');
  });

  it.each(['text', 'json', 'sarif', 'markdown', 'html', 'cyclonedx', 'openvex', 'attestation'])(
    'lets nothing of the model reach a terminal unescaped: %s',
    (format) => {
      const { stdout, stderr } = run('hostile', '--format', format, '--show', 'info');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(`${stdout}${stderr}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      expect(stdout.length).toBeGreaterThan(100);
    },
  );

  it('does not call clean what it cannot read, with exit code 5', () => {
    expect(run('cut', '--refuse-at', 'critical')).toMatchObject({
      status: 5,
      stdout: expect.stringContaining('could not be judged'),
    });
    writeFileSync(at('note.txt'), 'hello');
    expect(run('note.txt').status).toBe(5);
    mkdirSync(at('empty'));
    expect(run('empty').status).toBe(5);
  });

  it('has exit code 2 for what is no question', () => {
    expect(run().status).toBe(2);
    expect(run('nowhere')).toMatchObject({ status: 2, stderr: expect.stringContaining('There is no nowhere') });
    expect(run('hostile', '--tensorflow', 'newest').status).toBe(2);
    expect(run('hostile', '--refuse-at', 'severe').status).toBe(2);
  });

  it('accepts findings with a reason, and those of a baseline', () => {
    const { stdout } = run('hostile', '--json');
    const report = JSON.parse(stdout) as { verdict: string; findings: { ruleId: string; fingerprint: string }[] };
    expect(report.verdict).toBe('refused');
    writeFileSync(at('base.json'), stdout);
    expect(run('hostile', '--baseline', 'base.json').status).toBe(0);
    const entries = report.findings.map(
      ({ fingerprint }) => `{ fingerprint: "${fingerprint}", reason: it is a test of ours, expires: 2999-01-01 }`,
    );
    writeFileSync(at('s.yaml'), `suppressions: [${entries.join(', ')}]\n`);
    expect(run('hostile', '--suppressions', 's.yaml').status).toBe(0);
    writeFileSync(at('old.yaml'), `suppressions: [${entries.join(', ').replaceAll('2999', '2020')}]\n`);
    expect(run('hostile', '--suppressions', 'old.yaml')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('expired on 2020-01-01'),
    });
    writeFileSync(at('bad.yaml'), 'suppressions: [{}]');
    expect(run('hostile', '--suppressions', 'bad.yaml').status).toBe(3);
  });

  it('writes a report to a file, and never over one that is there', () => {
    expect(run('hostile', '--format', 'sarif', '-o', 'out.sarif')).toMatchObject({ status: 1, stdout: '' });
    expect(JSON.parse(readFileSync(at('out.sarif'), 'utf8')).runs[0].results.length).toBeGreaterThan(0);
    expect(run('hostile', '--format', 'html', '-o', 'out.sarif').status).toBe(2);
  });

  it('refuses by severity', () => {
    expect(run('hostile', '--refuse-at', 'critical', '--json').stdout).toContain('"refuseAt": "critical"');
    expect(run(path.join(root, 'examples/digits/1'), '--refuse-at', 'info').status).toBeLessThan(2);
  });

  it('documents every rule', () => {
    const rules = JSON.parse(run('--rules', '--json').stdout) as typeof scanRules;
    expect(rules.map(({ id }) => id)).toEqual(scanRules.map(({ id }) => id));
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const { id, title, effect, fix } of rules) {
      expect(id).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+$/);
      for (const text of [title, effect, fix]) expect(text.length, id).toBeGreaterThan(10);
    }
    expect(readFileSync(path.join(root, 'docs/scan-rules.md'), 'utf8')).toBe(run('--rules', '--format', 'markdown').stdout);
  });

  it('answers what if: published vulnerabilities of an older TensorFlow', () => {
    const { stdout } = run(path.join(root, 'examples/digits/1'), '--tensorflow', '2.9.1', '--json');
    const { advisories } = JSON.parse(stdout) as { advisories: { status: string }[] };
    expect(advisories.length).toBeGreaterThan(90);
    expect(new Set(advisories.map(({ status }) => status))).toContain('not_affected');
  });

  it('needs neither TensorFlow nor a store', () => {
    const bare = at('bare');
    mkdirSync(bare);
    const { status } = spawnSync(process.execPath, [airlock, 'scan', path.join(root, 'examples/digits/1')], {
      cwd: bare,
      env: {},
    });
    expect(status).toBe(0);
    expect(execFileSync('ls', ['-A', bare], { encoding: 'utf8' })).toBe('');
  });
});

describe('scan()', () => {
  it('gives a report to a program', async () => {
    const report = await scan(at('hostile'), { refuseAt: 'high' });
    expect(report).toMatchObject({ verdict: 'refused', target: 'hostile', refuseAt: 'high' });
    await expect(scan(at('nowhere'))).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('follows a link that it is given, and none in the model', async () => {
    symlinkSync(at('hostile'), at('link'));
    expect((await scan(at('link'))).verdict).toBe('refused');
  });
});

describe('the process that reads', () => {
  const limits = { timeoutMs: 1_500, memoryMiB: 256 };
  async function withEntry(code: string): Promise<unknown> {
    // Beside the build, where the jail lets a process read.
    const entry = path.join(root, 'dist/scanner', `test-${process.pid}-${Math.random().toString(36).slice(2)}.js`);
    writeFileSync(entry, code);
    const jail = await openJail({ unsafeLevel: 'none' });
    try {
      return await scanModel({
        jail,
        request: { path: at('hostile'), tensorflow: '2.21.0' },
        entry,
        ...limits,
      }).catch((thrown: unknown) => thrown);
    } finally {
      await jail.close();
      rmSync(entry);
    }
  }

  it.each([
    ['hangs', 'for (;;);', 'SCAN_INCOMPLETE', /did not end within/],
    ['grows', 'const all = []; setInterval(() => all.push(Buffer.alloc(64 << 20, 1)), 5);', 'SCAN_INCOMPLETE', /more memory/],
    ['dies', 'process.kill(process.pid, "SIGKILL");', 'SCAN_INCOMPLETE', /ended by itself \(SIGKILL\)/],
    ['ends before it has begun', '', 'WORKER_START_FAILED', /./],
    [
      'sends no frames',
      `require('node:fs').writeSync(3, 'x'.repeat(100)); setInterval(() => 0, 1000);`,
      'WORKER_PROTOCOL_VIOLATION',
      /./,
    ],
    [
      'sends another answer than a scan',
      `const b = Buffer.from('{"kind":"result","result":{"findings":"none"}}'); const h = Buffer.alloc(4); h.writeUInt32LE(b.length); require('node:fs').writeSync(3, Buffer.concat([h, b])); setInterval(() => 0, 1000);`,
      'SCAN_INCOMPLETE',
      /no scan gives/,
    ],
  ])('is ended and not believed when it %s', async (_, code, expected, message) => {
    const thrown = await withEntry(code.replaceAll('require(', 'process.getBuiltinModule('));
    expect(thrown).toMatchObject({ code: expected, message: expect.stringMatching(message) });
  });

  it('may open nothing but the model and the build, and make no connection', async () => {
    const jail = await openJail({ require: 'process' }).catch(() => undefined);
    if (jail === undefined) return;
    const lines: string[] = [];
    const entry = path.join(root, 'dist/scanner', `test-jail-${process.pid}.js`);
    writeFileSync(
      entry,
      `import fs from 'node:fs'; import net from 'node:net';
       for (const file of ['/etc/passwd', ${JSON.stringify(at('note.txt'))}]) { try { fs.readFileSync(file); console.log('READ', file); } catch (e) { console.log('no', e.code); } }
       net.connect(9, '127.0.0.1').on('connect', () => console.log('CONNECTED')).on('error', (e) => { console.log('net', e.code); process.exit(0); });`,
    );
    try {
      await scanModel({
        jail,
        request: { path: at('hostile'), tensorflow: '2.21.0' },
        entry,
        ...limits,
        onLog: (line) => lines.push(line),
      }).catch(() => undefined);
      expect(lines.filter((line) => line.startsWith('no '))).toHaveLength(2);
      expect(lines.join()).toMatch(/net E(?:PERM|ACCES)/);
      expect(lines.join()).not.toMatch(/READ|CONNECTED|ECONNREFUSED/);
    } finally {
      await jail.close();
      rmSync(entry);
    }
  });
});
