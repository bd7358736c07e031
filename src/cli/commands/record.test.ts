// What `airlock record` leaves behind when something is in its way; tests/e2e/recording.test.ts has it whole.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeRecordingKey, readOrders } from '../../recording/index.ts';
import { main } from '../main.ts';

vi.mock('node:os', async (original) => {
  const real = await original<typeof os>();
  return { ...real, userInfo: vi.fn(real.userInfo) };
});

let folder = '';
let config = '';
const store = (): string => join(folder, 'store');

async function record(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const code = await main(['record', ...args], { stdout, stderr, env: {}, isTerminal: false });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

beforeEach(async () => {
  folder = mkdtempSync(join(os.tmpdir(), 'airlock-record-'));
  mkdirSync(store());
  config = join(folder, 'airlock.yaml');
  const { recipient, identity } = await makeRecordingKey();
  writeFileSync(join(folder, 'key'), `${identity}\n`, { mode: 0o600 });
  const model = { name: 'm', path: folder, unsafeUnsigned: true, recording: { redact: [] } };
  writeFileSync(config, JSON.stringify({ store: store(), recording: { recipients: [recipient] }, models: [model] }));
});
afterEach(() => {
  vi.mocked(os.userInfo).mockReset();
  rmSync(folder, { recursive: true, force: true });
});

it('starts nothing that the audit log does not have', async () => {
  writeFileSync(join(store(), 'audit'), 'not a folder');
  expect(await record('start', 'm', '--config', config)).toMatchObject({ code: 4, out: '' });
  expect(await readOrders(store())).toEqual([]);
});

it('works for a user without an account, as in a container', async () => {
  vi.mocked(os.userInfo).mockImplementation(() => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  });
  expect((await record('start', 'm', '--config', config)).code).toBe(0);
  const [order] = await readOrders(store());
  expect(order.by).toBe(`user ${process.getuid?.()}`);
  expect((await record('stop', 'm', '--config', config)).code).toBe(0);
  const [log] = readdirSync(join(store(), 'audit')).filter((name) => name.endsWith('.jsonl'));
  const lines = readFileSync(join(store(), 'audit', log), 'utf8');
  expect(lines.match(/recording st(arted|opped)/g)).toEqual(['recording started', 'recording stopped']);
  expect(lines).toContain(`"user":"${order.by}"`);
});

it('says that a recording is not there instead of showing nothing of it', async () => {
  const show = (id: string) => record('show', id, '--config', config, '--identity', join(folder, 'key'));
  expect(await show('0123456789abcdef')).toMatchObject({ code: 2, err: 'airlock: There is no recording 0123456789abcdef\n' });
  await record('start', 'm', '--config', config);
  const [{ id }] = await readOrders(store());
  expect(await show(id)).toEqual({ code: 0, out: '', err: '' });
});
