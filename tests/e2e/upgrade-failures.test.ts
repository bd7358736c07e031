// Changes of TensorFlow that do not hold, in a real server under load: a model that does not load on the other one, answers that differ, workers that end again and again.
// Each is gone back from by the server itself, and no client hears of it.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAuditLog } from '../../src/audit/index.ts';
import { askPromotion, defaultVersion, readHistory, readSelection, readStoreState } from '../../src/runtime/index.ts';
import { childrenOfThisProcess } from '../support/child-processes.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { type Load, numbersOf, sameNumbers, startLoad } from '../support/load.ts';
import { needsOlder, olderRuntime } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const older = await olderRuntime();
const from = defaultVersion;
const to = older?.version ?? '';

const [float, uint8, text] = [1, 4, 7];
const body = readFileSync(path.join(root, 'examples/digits/request.json'), 'utf8');

const signatures = [
  {
    name: 'serving_default',
    methodName: 'tensorflow/serving/predict',
    inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT' as const, shape: [-1, 2] }],
    outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT' as const, shape: [-1, 2] }],
  },
];

/** Gives its input back; beside that its graph has an operation that TensorFlow 2.12 does not know. */
function writeNewer(directory: string): void {
  const nodes = [
    placeholder('x', float, [-1, 2]),
    node('y', 'Identity', ['x'], { T: attribute.type(float) }),
    node('c', 'Const', [], { dtype: attribute.type(text), value: attribute.strings([], ['RIFF']) }),
    node('newer', 'DecodeWebP', ['c'], { channels: attribute.integer(0), dtype: attribute.type(uint8) }),
  ];
  writeSavedModel(directory, nodes, { signatures });
}

/** Functions whose last bits another release of TensorFlow computes in another way. */
function writeStrict(directory: string): void {
  const functions = ['Erf', 'Sin', 'Tanh', 'Lgamma', 'Exp', 'Sinh', 'Log1p'];
  const nodes = functions.map((op, index) =>
    node(index === functions.length - 1 ? 'y' : `f${index}`, op, [index === 0 ? 'x' : `f${index - 1}`], {
      T: attribute.type(float),
    }),
  );
  writeSavedModel(directory, [placeholder('x', float, [-1, 2]), ...nodes], { signatures });
}

const request = (pairs: number): string =>
  JSON.stringify({ instances: Array.from({ length: pairs }, (_, index) => [index / 7 + 0.1, index / 11 + 0.2]) });

let store: { readonly path: string; remove(): void };
let models: string;
let test: TestServer;
let load: Load;

const tensorflow = async (): Promise<string> =>
  ((await call(`${test.url}/airlock/v1/status`)).json as { readonly runtime: { readonly tensorflow: string } }).runtime
    .tensorflow;
const phase = async (): Promise<string | undefined> =>
  (
    (await call(`${test.url}/airlock/v1/status`)).json as {
      readonly runtime: { readonly rollout: { readonly phase: string } | null };
    }
  ).runtime.rollout?.phase;
const ended = (id: string) => readHistory(store.path).entries.find(({ asked }) => asked.id === id)?.ended;

const isServed = (name: string) => test.events.some(({ kind, model }) => kind === 'available' && model === name);

function promote(): string {
  const state = readStoreState(store.path, undefined, from);
  return askPromotion(store.path, state, { version: to, by: 'a test', unsafeUnrehearsed: true }).id;
}

