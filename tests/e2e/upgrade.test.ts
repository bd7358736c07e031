// A real upgrade of TensorFlow under load: no request fails, every answer is right, and what does not hold is gone back from. It takes about a minute, most of it
// spent in loading TensorFlow.
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRuntimeCommands } from '../../src/cli/commands/runtime.ts';
import { defaultVersion, readHistory, readSelection, selectedVersion, writeRehearsal } from '../../src/runtime/index.ts';
import { type Load, type LoadTarget, numbersOf, sameNumbers, startLoad } from '../support/load.ts';
import { needsOlder, olderRuntime } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const older = await olderRuntime();
const from = older?.version ?? '';
const to = defaultVersion;

const request = (name: string): string => readFileSync(path.join(root, 'examples', name, 'request.json'), 'utf8');

let store: { readonly path: string; remove(): void };
let test: TestServer;
let load: Load;

/** One `airlock runtime …` in this process; gives what it printed, and the code of the error if there was one. */
async function airlock(...args: readonly string[]): Promise<{ readonly out: string; readonly code: string | undefined }> {
  let out = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const program = new Command().exitOverride();
  addRuntimeCommands(program, { stdout: stream, stderr: stream, env: process.env, isTerminal: false });
  try {
    await program.parseAsync(['runtime', ...args, '--store', store.path], { from: 'user' });
    return { out, code: undefined };
  } catch (thrown) {
    const { code, message } = thrown as { readonly code?: string; readonly message: string };
    return { out: `${out}${message}`, code };
  }
}

interface ServerStatus {
  readonly runtime: {
    readonly tensorflow: string;
    readonly kept: string | null;
    readonly rollout: { readonly phase: string } | null;
  };
  readonly models: readonly { readonly versions: readonly { readonly tensorflow: string; readonly keptTensorflow?: string }[] }[];
}

const status = async (): Promise<ServerStatus> => (await call(`${test.url}/airlock/v1/status`)).json as ServerStatus;

/** A record as a rehearsal of what is served would write it. */
function rehearse(verdict: 'same' | 'changed', source: string, target: string, id: string): void {
  const models = test.server.catalog.models.flatMap((model) =>
    model.status({}).map(({ version, identity }) => ({
      name: model.name,
      version: String(version),
      identity,
      verdict,
      requests: 10,
      maxAbsolute: 0,
      maxRelative: 0,
      classFlips: 0,
    })),
  );
  const now = new Date().toISOString();
  writeRehearsal(store.path, {
    format: 1,
    id,
    from: source,
    to: target,
    startedAt: now,
    endedAt: now,
    verdict,
    reasons: [],
    models,
  });
}

const ended = (id: string) => readHistory(store.path).entries.find(({ asked }) => asked.id === id)?.ended;
const lastId = (): string => readSelection(store.path)?.id ?? '';

