// Runs one attack in a worker of its own, plain or jailed, and tells what became of the worker. Whoever calls this with a plain jail runs a process without
// protection: it has this user's rights, and does what the model makes an old TensorFlow do.
import { AirlockError } from '../../../src/core/index.ts';
import type { ModelChunk } from '../../../src/model/index.ts';
import type { Jail } from '../../../src/sandbox/index.ts';
import { ModelWorker, Watchdog } from '../../../src/serving/index.ts';
import type { Tensor } from '../../../src/tensor/index.ts';
import { workerEntry } from '../../../src/worker/index.ts';
import type { AttackModel } from './attack.ts';

export interface Outcome {
  /**
   * crashed: the process died by itself, when it ran the model or when it loaded it. refused: TensorFlow said no. answered: it gave a result.
   */
  readonly kind: 'crashed' | 'refused' | 'answered';
  /** How it died, or the code of the refusal. */
  readonly how: string;
  readonly duringLoad: boolean;
  readonly outputs: readonly Tensor[];
  /** Of a worker that was started again: the process is another one and the model is available again. */
  readonly restarted: boolean;
}

export interface RunOptions {
  readonly jail: Jail;
  readonly slot: { readonly ccPath: string; readonly frameworkPath: string };
  /** Waits until a worker that died has come back. Default false. */
  readonly untilRestarted?: boolean;
}

/** The last two: the kernel ended it for a forbidden system call, or for its memory. */
const deadly: ReadonlySet<string> = new Set(['WORKER_CRASHED', 'WORKER_FORBIDDEN', 'WORKER_OUT_OF_MEMORY']);

const chunkBytes = 64 * 1024;

async function* contentOf(bytes: Buffer): AsyncGenerator<ModelChunk> {
  for (let at = 0; at < bytes.length; at += chunkBytes)
    yield { name: 'saved_model.pb', chunk: bytes.subarray(at, at + chunkBytes) };
}

export async function runAttack(model: AttackModel, { jail, slot, untilRestarted = false }: RunOptions): Promise<Outcome> {
  const deaths: AirlockError[] = [];
  let onState = (): void => undefined;
  const worker = new ModelWorker({
    jail,
    watchdog: new Watchdog(),
    slot,
    content: () => contentOf(model.bytes),
    signatures: [model.signature],
    limits: { timeoutMs: 10_000, graceMs: 200 },
    backoffMs: untilRestarted ? 10 : 60_000,
    entry: workerEntry,
    onStateChange: (_state, cause) => {
      if (cause !== undefined) deaths.push(cause);
      onState();
    },
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        onState = resolve;
      });
    }
  };
  // A worker that dies ends its socket first; how it died is told when its exit is known.
  const died = (): AirlockError | undefined => deaths.find(({ code, detail }) => deadly.has(code) && detail !== undefined);
  let isLoaded = false;
  try {
    await worker.start();
    isLoaded = true;
    const first = worker.processId;
    try {
      const outputs = await worker.run(0, model.feeds);
      return { kind: 'answered', how: '', duringLoad: false, outputs, restarted: false };
    } catch (thrown) {
      const { code } = AirlockError.from(thrown);
      if (!deadly.has(code)) return { kind: 'refused', how: code, duringLoad: false, outputs: [], restarted: false };
      await until(() => died() !== undefined);
      if (untilRestarted) await until(() => worker.state === 'ready');
      const restarted = worker.state === 'ready' && worker.processId !== first;
      return { kind: 'crashed', how: died()?.detail ?? '', duringLoad: false, outputs: [], restarted };
    }
  } catch (thrown) {
    if (isLoaded) throw thrown;
    const { code, detail = '' } = AirlockError.from(thrown);
    const isCrash = code === 'WORKER_START_FAILED' && /^(?:signal|exit code) /.test(detail);
    const how = isCrash ? detail : code;
    return { kind: isCrash ? 'crashed' : 'refused', how, duringLoad: true, outputs: [], restarted: false };
  } finally {
    await worker.close();
  }
}
