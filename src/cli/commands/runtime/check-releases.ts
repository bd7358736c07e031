// The releases that `airlock runtime check` judges by: those of the index that the user's pip asks, beside the table that is part of the package; without the
// index, the table alone, and it is said.
import { AirlockError, printable } from '../../../core/index.ts';
import { dayOf, type ReleaseTable, releases, withIndex } from '../../../posture/index.ts';
import { archOfMachine, listReleases } from '../../../runtime/index.ts';

export interface ReleaseOptions {
  readonly offline: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** Undefined: the table of the package. @throws CANCELLED. */
export async function releaseTable({ offline, env, signal, note }: ReleaseOptions): Promise<ReleaseTable | undefined> {
  if (offline) return undefined;
  // The same distribution as is installed: on aarch64 it has the other name (DESIGN.md).
  const name = archOfMachine() === 'aarch64' ? 'tensorflow' : 'tensorflow-cpu';
  try {
    const index = await listReleases(name, { env, signal });
    if (index.length === 0) throw new AirlockError('FEED_UNAVAILABLE', { message: `the index has no ${name}` });
    return { releases: withIndex(releases(), index), releaseData: { source: 'package index', read: dayOf(Date.now()) } };
  } catch (thrown) {
    const { code, message } = AirlockError.from(thrown);
    if (code === 'CANCELLED' || code === 'INTERNAL') throw thrown;
    note(`The package index was not asked for newer releases: ${printable(message, 256)} (${code})`);
    return undefined;
  }
}
