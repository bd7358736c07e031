// What the log is told of a worker that ended and came back: once why, and once that it is back.
import type { AirlockError } from '../../core/index.ts';
import type { ModelWorkerState } from './model-worker-options.ts';

export interface RestartEvents {
  /** Called for each reason: how it ended, and then why it did not come back at once. */
  readonly onRestarting: (cause: AirlockError) => void;
  readonly onRestarted: () => void;
}

/** A listener for a ModelWorker's states. */
export function restartEvents({ onRestarting, onRestarted }: RestartEvents) {
  let isRestarting = false;
  return (state: ModelWorkerState, cause: AirlockError | undefined): void => {
    if (state === 'ready' && isRestarting) onRestarted();
    isRestarting = state === 'restarting';
    // A socket that ended says nothing yet; the exit that follows says how.
    const isKnown = cause !== undefined && !(cause.code === 'WORKER_CRASHED' && cause.detail === undefined);
    if (isRestarting && isKnown) onRestarting(cause);
  };
}