describe.skipIf(older === undefined)(
  `A change from ${from} to ${to} that does not hold${needsOlder(older)}`,
  { timeout: 150_000 },
  () => {
    beforeAll(async () => {
      if (older === undefined) return;
      store = older.store();
      models = temporaryFolder();
      for (const name of ['digits', 'newer', 'strict']) mkdirSync(path.join(models, name));
      cpSync(path.join(root, 'examples/digits/1'), path.join(models, 'digits/1'), { recursive: true });
      writeNewer(path.join(models, 'newer/1'));
      const limits = { timeoutMs: 20_000 };
      test = await startTestServer({
        store: store.path,
        runtime: { tensorflow: from, rollout: { observeMs: '60s', mirrorPercent: 20 } },
        models: [
          { name: 'digits', path: path.join(models, 'digits'), limits },
          { name: 'newer', path: path.join(models, 'newer'), limits },
          // Not a bit may differ.
          { name: 'strict', path: path.join(models, 'strict'), limits, rehearsal: { tolerance: { absolute: 0, relative: 0 } } },
        ],
      });
      // Its files have to lie still for a while first.
      await until('it is served', () => isServed('digits'));
      const { status, json, text } = await post(`${test.url}/v1/models/digits:predict`, body);
      expect(status, text).toBe(200);
      const fault = sameNumbers(numbersOf(json));
      load = startLoad(test.port, [{ path: '/v1/models/digits:predict', body, fault }]);
    }, 240_000);

    afterAll(async () => {
      await load?.stop();
      await test?.close();
      store?.remove();
    });

    it('moves nothing for good when one model does not load there', async () => {
      await until('it is served', () => isServed('newer'), 60_000);
      expect((await post(`${test.url}/v1/models/newer:predict`, '{"instances": [[1.0, 2.0]]}')).json).toEqual({
        predictions: [[1, 2]],
      });
      const id = promote();
      await until('it has ended', () => ended(id) !== undefined, 90_000);
      expect(ended(id)).toMatchObject({ outcome: 'failed', moved: 1, why: expect.stringContaining('newer version 1') });
      expect(ended(id)?.why).toContain('MODEL_LOAD_FAILED');
      expect(await tensorflow()).toBe(from);
      expect(readSelection(store.path)).toMatchObject({ kind: 'rollback', state: 'done', version: from, by: 'airlock' });
      expect((await post(`${test.url}/v1/models/newer:predict`, '{"instances": [[1.0, 2.0]]}')).status).toBe(200);
      expect(load.faults).toEqual([]);
    });

    it('goes back by itself from workers that end again and again', async () => {
      rmSync(path.join(models, 'newer/1'), { recursive: true });
      await until('it is gone', () => test.events.some(({ kind, model }) => kind === 'unloaded' && model === 'newer'));
      const before = childrenOfThisProcess();
      const answered = load.answered();
      const id = promote();
      await until('it observes', async () => (await phase()) === 'observing', 90_000);
      await until(
        'it has gone back',
        () => {
          for (const pid of childrenOfThisProcess()) if (!before.has(pid)) process.kill(pid, 'SIGKILL');
          return ended(id) !== undefined;
        },
        60_000,
      );
      expect(ended(id)).toMatchObject({ outcome: 'rolled back', why: expect.stringContaining('digits version 1') });
      const { failed = 0, saved = 0 } = ended(id)?.counts ?? {};
      expect(failed).toBeGreaterThan(0);
      expect(saved).toBe(failed);
      expect(await tensorflow()).toBe(from);
      expect(load.answered()).toBeGreaterThan(answered + 20);
      expect(load.faults).toEqual([]);
    });

    it('does not let one take over whose answers differ', async () => {
      writeStrict(path.join(models, 'staging'));
      renameSync(path.join(models, 'staging'), path.join(models, 'strict/1'));
      await until('it is served', () => isServed('strict'), 60_000);
      const strict = { path: '/v1/models/strict:predict', body: request(100) };
      const { json } = await post(`${test.url}${strict.path}`, strict.body);
      const second = startLoad(test.port, [{ ...strict, fault: sameNumbers(numbersOf(json), 0) }], { connections: 1 });
      const id = promote();
      await until('it has ended', () => ended(id) !== undefined, 90_000);
      await second.stop();
      expect(ended(id)).toMatchObject({ outcome: 'failed', why: expect.stringContaining('its answer differs') });
      expect(await tensorflow()).toBe(from);
      expect([...load.faults, ...second.faults]).toEqual([]);
    });

    it('has written down all of it', () => {
      const entries: string[] = [];
      verifyAuditLog(path.join(store.path, 'audit'), { onEntry: ({ event }) => entries.push(event) });
      expect(entries.filter((event) => event === 'runtime change begun')).toHaveLength(3);
      expect(entries.filter((event) => event === 'runtime change ended')).toHaveLength(3);
      expect(test.troubles).toEqual([]);
    });
  },
);
