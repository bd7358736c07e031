// kill -9 while a model is staged or collected: whatever is left is cleaned or completed by the next process, and nothing that is half there
// is ever taken for a model.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModelStore } from '../../../src/provenance/store/index.ts';
import { type Contents, manifestOf, savedModel, temporaryFolder, writeContents } from '../../support/model-folder.ts';

const built = path.resolve(import.meta.dirname, '../../../dist/provenance/store/index.js');
const whyNot = existsSync(built) ? '' : ' (skipped: not built, run `npm run build`)';

let temporary = temporaryFolder();
let folder = '';
beforeEach(() => {
  temporary = temporaryFolder();
  folder = path.join(temporary.path, 'store', 'models');
});
afterEach(() => temporary.remove());

/** Starts anew: a source, and a store with a bad copy of it. */
function prepare(contents: Contents): void {
  rmSync(temporary.path, { recursive: true, force: true });
  writeContents(path.join(temporary.path, 'model'), contents);
  const { identity } = manifestOf(contents);
  writeContents(path.join(folder, identity), { 'model/saved_model.pb': 'evil' });
  chmodSync(temporary.path, 0o700);
}

interface Ended {
  readonly wasKilled: boolean;
  readonly output: string;
}

async function stageInChild(contents: Contents, killAt = '', killAfterMs?: number): Promise<Ended> {
  const script = path.join(import.meta.dirname, 'staging-steps.js');
  const parameters = [script, temporary.path, JSON.stringify(manifestOf(contents)), killAt === '' ? '-1' : killAt];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  expect(signal ?? code).toBe(signal === null ? 0 : 'SIGKILL');
  return { wasKilled: signal === 'SIGKILL', output };
}

const entries = (): string[] => readdirSync(folder).filter((name) => name !== 'leases');

/** Opens what is left, and uses it. */
async function expectSound(contents: Contents): Promise<void> {
  const manifest = manifestOf(contents);
  const store = await openModelStore(folder);
  expect(entries().filter((name) => name !== manifest.identity)).toEqual([]);
  // Nobody who lives needs anything: a first collection must be able to take all of it.
  await store.collect();
  expect(readdirSync(folder).filter((name) => name !== 'leases')).toEqual([]);
  const staged = await store.stage(path.join(temporary.path, 'model'), manifest);
  for (const [name, content] of Object.entries(contents)) {
    expect(readFileSync(path.join(staged.directory, name)).equals(Buffer.from(content))).toBe(true);
  }
  await store.close();
  await store.collect();
  expect([entries(), readdirSync(path.join(folder, 'leases'))]).toEqual([[], []]);
}

/** As `expectSound`, without a collection before: what is there under the name of the model is good, or is replaced. */
async function expectUsable(contents: Contents): Promise<void> {
  const store = await openModelStore(folder);
  const staged = await store.stage(path.join(temporary.path, 'model'), manifestOf(contents));
  for (const [name, content] of Object.entries(contents)) {
    expect(readFileSync(path.join(staged.directory, name)).equals(Buffer.from(content))).toBe(true);
  }
  await store.close();
}

describe.skipIf(whyNot !== '')(`staging that is killed${whyNot}`, { timeout: 90_000 }, () => {
  it('leaves at every step what the next process can clean and complete', async () => {
    prepare(savedModel);
    const steps = (await stageInChild(savedModel)).output.split(' ');
    const all = 'lease make copy seal aside rename remove release aside remove';
    expect(steps.join(' ')).toBe(all);
    for (const killAt of steps.keys()) {
      prepare(savedModel);
      expect((await stageInChild(savedModel, String(killAt))).wasKilled).toBe(true);
      await expectUsable(savedModel);
      await expectSound(savedModel);
    }
  });

  it('leaves nothing half there at any other moment', async () => {
    const contents = {
      ...savedModel,
      ...Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`assets/${at}`, Buffer.alloc(2e6, at)])),
    };
    prepare(contents);
    const startMs = performance.now();
    await stageInChild(contents);
    const wholeMs = performance.now() - startMs;
    let killed = 0;
    for (let turn = 0; turn < 8; turn++) {
      prepare(contents);
      // Half of it is the start of Node.
      const { wasKilled } = await stageInChild(contents, '', wholeMs * (0.3 + (0.6 * turn) / 8));
      killed += wasKilled ? 1 : 0;
      await expectUsable(contents);
      await expectSound(contents);
    }
    expect(killed).toBeGreaterThan(2);
  });

  it('does not take a copy that was cut short for a model', async () => {
    prepare(savedModel);
    const { identity } = manifestOf(savedModel);
    rmSync(path.join(folder, identity), { recursive: true });
    const cut = { ...savedModel, 'variables/variables.data-00000-of-00001': Buffer.alloc(1000, 'weights') };
    writeContents(path.join(folder, identity, 'model'), cut);
    writeFileSync(path.join(folder, identity, 'model', 'fingerprint.pb'), '');
    await expectUsable(savedModel);
  });
});
