// From the model's files in TensorFlow's memory to a session that serves requests, and what is given up when there is one.
import { denyExecutableMemory, makeUndumpable } from '../kernel/index.ts';
import { type RamFiles, Session } from '../native/index.ts';
import type { LoadRequest, ReadyAnswer, WarmUp } from './load-request.ts';
import type { Prepared } from './prepare.ts';
import { warmUp } from './warm-up.ts';

const noWarmUp: WarmUp = { ran: 0, failed: 0, skipped: 0 };

/** @throws MODEL_LOAD_FAILED, MODEL_INVALID. */
export function loadModel(
  { library, request: { seal, intraOpThreads, interOpThreads } }: Prepared,
  files: RamFiles,
  { tags, signatures, limits, executableMemory }: LoadRequest,
): { readonly session: Session; readonly answer: ReadyAnswer } {
  const session = Session.load({
    library,
    modelDirectory: files.directory,
    tags,
    intraOpThreads,
    interOpThreads,
    signatures,
    maxOutputBytes: limits.maxOutputBytes,
  });
  files.deleteLoaded();
  if (executableMemory === 'allowed') {
    if (seal) makeUndumpable();
    return { session, answer: { warmUp: noWarmUp, executableMemory } };
  }
  // Only where it is needed: a run may change a model that keeps something, such as a counter, or one that is trained by its calls.
  const counts = warmUp(session, signatures);
  const denied = denyExecutableMemory();
  if (seal) makeUndumpable();
  return { session, answer: { warmUp: counts, executableMemory: denied ? 'denied' : 'not deniable' } };
}