describe.skipIf(older === undefined)(
  `An upgrade from ${from} to ${to} under load${needsOlder(older)}`,
  { timeout: 150_000 },
  () => {
    beforeAll(async () => {
      if (older === undefined) return;
      store = older.store();
      const models = temporaryFolder();
      for (const name of ['digits', 'tabular']) {
        mkdirSync(path.join(models, name));
        cpSync(path.join(root, 'examples', name, '1'), path.join(models, name, '1'), { recursive: true });
      }
      test = await startTestServer({
        store: store.path,
        runtime: { tensorflow: from, rollout: { observeMs: '5s', mirrorPercent: 20 } },
        models: ['digits', 'tabular'].map((name) => ({ name, path: path.join(models, name), limits: { timeoutMs: 20_000 } })),
      });
      // Their files have to lie still for a while first.
      await until('all are served', () => test.server.catalog.ready);
      const targets: LoadTarget[] = [];
      for (const name of ['digits', 'tabular']) {
        const body = request(name);
        const { status: code, json, text } = await post(`${test.url}/v1/models/${name}:predict`, body);
        expect(code, text).toBe(200);
        targets.push({ path: `/v1/models/${name}:predict`, body, fault: sameNumbers(numbersOf(json)) });
      }
      load = startLoad(test.port, targets);
    }, 240_000);

    afterAll(async () => {
      await load?.stop();
      await test?.close();
      store?.remove();
    });

    const untilEnded = (id: string) => until(`the change ${id} has ended`, () => ended(id) !== undefined, 90_000);

    it('refuses what was not rehearsed, and what answers in another way without a reason', async () => {
      expect(await airlock('promote', to)).toMatchObject({ code: 'REHEARSAL_MISSING' });
      rehearse('changed', from, to, 'a-changed');
      expect(await airlock('promote', to)).toMatchObject({ code: 'REHEARSAL_DIFFERS' });
      expect(await airlock('rollback')).toMatchObject({ code: 'USAGE' });
      expect(readHistory(store.path).entries).toEqual([]);
    });

    it('moves every model without a failed or wrong answer, and keeps the old one for a while', async () => {
      rehearse('same', from, to, 'b-same');
      const answeredBefore = load.answered();
      const { code, out } = await airlock('promote', to, '--reason', 'vulnerabilities');
      expect(code, out).toBeUndefined();
      const id = lastId();
      expect(await airlock('promote', to)).toMatchObject({ code: 'PROMOTION_BUSY' });
      await until('it observes', async () => (await status()).runtime.rollout?.phase === 'observing', 60_000);
      const { models } = await status();
      expect(models.map(({ versions }) => versions[0])).toMatchObject([
        { tensorflow: to, keptTensorflow: from },
        { tensorflow: to, keptTensorflow: from },
      ]);
      await untilEnded(id);
      expect(ended(id)).toMatchObject({ outcome: 'completed', moved: 2, counts: { failed: 0, drifted: 0 } });
      expect(ended(id)?.counts.requests).toBeGreaterThan(20);
      expect(ended(id)?.counts.compared).toBeGreaterThan(3);
      expect((await status()).runtime).toMatchObject({ tensorflow: to, kept: from, rollout: null });
      expect(selectedVersion(store.path, from)).toBe(to);
      expect(load.answered() - answeredBefore).toBeGreaterThan(50);
      expect(load.faults).toEqual([]);
      expect(await airlock('remove', from)).toMatchObject({ code: 'USAGE' });
      expect(await airlock('remove', to)).toMatchObject({ code: 'USAGE' });
    });

    it('goes back the same way', async () => {
      const { code, out } = await airlock('rollback', '--wait', '--reason', 'to see it');
      expect(code, out).toBeUndefined();
      expect(ended(lastId())).toMatchObject({ outcome: 'completed', moved: 2 });
      expect((await status()).runtime.tensorflow).toBe(from);
      expect(load.faults).toEqual([]);
      expect((await airlock('history')).out).toContain('to see it');
    });

    it('goes back at once when it is asked to while it observes', async () => {
      await airlock('promote', to);
      const id = lastId();
      await until('it observes', async () => (await status()).runtime.rollout?.phase === 'observing', 60_000);
      const { code, out } = await airlock('rollback', '--wait');
      expect(code, out).toBeUndefined();
      expect(ended(id)).toMatchObject({ outcome: 'cancelled' });
      expect((await status()).runtime.tensorflow).toBe(from);
      expect(load.faults).toEqual([]);
    });

    it('loses nothing, and says why, when the other slot is not there any more', async () => {
      const { code, out } = await airlock('promote', '2.20.0', '--unsafe-unrehearsed');
      expect(code, out).toBe('RUNTIME_NOT_INSTALLED');
    });

    it('answered all of it', () => {
      expect(load.answered()).toBeGreaterThan(200);
      expect(load.faults).toEqual([]);
      expect(test.troubles).toEqual([]);
    });
  },
);
