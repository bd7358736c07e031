// A server with a hostile model beside an honest one: whatever the hostile one does, the server and the honest one answer throughout.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, post, root, startTestServer, type TestServer } from '../../support/server.ts';
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
        { name: 'hostile', path: directory, spareWorker: true, limits: { timeoutMs: 1000, memoryMiB: 1024 } },
        { name: 'honest', path: path.join(root, 'examples/digits') },
      ],
    });
  });
  afterAll(async () => {
    await server?.close();
    world?.close();
  });

  // One of each kind: an error, a forbidden call, a spin, a bomb, a death.
  const names = ['read_file', 'matching_files', 'write_file', 'compute_forever', 'memory_bomb', 'abort'];

  it('answers for the honest one throughout', async () => {
    const image = Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [0]));
    const neighbour = new Neighbour(server.url, JSON.stringify({ instances: [image] }));
    const url = `${server.url}/v1/models/hostile:predict`;
    const codes: Record<string, number> = {};
    for (const name of names) {
      const body = JSON.stringify({ signature_name: name, inputs: { fire: true } });
      // It may still be coming back from the last one.
      for (
        const endMs = performance.now() + 20_000;
        performance.now() < endMs;
        await new Promise((resolve) => setTimeout(resolve, 50))
      ) {
        const { status } = await post(url, body);
        codes[name] = status;
        if (status !== 503) break;
      }
    }
    await neighbour.stop();
    expect(neighbour.failures).toEqual([]);
    expect(neighbour.answers).toBeGreaterThan(50);
    expect(neighbour.slowestMs).toBeLessThan(2500);
    expect(Object.values(codes)).not.toContain(200);
    expect(world.written('write_file')).toEqual([]);
  });
});
