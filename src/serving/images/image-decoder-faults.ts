// Whose fault it is that an image was not decoded: the image's, which a client must not send again, or the machine's. Knows no process and no
// clock.
import { AirlockError, printable } from '../../core/index.ts';
import type { ProcessExit } from '../../sandbox/index.ts';

/** How often an image gets time anew that the machine did not really give it. */
const maxRounds = 3;

/**
 * For one image: says, each time that `timeoutMs` are over, why it has had time enough; undefined when it has not.
 * @param cpuMs Processor time of the decoder so far; undefined where nobody knows, which counts as if it had all been used.
 */
export function slowness(cpuMs: () => number | undefined, timeoutMs: number): () => AirlockError | undefined {
  const startMs = cpuMs();
  let rounds = 0;
  return () => {
    rounds++;
    const nowMs = cpuMs();
    const usedMs = startMs === undefined || nowMs === undefined ? timeoutMs : nowMs - startMs;
    // On a machine that is busy with other things an honest image gets little done in that time.
    const wasStarved = usedMs < timeoutMs / 2;
    if (wasStarved && rounds < maxRounds) return undefined;
    const detail = `the decoder of images was killed: ${Math.round(usedMs)} ms of processor time in ${rounds * timeoutMs} ms`;
    return new AirlockError(wasStarved ? 'DEADLINE_EXCEEDED' : 'IMAGE_UNDECODABLE', { detail });
  };
}

/** A decoder that dies of an image dies of that image: sent again, it would cost the next process. */
export function crashed({ code, signal, error, outOfMemory }: ProcessExit): AirlockError {
  if (error !== undefined) return new AirlockError('WORKER_START_FAILED', { detail: printable(error.message, 512) });
  const detail = `the decoder of images ended: ${signal === null ? `exit code ${code}` : `signal ${signal}`}`;
  if (outOfMemory) return new AirlockError('WORKER_OUT_OF_MEMORY', { detail });
  if (signal === 'SIGSYS') return new AirlockError('WORKER_FORBIDDEN', { detail });
  return new AirlockError(signal === 'SIGKILL' ? 'WORKER_CRASHED' : 'IMAGE_UNDECODABLE', { detail });
}
