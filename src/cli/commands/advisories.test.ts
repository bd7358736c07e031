// The commands as somebody calls them, against a server on this machine that answers as OSV and as an index do.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { zipOf } from '../../../tests/support/archive-builder.ts';
import { advisoryData, advisoryDocument } from '../../advisories/index.ts';
import { defaultOsvUrl } from '../../feeds/index.ts';
import { main } from '../main.ts';

let folder: string;
let store: string;
let server: Server;
let url: string;
/** What the server answers, by address; for OSV by package and page. */
let answers: ReadonlyMap<string, unknown> = new Map();

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { package: asked, page_token: token = '' } = request.method === 'POST' ? JSON.parse(body) : {};
      const key =
        request.method === 'POST' ? `${request.url} ${asked.ecosystem} ${asked.name} ${token}`.trim() : (request.url ?? '');
      const answer = answers.get(key);
      if (typeof answer === 'function') void answer().then(() => response.end('{}'));
      else if (answer instanceof Buffer) response.end(answer);
      else if (answer === undefined && request.method !== 'POST') response.writeHead(404).end();
      else response.end(JSON.stringify(answer ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => server.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-advisories-cli-'));
  store = join(folder, 'store');
  mkdirSync(store);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const code = await main(['advisories', ...args, '--store', store], { stdout, stderr, env: {}, isTerminal: false });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

const osv = (id: string, cve: string, more: object = {}): object => ({
  id,
  modified: '2026-11-28T00:00:00Z',
  aliases: [cve],
  summary: 'A new \u001b[31mfault',
  database_specific: { severity: 'CRITICAL' },
  affected: [
    {
      package: { ecosystem: 'PyPI', name: 'tensorflow' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '2.20.0' }, { fixed: '2.21.1' }] }],
    },
  ],
  ...more,
});
const first = osv('GHSA-aaaa-bbbb-cccc', 'CVE-2026-90001');
const second = osv('GHSA-dddd-eeee-ffff', 'CVE-2026-90002', { withdrawn: '2026-11-27T00:00:00Z' });
const idsOf = (): string[] => advisoryData(store).tensorflow.map(({ cve, id }) => cve ?? id);

