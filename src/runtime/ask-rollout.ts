// Asks for another TensorFlow, or for the way back, by writing the selection of a store: all checks that need no server, and the record of who asked. It moves nothing;
// the server does, and checks what it serves once more.
import { AirlockError } from '../core/index.ts';
import { assertRehearsed, type ServedIdentity } from './check-rehearsal.ts';
import { recordAsked, recordDropped } from './history.ts';
import { changeSelection, chosenVersion, newSelectionId, readSelection, type Selection } from './selection.ts';
import { readServingNote } from './serving-note.ts';

/** What a store says about what serves. */
export interface StoreState {
  /** What the configuration of the server names. */
  readonly configured: string;
  /** What serves, or would when a server was started. */
  readonly tensorflow: string;
  /** The other slot that must stay installed. */
  readonly kept: string | undefined;
  /** Undefined when no server is known to run. */
  readonly served: readonly ServedIdentity[] | undefined;
  readonly selection: Selection | undefined;
}

/**
 * @param configured what the configuration names; a running server's own word counts more, since it cannot follow a file that was changed. Where nobody says it, what
 * it was at the last change counts, and `fallback` where nothing was ever changed.
 * @throws STORE_UNSAFE; USAGE when a server runs whose configuration names another version than `configured`.
 */
export function readStoreState(store: string, configured: string | undefined, fallback: string): StoreState {
  const note = readServingNote(store);
  if (note !== undefined && configured !== undefined && note.configured !== configured)
    throw new AirlockError('USAGE', {
      message: `The configuration names TensorFlow ${configured}, and the server that runs was started with ${note.configured}: start it again first`,
    });
  const selection = readSelection(store);
  const named = note?.configured ?? configured ?? selection?.configured ?? fallback;
  const { version, kept } = chosenVersion(selection, named, note?.tensorflow);
  return { configured: named, tensorflow: note?.tensorflow ?? version, kept, served: note?.models, selection };
}

export interface Asker {
  readonly by: string;
  readonly reason?: string | undefined;
  readonly now?: Date;
}

export interface PromotionRequest extends Asker {
  readonly version: string;
  /** Why answers may differ. */
  readonly acceptChanges?: string | undefined;
  /** `true`: nobody rehearsed it, and it is taken all the same. */
  readonly unsafeUnrehearsed?: boolean | undefined;
}

function isUnderWay(selection: Selection | undefined, configured: string): boolean {
  return selection !== undefined && selection.configured === configured && selection.state !== 'done';
}

/**
 * Asks that `version` serves. Its slot must have been verified.
 * @throws PROMOTION_BUSY while another change is under way; USAGE when it serves already; REHEARSAL_MISSING, REHEARSAL_DIFFERS; STORE_UNSAFE, STORE_NOT_WRITABLE,
 * DISK_FULL.
 */
export function askPromotion(store: string, state: StoreState, request: PromotionRequest): Selection {
  const { configured, tensorflow: previous, served } = state;
  const { version, by, reason, acceptChanges, unsafeUnrehearsed = false, now = new Date() } = request;
  if (isUnderWay(state.selection, configured)) throw busy();
  if (version === previous) throw new AirlockError('USAGE', { message: `TensorFlow ${version} serves already` });
  const rehearsed = unsafeUnrehearsed
    ? undefined
    : assertRehearsed(store, { from: previous, to: version, served, acceptChanges: acceptChanges !== undefined, now });
  const selection: Selection = {
    format: 1,
    id: newSelectionId(),
    kind: 'promote',
    configured,
    version,
    previous,
    by,
    at: now.toISOString(),
    ...(reason === undefined ? {} : { reason }),
    verdict: rehearsed?.verdict ?? 'unrehearsed',
    ...(rehearsed === undefined ? {} : { rehearsal: rehearsed.rehearsals.slice(0, 20).join(' ') }),
    ...(acceptChanges === undefined ? {} : { accepted: acceptChanges }),
    state: 'pending',
  };
  changeSelection(store, (seen) => {
    // Somebody may have been faster while the rehearsals were read.
    if (isUnderWay(seen, configured)) throw busy();
    return selection;
  });
  recordAsked(store, selection);
  return selection;
}

function busy(): AirlockError {
  return new AirlockError('PROMOTION_BUSY', {
    message: 'Another change of TensorFlow is under way; `airlock runtime rollback` ends it',
  });
}

/**
 * Asks for what served before the last promotion, or for the end of one that is under way. Its slot must have been verified.
 * @throws USAGE when there is nothing to go back to; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
 */
export function askRollback(store: string, configured: string, { by, reason, now = new Date() }: Asker): Selection {
  let dropped: string | undefined;
  const selection = changeSelection(store, (seen) => {
    const { id, state, version, previous } = lastPromotion(seen, configured);
    dropped = state === 'done' ? undefined : id;
    return {
      format: 1,
      id: newSelectionId(),
      kind: 'rollback',
      configured,
      version: previous,
      previous: version,
      by,
      at: now.toISOString(),
      ...(reason === undefined ? {} : { reason }),
      state: 'pending',
    };
  });
  if (selection === undefined) throw new AirlockError('INTERNAL');
  recordAsked(store, selection);
  // A server that is at it knows more, and has the last word; where none is, nobody else would say it.
  if (dropped !== undefined) recordDropped(store, dropped, `${by} asked for TensorFlow ${selection.version}`, now);
  return selection;
}

/** The promotion that a way back would undo. @throws USAGE when there is none. */
export function lastPromotion(selection: Selection | undefined, configured: string): Selection {
  if (selection?.kind === 'promote' && selection.configured === configured) return selection;
  throw new AirlockError('USAGE', { message: 'No promotion is in force, so there is no TensorFlow to go back to' });
}
