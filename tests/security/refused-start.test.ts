// What a jail put on the disk is gone when what was to run in it is refused after it was opened.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { startServer } from '../../src/gateway/index.ts';
import { archOfMachine, defaultVersion } from '../../src/runtime/index.ts';
import { openModel } from '../../src/serving/index.ts';
import { plainJail } from '../support/plain-jail.ts';
import { root, temporaryFolder } from '../support/server.ts';

const close = vi.hoisted(() => vi.fn(async () => undefined));
/** A jail that keeps no limit. */
vi.mock('../../src/sandbox/index.ts', async (original) => ({
  ...(await original<object>()),
  openJail: async () => ({ ...plainJail(), close }),
}));

const digits = path.join(root, 'examples/digits');
const limits = { cpuPercent: 50 };
const refused = { code: 'ENVIRONMENT_LACKING', detail: expect.stringContaining('cpuPercent') };

let store = '';
beforeEach(() => {
  close.mockClear();
  store = temporaryFolder();
  mkdirSync(path.join(store, 'runtimes', `${defaultVersion}-${archOfMachine()}`), { recursive: true });
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

it('closes the jail of a server whose models may not have their limits', async () => {
  const file = path.join(store, 'airlock.yaml');
  const models = [{ name: 'digits', path: digits, limits, unsafeUnsigned: true }];
  writeFileSync(file, JSON.stringify({ store, listen: { rest: '127.0.0.1:0' }, models }));
  const hooks = { onEvent: () => undefined, onRefusal: () => undefined };
  await expect(startServer(await loadConfig(file), hooks)).rejects.toMatchObject(refused);
  expect(close).toHaveBeenCalledOnce();
});

it('closes the jail of a model of the library that may not have its limits', async () => {
  await expect(openModel({ path: digits, store, limits, unsafeUnsigned: true })).rejects.toMatchObject(refused);
  expect(close).toHaveBeenCalledOnce();
});
