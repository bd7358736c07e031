// A server with bombs beside an honest model that is asked all the time; what each request led to, what the honest one noticed, and what all workers had in memory.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Load, startLoad } from '../../../support/load.ts';
import { post, root, startTestServer, type TestServer, temporaryFolder, until } from '../../../support/server.ts';
import { FamilyMemory } from '../family-memory.ts';
import { type Bomb, type BombForm, bombModel, writeBombModel } from './bomb-graph.ts';

export interface BombFolder {
  readonly form: BombForm;
  readonly bombs: readonly Bomb[];
  readonly sizes: Readonly<Record<string, number>>;
  /** Keys of the model's configuration beside its name and path, by the name of a model that serves these bombs. */
  readonly models: Readonly<Record<string, object>>;
}

export interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
  readonly tookMs: number;
  /** The most that all workers had meanwhile, beyond what they had before. */
  readonly tookMiB: number;
}

/** The body that sets a bomb off at this size. */
export function bombBody({ name, by }: Bomb, form: BombForm, size: number): string {
  if (form === 'model') return JSON.stringify({ signature_name: name, inputs: { fire: true } });
  if (by === 'number') return JSON.stringify({ signature_name: name, inputs: { n: size } });
  const row = new Array<number>(by.rows).fill(1);
  return JSON.stringify({ signature_name: name, inputs: { x: new Array(size).fill(row) } });
}

const digitsFolder = join(root, 'examples/digits');
const blank = JSON.stringify({ instances: [Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [0]))] });

export class BombWorld {
  readonly server: TestServer;
  readonly memory: FamilyMemory;
  readonly #folder: string;
  #load: Load | undefined;

  private constructor(server: TestServer, memory: FamilyMemory, folder: string) {
    this.server = server;
    this.memory = memory;
    this.#folder = folder;
  }

  /** Writes the models, starts the server and begins to ask the honest model. */
  static async open(
    folders: readonly BombFolder[],
    values: Omit<Parameters<typeof startTestServer>[0], 'models'>,
  ): Promise<BombWorld> {
    const folder = temporaryFolder();
    const models: object[] = [{ name: 'honest', path: digitsFolder, limits: { timeoutMs: 10_000 } }];
    for (const [index, { form, bombs, sizes, models: named }] of folders.entries()) {
      const path = join(folder, String(index));
      writeBombModel(path, bombModel(bombs, form, sizes));
      for (const [name, keys] of Object.entries(named)) models.push({ name, path, ...keys });
    }
    // A server waits until what was written has lain still for two seconds.
    await setTimeout(2_100);
    const memory = new FamilyMemory();
    const server = await startTestServer({ ...values, models });
    const world = new BombWorld(server, memory, folder);
    const answer = await post(`${server.url}/v1/models/honest:predict`, blank);
    world.#load = startLoad(server.port, [
      {
        path: '/v1/models/honest:predict',
        body: blank,
        fault: (got) => (JSON.stringify(got) === JSON.stringify(answer.json) ? undefined : 'another answer than before'),
      },
    ]);
    return world;
  }

  async send(model: string, body: string): Promise<Outcome> {
    this.memory.takePeakMiB();
    const beforeMiB = this.memory.nowMiB;
    const startMs = performance.now();
    const { status, text, json } = await post(`${this.server.url}/v1/models/${model}:predict`, body);
    const code = (json as { readonly code?: string } | undefined)?.code;
    const tookMs = performance.now() - startMs;
    return { status, code, text, tookMs, tookMiB: this.memory.takePeakMiB() - beforeMiB };
  }

  /** Waits until the model answers what is harmless, whatever the last bomb did: its worker may be ended only after the bomb was answered. */
  async recovered(model: string, form: BombForm): Promise<void> {
    // What is not fired has no value, which TensorFlow calls an error.
    const harmless = JSON.stringify({ signature_name: 'fill', inputs: form === 'model' ? { fire: false } : { n: 1 } });
    await until(`${model} is back`, async () => {
      const { status, json } = await post(`${this.server.url}/v1/models/${model}:predict`, harmless);
      return status === 200 || /^TENSORFLOW_/.test((json as { readonly code: string }).code);
    });
  }

  get honest(): {
    readonly answered: number;
    readonly faults: readonly string[];
    readonly restarts: number;
    readonly slowestMs: number;
  } {
    const [version] = this.server.server.catalog.model('honest').status({});
    const { answered, faults, slowestMs } = this.#load as Load;
    return { answered: answered(), faults, restarts: version.workerReport?.restarts ?? 0, slowestMs: slowestMs() };
  }

  async close(): Promise<void> {
    await this.#load?.stop();
    await this.server.close();
    await this.memory.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Of the machine, to choose a budget that a test may take. */
export function freeMemoryMiB(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) / 1024;
}
