// What keeps `airlock runtime update` from going on by itself: a change that is under way, a way back, and one that was tried and did not last. A timer would otherwise
// undo each night what a person, or the server itself, went back from.
import { compareVersions } from '../../../advisories/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { type HistoryEntry, readHistory, type StoreState } from '../../../runtime/index.ts';

/** @throws PROMOTION_BUSY */
export function assertNothingUnderWay({ selection, configured }: StoreState): void {
  if (selection === undefined || selection.configured !== configured || selection.state === 'done') return;
  const { version, by, at, state } = selection;
  const how = state === 'pending' ? 'waits for a server to begin' : 'is being carried out';
  throw new AirlockError('PROMOTION_BUSY', {
    message: `The change to TensorFlow ${version} that ${printable(by, 128)} asked for at ${at} ${how}; \`airlock runtime rollback\` ends it`,
  });
}

/** A timer whose command names a version would take it back each night once a newer one was promoted. @throws USAGE for a version that is not newer. */
export function assertNotOlder(to: string, serving: string): void {
  if ((compareVersions(to, serving) ?? 1) > 0) return;
  throw new AirlockError('USAGE', {
    message: `TensorFlow ${printable(to)} is older than ${serving}, which serves: \`airlock runtime promote\` goes there on purpose`,
  });
}

/** @throws PROMOTION_FAILED when the last change to `version` did not last, or somebody went back from it. */
export function assertNotTried(store: string, version: string): void {
  const last = readHistory(store).entries.findLast(({ asked }) => subjectOf(asked) === version);
  const what = last && whatCameOf(last);
  if (last === undefined || what === undefined) return;
  throw new AirlockError('PROMOTION_FAILED', {
    message: `A person has to decide: ${what} (${printable(last.asked.at)}); \`airlock runtime promote ${version}\` tries it again`,
  });
}

/** The version that a change was about: where it was to go, or what it went back from. */
function subjectOf({ kind, version, previous }: HistoryEntry['asked']): string {
  return kind === 'promote' ? version : previous;
}

function whatCameOf({ asked: { kind, version, previous, by }, ended }: HistoryEntry): string | undefined {
  if (kind === 'rollback') return `${printable(by, 128)} went back from TensorFlow ${printable(previous)}`;
  if (ended === undefined || ended.outcome === 'completed') return undefined;
  const why = ended.why === undefined ? '' : `: ${printable(ended.why, 500)}`;
  return `the last change to TensorFlow ${printable(version)} ended as ${ended.outcome}${why}`;
}