describe('airlock advisories update', () => {
  it('takes all pages of OSV, shows what is new, and changes nothing the second time', async () => {
    answers = new Map<string, unknown>([
      ['/v1/query PyPI tensorflow', { vulns: [first], next_page_token: 'p2' }],
      ['/v1/query PyPI tensorflow p2', { vulns: [second] }],
    ]);
    const { code, stdout } = await run('update', '--osv-url', url);
    expect([code, stdout]).toEqual([0, expect.stringContaining('2 new: CVE-2026-90001, CVE-2026-90002')]);
    expect(idsOf()).toEqual(expect.arrayContaining(['CVE-2026-90001', 'CVE-2026-90002', 'CVE-2022-35934']));
    expect((await run('update', '--osv-url', url)).stdout).toContain('nothing new');
    const list = await run('list', '--tensorflow', '2.21.0');
    expect(list.stdout).toContain('CVE-2026-90001       critical  A new \\u{1b}[31mfault (not studied)');
    // What was taken back is known and not open.
    expect(list.stdout).not.toContain('CVE-2026-90002');
    expect((await run('show', 'cve-2026-90002')).stdout).toContain('withdrawn    2026-11-27');
  });

  it.each<[string, ReadonlyMap<string, unknown>]>([
    ['knows nothing', new Map()],
    ['answers with something else', new Map([['/v1/query PyPI tensorflow', Buffer.from('<html>')]])],
    ['has a record that cannot be read', new Map([['/v1/query PyPI tensorflow', { vulns: [first, { id: 5 }] }]])],
    [
      'has pages without end',
      new Map([
        ['/v1/query PyPI tensorflow', { vulns: [first], next_page_token: 'p' }],
        ['/v1/query PyPI tensorflow p', { vulns: [first], next_page_token: 'p' }],
      ]),
    ],
  ])('takes nothing of an OSV that %s', async (_, given) => {
    answers = given;
    const { code, stderr } = await run('update', '--osv-url', url);
    expect([code, stderr]).toEqual([4, expect.stringMatching(/OSV|no JSON/)]);
    expect(advisoryData(store).info.source).toBe('built-in');
  });

  it('asks OSV itself where nothing else is said, and only over https', async () => {
    expect(defaultOsvUrl).toMatch(/^https:\/\//);
    expect((await run('update', '--osv-url', 'http://192.0.2.1')).code).toBe(4);
  });

  it('keeps what another update has put there while OSV was asked', async () => {
    const file = join(folder, 'export');
    writeFileSync(file, JSON.stringify(second));
    // What OSV answers for the last package is worked out when it is asked: by then the other update is done.
    let other: Promise<{ code: number }> | undefined;
    answers = new Map<string, unknown>([
      ['/v1/query PyPI tensorflow', { vulns: [first] }],
      ['/v1/query PyPI keras', () => (other = run('update', '--from', file, '--unsafe-unsigned'))],
    ]);
    expect((await run('update', '--osv-url', url)).code).toBe(0);
    expect((await other)?.code).toBe(0);
    expect(idsOf()).toEqual(expect.arrayContaining(['CVE-2026-90001', 'CVE-2026-90002']));
  });

  it.each<[string, () => Buffer]>([
    [
      'a zip',
      () =>
        zipOf([
          { name: 'GHSA-aaaa-bbbb-cccc.json', content: JSON.stringify(first) },
          { name: 'n.json', content: '{"id":"x"}' },
        ]),
    ],
    ['a list', () => Buffer.from(JSON.stringify([first, { id: 'PYSEC-2026-5', modified: '2026-11-29T01:00:00Z' }]))],
    ['one record a line', () => Buffer.from(`${JSON.stringify(first)}\n${JSON.stringify(second)}\n`)],
  ])('takes an export of OSV in %s from a file, when somebody says that it may be unsigned', async (_, bytes) => {
    const file = join(folder, 'export');
    writeFileSync(file, bytes());
    const refused = await run('update', '--from', file);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is not signed')]);
    expect(idsOf()).not.toContain('CVE-2026-90001');
    const { code } = await run('update', '--from', file, '--unsafe-unsigned');
    expect([code, idsOf().includes('CVE-2026-90001'), advisoryData(store).info.read >= '2026-11-28']).toEqual([0, true, true]);
  });

  it('takes one record from a file, which says nothing about how old the rest is', async () => {
    const file = join(folder, 'record');
    writeFileSync(file, JSON.stringify(first));
    expect((await run('update', '--from', file, '--unsafe-unsigned')).code).toBe(0);
    expect([idsOf().includes('CVE-2026-90001'), advisoryData(store).info.read]).toEqual([true, '2026-11-23']);
  });

  it.each([
    ['nothing', ''],
    ['the first of several pages', JSON.stringify({ vulns: [first], next_page_token: 'p2' })],
    ['a zip that is cut short', zipOf([{ name: 'a.json', content: JSON.stringify(first) }]).subarray(0, 60)],
    ['JSON about something else', '{"a":1}'],
    ['a record that is damaged', '[{"id":"GHSA-aaaa-bbbb-cccc","affected":[{"package":{"name":"tensorflow"}}]}]'],
  ])('refuses %s', async (_, bytes) => {
    const file = join(folder, 'export');
    writeFileSync(file, bytes);
    expect((await run('update', '--from', file, '--unsafe-unsigned')).code).toBe(3);
  });

  it('takes the JSON of an index over its address, and believes no range of it before a better source', async () => {
    const vulnerabilities = [{ id: 'PYSEC-2026-77', aliases: ['CVE-2026-90001'], summary: 'x', fixed_in: ['2.21.1', '2.20.2'] }];
    answers = new Map<string, unknown>([
      ['/pypi/tensorflow/2.21.0/json', { info: { name: 'tensorflow', version: '2.21.0' }, vulnerabilities }],
      ['/v1/query PyPI tensorflow', { vulns: [first] }],
    ]);
    expect((await run('update', '--from', `${url}/pypi/tensorflow/2.21.0/json`)).code).toBe(0);
    const found = () => advisoryData(store).tensorflow.find(({ cve }) => cve === 'CVE-2026-90001');
    expect(found()).toMatchObject({ severity: 'high', affected: [{ introduced: '0', fixed: '2.21.1' }], basis: 'feed' });
    // One version's list says nothing about how old the rest is.
    expect(advisoryData(store).info.read).toBe('2026-11-23');
    expect((await run('update', '--osv-url', url)).code).toBe(0);
    expect(found()).toMatchObject({ id: 'GHSA-aaaa-bbbb-cccc', severity: 'critical', aliases: ['PYSEC-2026-77'] });
    expect((await run('update', '--from', `${url}/none`)).code).toBe(4);
  });
});

describe('a document that is carried', () => {
  const keys = async (name: string): Promise<string> => {
    const file = join(folder, name);
    const stdout = new PassThrough();
    const io = { stdout, stderr: stdout, env: {}, isTerminal: false };
    expect(await main(['keys', 'generate', '--out', file, '--unsafe-no-passphrase'], io)).toBe(0);
    return file;
  };
  const publicOf = (key: string): string => key.replace(/\.pem$/, '.pub');

  it('is taken with the signature of the key that was named, and in no other way', async () => {
    const [key, other] = [await keys('a.pem'), await keys('b.pem')];
    answers = new Map<string, unknown>([['/v1/query PyPI tensorflow', { vulns: [first] }]]);
    await run('update', '--osv-url', url);
    const carried = join(folder, 'advisories.sig.json');
    expect(await run('export', '-o', carried, '--sign-key', key)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('signed'),
    });

    rmSync(join(store, 'advisories'), { recursive: true });
    const refusedWith = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await run('update', '--from', carried, ...args);
      expect([code, advisoryData(store).info.source]).toEqual([1, 'built-in']);
      return stderr;
    };
    expect(await refusedWith()).toContain('--key');
    expect(await refusedWith('--key', publicOf(other))).toContain('key');
    // One letter of what is signed.
    const bundle = JSON.parse(readFileSync(carried, 'utf8')) as { dsseEnvelope: { payload: string } };
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8').replace('"critical"', '"low"');
    writeFileSync(
      carried,
      JSON.stringify({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: Buffer.from(payload).toString('base64') } }),
    );
    expect(await refusedWith('--key', publicOf(key))).toContain('signature');
    writeFileSync(carried, JSON.stringify(bundle));
    const { code, stdout } = await run('update', '--from', carried, '--key', publicOf(key));
    expect([code, stdout]).toEqual([0, expect.stringContaining('signed by a.pub')]);
    expect(idsOf()).toContain('CVE-2026-90001');
  });

  it('is no model signature of the same key, nor the other way round', async () => {
    const key = await keys('a.pem');
    const model = join(folder, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'weights'), 'x');
    const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {}, isTerminal: false };
    expect(await main(['sign', model, '--key', key], io)).toBe(0);
    const { code, stderr } = await run('update', '--from', join(model, 'model.sig'), '--key', publicOf(key));
    expect([code, stderr]).toEqual([1, expect.stringContaining('no document of advisories')]);
  });

  it('that nobody signed is taken only when that is said, and never in place of a signed one', async () => {
    const file = join(folder, 'advisories.json');
    expect((await run('export', '-o', file)).code).toBe(2);
    expect((await run('export', '-o', file, '--unsafe-unsigned')).code).toBe(0);
    expect((await run('update', '--from', file)).code).toBe(1);
    const key = await keys('a.pem');
    expect((await run('update', '--from', file, '--key', publicOf(key), '--unsafe-unsigned')).code).toBe(1);
    expect((await run('update', '--from', file, '--unsafe-unsigned')).code).toBe(0);
    // Nor over an address that could be anybody's.
    answers = new Map<string, unknown>([['/carried', readFileSync(file)]]);
    expect((await run('update', '--from', `${url}/carried`)).code).toBe(1);
  });

  it('that is older than what is there, or of a day to come, is refused', async () => {
    const file = join(folder, 'advisories.json');
    const write = (read: string): void => writeFileSync(file, JSON.stringify({ ...advisoryDocument(), read, curated: read }));
    write('2026-01-01');
    const older = await run('update', '--from', file, '--unsafe-unsigned');
    expect([older.code, older.stderr]).toEqual([3, expect.stringContaining('--allow-older')]);
    expect((await run('update', '--from', file, '--unsafe-unsigned', '--allow-older')).code).toBe(0);
    expect(advisoryData(store).info.read).toBe('2026-11-23');
    writeFileSync(file, JSON.stringify({ ...advisoryDocument(), curated: '2999-01-01' }));
    const ahead = await run('update', '--from', file, '--unsafe-unsigned');
    expect([ahead.code, ahead.stderr]).toEqual([3, expect.stringContaining('a later day')]);
    write('2999-01-01');
    const newer = await run('update', '--from', file, '--unsafe-unsigned', '--allow-older');
    expect([newer.code, newer.stderr]).toEqual([3, expect.stringContaining('still to come')]);
  });
});

