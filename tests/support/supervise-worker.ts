// A ModelWorker outside of any jail and what it said, for tests of its supervision.
import { ModelWorker, type ModelWorkerOptions, Watchdog } from '../../src/serving/index.ts';
import { plainJail } from './plain-jail.ts';

export interface Supervised {
  readonly worker: ModelWorker;
  /** Lines that its processes printed. */
  readonly log: string[];
  /** Code and detail of what ended a process. */
  readonly causes: string[];
  readonly waitFor: (state: string) => Promise<void>;
}

type SupervisedOptions = Pick<ModelWorkerOptions, 'slot' | 'content' | 'signatures' | 'entry'> & Partial<ModelWorkerOptions>;

/** Not started yet; whoever makes it closes it. */
export function superviseWorker(options: SupervisedOptions): Supervised {
  const log: string[] = [];
  const causes: string[] = [];
  let notify = (): void => undefined;
  const worker = new ModelWorker({
    jail: plainJail(),
    watchdog: new Watchdog(),
    backoffMs: 10,
    onLog: ({ text }) => log.push(text),
    onStateChange: (_state, cause) => {
      if (cause !== undefined) causes.push(`${cause.code} ${cause.detail ?? ''}`);
      notify();
    },
    ...options,
    limits: { timeoutMs: 10_000, graceMs: 200, ...options.limits },
  });
  const waitFor = async (state: string): Promise<void> => {
    while (worker.state !== state) {
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
  };
  return { worker, log, causes, waitFor };
}
