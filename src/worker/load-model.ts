// From the model's files in TensorFlow's memory to a session that serves requests, and what is given up when there is one.
import { denyExecutableMemory, makeUndumpable } from '../kernel/index.ts';
import { type RamFiles, Session } from '../native/index.ts';
import type { Signature } from '../tensor/index.ts';
import type { Prepared } from './prepare.ts';
import { warmUp } from './warm-up.ts';
import type { LoadRequest, ReadyAnswer, WarmUp } from './worker-messages.ts';

const noWarmUp: WarmUp = { ran: 0, failed: 0, skipped: 0 };

/** @throws MODEL_LOAD_FAILED, MODEL_INVALID. */
export function loadModel(
  { library, request: { seal, intraOpThreads, interOpThreads } }: Prepared,
  files: RamFiles,
  { tags, signatures, limits, executableMemory }: LoadRequest,
): { readonly session: Session; readonly answer: ReadyAnswer } {
  const load = (): Session =>
    Session.load({
      library,
      modelDirectory: files.directory,
      tags,
      intraOpThreads,
      interOpThreads,
      signatures,
      maxOutputBytes: limits.maxOutputBytes,
    });
  const denies = executableMemory === 'denied';
  const counts = denies ? warmUpApart(load(), signatures) : noWarmUp;
  const session = load();
  files.deleteLoaded();
  const outcome = denies && !denyExecutableMemory() ? 'not deniable' : executableMemory;
  if (seal) makeUndumpable();
  return { session, answer: { warmUp: counts, executableMemory: outcome } };
}

/**
 * What TensorFlow compiles belongs to the process, so a session that is thrown away warms up the one that serves. Its own run could
 * change a model that keeps something: a counter, what it was told last, weights that calls train.
 */
function warmUpApart(session: Session, signatures: readonly Signature[]): WarmUp {
  try {
    return warmUp(session, signatures);
  } finally {
    session.close();
  }
}
