// Releases that their publisher has withdrawn (PEP 592). Two who may know are asked: the index, before anything is downloaded, and pip, which says
// of an exact version that it was withdrawn and installs it all the same.
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import type { PythonIndex } from '../feeds/index.ts';
import type { RuntimePin } from './pin-types.ts';

export interface YankedPolicy {
  /** Why a withdrawn release is wanted all the same; without it one is refused. 1 to 300 characters. */
  readonly allowYanked?: string | undefined;
  /** A withdrawn release was let through: its publisher's reason, and ours. */
  readonly onYanked?: ((reason: string, allowed: string) => void) | undefined;
}

const noReason = 'no reason given';

/** Why the index says that this wheel was withdrawn; undefined when it does not, and where nobody can be asked (then pip's word is left). */
export async function yankedReason(
  pin: Pick<RuntimePin, 'package' | 'version' | 'wheel'>,
  index: PythonIndex | undefined,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (index === undefined) return undefined;
  try {
    const releases = await index.listReleases(pin.package, { signal });
    const release = releases.find(({ version }) => version === pin.version);
    const yanked = release?.files.find(({ name }) => name === pin.wheel)?.yanked ?? release?.yanked;
    return yanked === true ? noReason : yanked;
  } catch (thrown) {
    if (isAirlockError(thrown) && thrown.code === 'FEED_UNAVAILABLE') return undefined;
    throw thrown;
  }
}

/** What pip said on its error output about a withdrawn release; undefined when it said nothing. */
export function yankedByPip(stderr: string): string | undefined {
  const lines = stderr.split(/[\r\n]+/);
  const at = lines.findIndex((line) => line.includes('The candidate selected for download or install is a yanked version'));
  if (at === -1) return undefined;
  const prefix = 'Reason for being yanked: ';
  const line = lines.slice(at, at + 5).find((text) => text.includes(prefix));
  const reason = line?.slice(line.indexOf(prefix) + prefix.length).trim() ?? '';
  return reason === '' || reason === '<none given>' ? noReason : printable(reason, 300);
}

/** @throws RUNTIME_YANKED unless a reason to take it was given, now or in the file of pins */
export function checkYanked(
  pin: Pick<RuntimePin, 'package' | 'version' | 'yanked'>,
  reason: string | undefined,
  policy: YankedPolicy,
): void {
  if (reason === undefined) return;
  const allowed = policy.allowYanked ?? pin.yanked?.allowed;
  if (allowed === undefined) {
    throw new AirlockError('RUNTIME_YANKED', {
      message: `${pin.package} ${pin.version} was withdrawn by its publisher: ${printable(reason, 300)}. Take another version, or say --allow-yanked with a reason`,
    });
  }
  policy.onYanked?.(printable(reason, 300), printable(allowed, 300));
}
