// The server under test: the command line with a configuration of its own, its log in a file, and what the kernel and the server itself say of it. It is ended by its own
// process id only.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeAffineModel } from './affine-model.js';

export const root = path.resolve(import.meta.dirname, '../..');
const startTimeoutMs = 180_000;
const stopTimeoutMs = 20_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keys of airlock.yaml that this build does not know are left out, so that the command also tells how an older build does. */
export function writeConfiguration(folder) {
  const model = path.join(folder, 'affine');
  writeAffineModel(model);
  const example = (name) => ({
    name,
    path: path.join(root, 'examples', name),
    contract: path.join(root, 'examples', name, 'contract.yaml'),
    unsafeUnsigned: true,
  });
  const config = {
    listen: { rest: '127.0.0.1:0' },
    store: path.join(root, '.airlock'),
    scan: { unsafeOff: true },
    limits: {
      request: { maxBodyBytes: 1 << 20 },
      http: { requestTimeoutMs: 2_000, headersTimeoutMs: 1_000, keepAliveTimeoutMs: 60_000 },
    },
    models: [
      { ...example('digits'), spareWorker: true },
      example('tabular'),
      { name: 'batched', path: model, unsafeUnsigned: true, batching: { maxRows: 16, maxDelayMs: 2 } },
      { name: 'pooled', path: model, unsafeUnsigned: true, workers: { min: 2, max: 3 }, spareWorker: 'loaded' },
      { name: 'sleeping', path: model, unsafeUnsigned: true, workers: { min: 1, sleepAfterMs: 1_500 }, limits: { timeoutMs: 10_000 } },
    ],
  };
  const file = path.join(folder, 'airlock.yaml');
  writeFileSync(file, JSON.stringify(config, null, 1));
  return { file, names: config.models.map(({ name }) => name) };
}

function childrenOf(pid) {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').match(/\d+/g) ?? []).map(Number);
  } catch {
    // It ended meanwhile.
    return [];
  }
}

function kilobytes(pid, name) {
  try {
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export class SoakedServer {
  #child;
  #ended;
  #exit;

  /** @param {string} config @param {string} logFile */
  constructor(config, logFile) {
    this.logFile = logFile;
    const log = openSync(logFile, 'a');
    const args = [path.join(root, 'bin/airlock.js'), 'serve', config, '--log', 'json'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#ended = `ended with ${signal ?? code}`;
        resolve();
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Why it is gone, or undefined while it runs. */
  get ended() {
    return this.#ended;
  }

  get log() {
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          // Cut where the disk was full.
          return [];
        }
      });
  }

  /** Until all models are there. */
  async ready() {
    const endMs = performance.now() + startTimeoutMs;
    for (; performance.now() < endMs && this.#ended === undefined; await pause(100)) {
      this.url ??= this.log.find(({ url }) => url !== undefined)?.url;
      if (this.url !== undefined && (await this.isReady())) return;
    }
    throw new Error(`the server ${this.#ended ?? 'is not ready in time'}:\n${readFileSync(this.logFile, 'utf8').slice(-2000)}`);
  }

  /** Whether each model can take a request. */
  async isReady() {
    return (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok === true;
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  /** Processes that this one started and that start none: workers, the decoder of images, not what stands before them. */
  leaves(pid = this.pid) {
    return childrenOf(pid).flatMap((child) => {
      const below = this.leaves(child);
      return below.length === 0 ? [child] : below;
    });
  }

  get residentMiB() {
    return kilobytes(this.pid, 'VmRSS') / 1024;
  }

  get descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** No file of the server may grow beyond what its log has now; the limit of the kernel stands in for a disk that is full. False where that cannot be done. */
  fillDisk() {
    return this.#limitFiles(Math.max(1, statSync(this.logFile).size));
  }

  emptyDisk() {
    return this.#limitFiles('unlimited');
  }

  #limitFiles(bytes) {
    return spawnSync('prlimit', ['--pid', String(this.pid), `--fsize=${bytes}:`]).status === 0;
  }

  /** Counts by a label of one metric. */
  async counts(metric, label) {
    const text = await (await fetch(`${this.url}/airlock/v1/metrics`)).text();
    const counts = {};
    for (const line of text.split('\n')) {
      if (!line.startsWith(`${metric}{`)) continue;
      const key = new RegExp(`[{,]${label}="([^"]*)"`).exec(line)?.[1] ?? '';
      counts[key] = (counts[key] ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return counts;
  }

  async status() {
    return (await fetch(`${this.url}/airlock/v1/status`)).json();
  }

  async stop() {
    if (this.#ended !== undefined) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs);
    await this.#exit;
    clearTimeout(timer);
  }
}

