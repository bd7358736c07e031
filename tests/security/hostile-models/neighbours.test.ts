// A server with a hostile model beside an honest one: whatever the hostile one does, the server and the honest one answer throughout.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, post, root, startTestServer, type TestServer, until } from '../../support/server.ts';
import { writeHostileModel } from './attack-graph.ts';
import { exhaustion, exhaustionFunctions } from './exhaustion.ts';
import { fileReads } from './file-reads.ts';
import { fileWrites } from './file-writes.ts';
import { lacks } from './hostile-worker.ts';
import { World } from './world.ts';

const missing = lacks('process');

/** Asks the honest model and the server without a pause, and keeps what went wrong. */
class Neighbour {
  readonly failures: string[] = [];
  answers = 0;
  slowestMs = 0;
  #isRunning = true;
  readonly #done: Promise<void>;

  constructor(url: string, body: string) {
    this.#done = this.#ask(url, body);
  }

  async #ask(url: string, body: string): Promise<void> {
    while (this.#isRunning) {
      const startMs = performance.now();
      const [answer, status] = await Promise.all([
        post(`${url}/v1/models/honest:predict`, body),
        call(`${url}/v1/models/honest`),
      ]);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
      this.answers++;
      for (const { status: code, text } of [answer, status]) if (code !== 200) this.failures.push(`${code} ${text}`);
    }
  }

  stop(): Promise<void> {
    this.#isRunning = false;
    return this.#done;
  }
}

describe.skipIf(missing !== '')(`a server with a hostile model${missing}`, () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await World.open();
    const directory = path.join(world.directory, 'hostile');
    mkdirSync(directory);
    const attacks = [...fileReads(world), ...fileWrites(world), ...Object.values(exhaustion)];
    writeHostileModel(path.join(directory, '1'), attacks, exhaustionFunctions);
    server = await startTestServer({
      models: [
        { name: 'hostile', path: directory, spareWorker: true, limits: { memoryMiB: 1024 } },
        { name: 'honest', path: path.join(root, 'examples/digits') },
      ],
    });
  });
  afterAll(async () => {
    await server?.close();
    world?.close();
  });

  /** One of each kind: an error, a forbidden call, a spin, a bomb, a death. */
  const expected = {
    read_file: 'TENSORFLOW_PERMISSION_DENIED',
    write_file: 'WORKER_FORBIDDEN',
    compute_forever: 'DEADLINE_EXCEEDED',
    memory_bomb: 'WORKER_OUT_OF_MEMORY',
    abort: 'WORKER_CRASHED',
  };

  async function ask(attack: string, fire: boolean): Promise<unknown> {
    const body = JSON.stringify({ signature_name: attack, inputs: { fire } });
    const { json } = await post(`${server.url}/v1/models/hostile:predict`, body);
    return (json as { readonly code?: unknown }).code;
  }

  /** Sets an attack off when the model is back from the last one, and gives the code of the answer. */
  async function fire(attack: string): Promise<unknown> {
    // What is not fired has no value, which TensorFlow calls an error.
    await until(`the model is there for ${attack}`, async () => /^TENSORFLOW_/.test(String(await ask(attack, false))));
    return ask(attack, true);
  }

  it('answers for the honest one throughout', async () => {
    const image = Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [0]));
    const neighbour = new Neighbour(server.url, JSON.stringify({ instances: [image] }));
    const codes: Record<string, unknown> = {};
    for (const attack of Object.keys(expected)) codes[attack] = await fire(attack);
    await neighbour.stop();
    expect(neighbour.failures).toEqual([]);
    expect(neighbour.answers).toBeGreaterThan(50);
    expect(neighbour.slowestMs).toBeLessThan(2500);
    expect(codes).toEqual(expected);
    expect(world.written('write_file')).toEqual([]);
  }, 120_000);
});
