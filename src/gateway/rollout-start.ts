// Which TensorFlow a server starts with, when its store says that a change was under way: the one that last carried everything. A change that a dead server had begun is
// not tried again by itself, because it may be what killed it.
import { AirlockError, isDeadOwner, isLocalOwner } from '../core/index.ts';
import {
  changeSelection,
  chosenVersion,
  readHistory,
  readSelection,
  recordAsked,
  recordEnded,
  type Selection,
} from '../runtime/index.ts';
import { noCounts } from '../serving/index.ts';

export interface RolloutStart {
  readonly tensorflow: string;
  /** What an operator should know. */
  readonly notice?: string | undefined;
  /** What came of a change that was under way, for the audit log. */
  readonly ended?: { readonly id: string; readonly outcome: 'completed' | 'interrupted'; readonly why?: string } | undefined;
}

/** Nobody can be asked whether a server of another container lives; going back to what served is what can do no harm. */
function isGone(owner: string | undefined): boolean {
  return owner === undefined || !isLocalOwner(owner) || isDeadOwner(owner);
}

/** What a change becomes that is over and did not succeed: what served before serves, and nobody asked for it. */
export function goneBackFrom(selection: Selection, why: string, at: Date = new Date()): Selection {
  const { owner: _owner, ...rest } = selection;
  return {
    ...rest,
    kind: 'rollback',
    version: selection.previous,
    previous: selection.version,
    by: 'airlock',
    at: at.toISOString(),
    reason: why.slice(0, 2_000),
    state: 'done',
  };
}

/** @throws STORE_UNSAFE when others could have written what the store says; STORE_NOT_WRITABLE. */
export function startRollout(store: string, configured: string): RolloutStart {
  const selection = readSelection(store);
  if (selection === undefined) return { tensorflow: configured };
  completeHistory(store, selection);
  const { version: tensorflow } = chosenVersion(selection, configured);
  if (selection.configured !== configured) {
    if (selection.version === configured) return { tensorflow };
    const notice = `runtime.tensorflow says ${configured} now, and said ${selection.configured} when TensorFlow ${selection.version} was chosen: the configuration counts`;
    return { tensorflow, notice };
  }
  if (selection.state === 'done')
    return {
      tensorflow,
      ...(tensorflow === configured
        ? {}
        : {
            notice: `TensorFlow ${tensorflow} serves, ${selection.kind === 'promote' ? 'promoted' : 'gone back to'} by ${selection.by}`,
          }),
    };
  if (selection.kind === 'rollback') {
    settle(store, selection, (now) => ({ ...withoutOwner(now), state: 'done' }));
    recordEnded(store, selection.id, { outcome: 'completed', movedMs: 0, observedMs: 0, moved: 0, counts: noCounts });
    const notice = `TensorFlow ${tensorflow} serves, as asked for while no server was running`;
    return { tensorflow, notice, ended: { id: selection.id, outcome: 'completed' } };
  }
  if (selection.state === 'moving' && isGone(selection.owner)) {
    const why = `the server ended while it moved to TensorFlow ${selection.version}`;
    settle(store, selection, (now) => goneBackFrom(now, why));
    recordEnded(store, selection.id, { outcome: 'interrupted', why, movedMs: 0, observedMs: 0, moved: 0, counts: noCounts });
    const notice = `${why}: it starts with ${tensorflow}; \`airlock runtime promote\` tries again`;
    return { tensorflow, notice, ended: { id: selection.id, outcome: 'interrupted', why } };
  }
  return {
    tensorflow,
    notice: `it starts with TensorFlow ${tensorflow} and moves to ${selection.version} when the models are loaded`,
  };
}

/** Adds what a process that was killed between the selection and the history could not. A history that cannot be written keeps no server from starting. */
function completeHistory(store: string, selection: Selection): void {
  try {
    const entry = readHistory(store).entries.find(({ asked }) => asked.id === selection.id);
    // What a server made of the question is not the question.
    const isOwn = selection.by !== 'airlock';
    if (entry === undefined && isOwn) recordAsked(store, selection);
    if (entry?.ended !== undefined || selection.state !== 'done') return;
    const end = isOwn
      ? ({ outcome: 'completed' } as const)
      : ({ outcome: 'interrupted', why: selection.reason ?? 'the server ended' } as const);
    recordEnded(store, selection.id, { ...end, movedMs: 0, observedMs: 0, moved: 0, counts: noCounts });
  } catch {
    // Its entry then says that the change is under way; the audit log knows better.
  }
}

function withoutOwner({ owner: _owner, ...rest }: Selection): Selection {
  return rest;
}

function settle(store: string, expected: Selection, change: (now: Selection) => Selection): void {
  changeSelection(store, (now) => {
    // Another server was faster.
    if (now === undefined || now.id !== expected.id || now.kind !== expected.kind) return undefined;
    return change(now);
  });
}

/** @internal for callers that report what could not be read. */
export function rolloutTrouble(thrown: unknown): string {
  const { code, message, detail } = AirlockError.from(thrown);
  return `the choice of TensorFlow: ${message} (${code})${detail === undefined ? '' : `: ${detail}`}`;
}
