// A whole life of a real worker under strace: launched, sealed, given a model, asked a few times, closed. What it called, by phase.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CallName, callNames } from '../../../src/jail/syscall-numbers.ts';
import { readModelContent, readSavedModel, selectMetaGraph } from '../../../src/model/index.ts';
import { defaultExecArgv, type JailedProcess } from '../../../src/sandbox/index.ts';
import { startProcess } from '../../../src/sandbox/jailed-process.ts';
import { startCommand } from '../../../src/sandbox/start-command.ts';
import { WorkerProcess } from '../../../src/serving/workers/worker-process.ts';
import type { Signature, Tensor } from '../../../src/tensor/index.ts';
import { workerEntry } from '../../../src/worker/index.ts';
import { requireSlot } from '../../support/runtime.ts';
import { numeric } from '../../support/tensors.ts';

export interface TracedCall {
  readonly call: CallName;
  readonly values: readonly bigint[];
}

export interface TracedLife {
  /** From the launcher's execve to the seal. */
  readonly loading: readonly TracedCall[];
  /** After it. */
  readonly serving: readonly TracedCall[];
  /** Calls since the launcher's execve that no table has a number for. */
  readonly unknown: ReadonlySet<string>;
}

export interface LifeOptions {
  readonly threads: number;
  readonly executableMemory: 'allowed' | 'denied';
}

const known: ReadonlySet<string> = new Set(callNames);

/** Lines as `123 futex(0x7f.., 0x80, 0x1 <unfinished ...>`, with every argument as the kernel got it. */
function parseTrace(text: string): TracedLife {
  const phases: TracedCall[][] = [[], [], []];
  const unknown = new Set<string>();
  let phase = 0;
  for (const [, call, list] of text.matchAll(/^\d+ +(\w+)\(([^)<]*)/gm)) {
    const values = list.split(',').map((value) => (value.trim() === '' ? 0n : BigInt(value.trim())));
    if (known.has(call)) phases[phase].push({ call: call as CallName, values });
    else if (phase > 0) unknown.add(call);
    // The launcher's filter is installed without a flag, the worker's on all threads.
    if (call === 'seccomp' && phase < 2) phase = values[1] === 1n ? 2 : 1;
  }
  return { loading: phases[1], serving: phases[2], unknown };
}

/** As a jail of filters and limits alone would start it: what stands around a process does not change what it calls. */
function startTraced(execArgv: readonly string[], traceFile: string): JailedProcess {
  const onLog = (): void => undefined;
  const { program, args, environment } = startCommand(
    { layers: new Set(['limits', 'seccomp']), bubblewrap: undefined, files: [], pathOf: (file) => file, hasOwnUser: false },
    { entry: workerEntry, execArgv, readable: [], limits: { memoryBytes: 2 ** 31, maxTasks: 600 }, onLog },
  );
  // Every argument in hexadecimal, so that a rule's conditions can be asked.
  const strace = ['-f', '-qq', '-e', 'raw=all', '-o', traceFile, program, ...args];
  return startProcess({
    command: { program: 'strace', args: strace, environment: { ...environment, PATH: process.env.PATH ?? '' } },
    isBubblewrap: false,
    userId: undefined,
    group: undefined,
    inheritedFilters: 0,
    onLog,
  });
}

/** Zeros for a signature, `batch` in every dimension that it leaves open. */
function zeros(signature: Signature, batch: number): Tensor[] {
  return signature.inputs.map(({ shape }) => {
    const dims = (shape ?? []).map((dim) => (dim < 0 ? batch : dim));
    const count = dims.reduce((product, dim) => product * dim, 1);
    return numeric('DT_FLOAT', dims, new Float32Array(count));
  });
}

/** Lets a worker live with a model whose inputs are floats. Takes some seconds. */
export async function traceWorker(model: string, { threads, executableMemory }: LifeOptions): Promise<TracedLife> {
  const folder = mkdtempSync(path.join(tmpdir(), 'airlock-trace-'));
  const traceFile = path.join(folder, 'trace');
  const { ccPath, frameworkPath } = requireSlot();
  const { signatures } = selectMetaGraph(await readSavedModel(model), ['serve']);
  const worker = new WorkerProcess({
    process: startTraced(executableMemory === 'denied' ? [...defaultExecArgv, '--jitless'] : defaultExecArgv, traceFile),
    loadTimeoutMs: 60_000,
    onAnswer: () => undefined,
    onBroken: () => undefined,
  });
  try {
    await worker.prepare({ ccPath, frameworkPath, intraOpThreads: threads, interOpThreads: threads, seal: true });
    const limits = { maxBodyBytes: 1 << 24, maxOutputBytes: 1 << 24 };
    await worker.load(readModelContent(model), { tags: ['serve'], signatures, limits, executableMemory });
    // A worker that is denied executable memory is promised that its shapes do not change.
    for (const batch of executableMemory === 'denied' ? [1, 1, 1] : [1, 2, 33, 64]) {
      await new Promise<Tensor[]>((succeed, fail) => {
        worker.send({ signatureIndex: 0, inputs: zeros(signatures[0], batch), succeed, fail }, 30_000);
      });
    }
    await worker.close();
    return parseTrace(readFileSync(traceFile, 'latin1'));
  } finally {
    await worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