describe('airlock advisories list and show', () => {
  it('count what a version has, corrected and as published, with the kinds of difference', async () => {
    const json = JSON.parse((await run('list', '--tensorflow', '2.9.1', '--as-published', '--json')).stdout);
    expect(json.comparison).toMatchObject({ differing: 206, version: { corrected: 106, published: 46, extra: [] } });
    expect(json.comparison.version.missing).toContain('CVE-2022-35934');
    expect(json.advisories).toHaveLength(46);
    expect(json.libraries).toEqual([expect.objectContaining({ library: 'giflib' })]);
    const corrected = JSON.parse((await run('list', '--tensorflow', '2.9.1', '--json')).stdout);
    expect([corrected.advisories.length, corrected.unknown]).toEqual([106, ['CVE-2025-0649']]);
    const text = (await run('list', '--tensorflow', '2.9.1', '--as-published')).stdout;
    expect(text).toContain('60 that it has are not published for it');
    expect(text).toContain('The advisories were read on 2026-11-23');
  });

  it('show one by any of its ids, and why its published range is wrong', async () => {
    const { stdout } = await run('show', 'ghsa-f4w6-h4f5-wx45');
    for (const part of ['CVE-2022-35934', 'up to before 2.7.4', 'as published', 'still has the fault', '2.9.1', 'Reshape'])
      expect(stdout).toContain(part);
    expect((await run('show', 'CVE-1999-0001')).code).toBe(2);
    expect((await run('list', '--tensorflow', 'newest')).code).toBe(2);
  });

  it('refuse a store that others may write, instead of going on without its update', async () => {
    answers = new Map<string, unknown>([['/v1/query PyPI tensorflow', { vulns: [first] }]]);
    await run('update', '--osv-url', url);
    chmodSync(join(store, 'advisories', 'advisories.json'), 0o666);
    for (const args of [['list'], ['show', 'CVE-2022-35934'], ['update', '--osv-url', url]])
      expect((await run(...args)).code).toBe(3);
  });
});
