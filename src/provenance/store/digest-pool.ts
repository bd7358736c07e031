// Threads that hash, so that gigabytes do not hold up a server's requests. Started when there is work and ended when there is none; they
// never keep the process alive by themselves. Descriptors are shared by all threads of a process, so a job is a few numbers.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AirlockError, builtFile } from '../../core/index.ts';
import type { DigestJob, DigestResult } from './digest-file.ts';

interface Task {
  readonly job: DigestJob;
  readonly resolve: (result: DigestResult) => void;
  readonly reject: (error: AirlockError) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly tasks: Map<number, Task>;
}

/** So that a thread has its next file when one is done. */
const tasksPerThread = 2;

export interface DigestPoolOptions {
  /** Threads at most. Default: one per core, at most 4. */
  readonly size?: number;
  /** Threads end after this long without work. Default 2,000. */
  readonly idleMs?: number;
  /** The built entry of a thread. */
  readonly entry?: string;
}

export class DigestPool {
  /** Jobs that it takes at a time. */
  readonly capacity: number;
  readonly #size: number;
  readonly #idleMs: number;
  readonly #entry: string;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Task[] = [];
  #nextId = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: DigestPoolOptions = {}) {
    this.#size = options.size ?? Math.min(availableParallelism(), 4);
    this.#idleMs = options.idleMs ?? 2_000;
    this.#entry = options.entry ?? builtFile(import.meta.url, 'digest-thread.js');
    this.capacity = this.#size * tasksPerThread;
  }

  /** Threads that are there now. */
  get threads(): number {
    return this.#threads.size;
  }

  /** First come, first served. The descriptors must stay open until the answer. @throws INTERNAL when a thread ends before its answer. */
  run(job: DigestJob): Promise<DigestResult> {
    clearTimeout(this.#idleTimer);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (let thread = this.#freeThread(); thread !== undefined; thread = this.#freeThread()) {
      const task = this.#waiting.shift();
      if (task === undefined) return;
      const id = this.#nextId++;
      thread.tasks.set(id, task);
      thread.worker.ref();
      thread.worker.postMessage({ id, job: task.job });
    }
  }

  /** One without work before a new one, and a new one before one that is at work. */
  #freeThread(): Thread | undefined {
    const threads = [...this.#threads].sort((a, b) => a.tasks.size - b.tasks.size);
    if (this.#waiting.length > 0 && threads.length < this.#size && threads[0]?.tasks.size !== 0) return this.#startThread();
    return threads.find((thread) => thread.tasks.size < tasksPerThread);
  }

  #startThread(): Thread {
    const thread: Thread = { worker: new Worker(this.#entry, { name: 'digests', env: {}, execArgv: [] }), tasks: new Map() };
    this.#threads.add(thread);
    thread.worker.on('message', ({ id, result }: { id: number; result: DigestResult }) => {
      thread.tasks.get(id)?.resolve(result);
      thread.tasks.delete(id);
      if (thread.tasks.size === 0) thread.worker.unref();
      this.#dispatch();
      this.#endWhenIdle();
    });
    thread.worker.on('error', (cause) => this.#lose(thread, cause));
    thread.worker.on('exit', () => this.#lose(thread));
    return thread;
  }

  #lose(thread: Thread, cause?: unknown): void {
    this.#threads.delete(thread);
    for (const task of thread.tasks.values()) {
      task.reject(new AirlockError('INTERNAL', { detail: 'a thread that hashes files has ended', cause }));
    }
    this.#dispatch();
  }

  #endWhenIdle(): void {
    if ([...this.#threads].some((thread) => thread.tasks.size > 0)) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      for (const thread of this.#threads) void thread.worker.terminate();
      this.#threads.clear();
    }, this.#idleMs).unref();
  }
}

/** The one of this process. */
export const digestPool: DigestPool = new DigestPool();
