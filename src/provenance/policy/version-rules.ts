// What the record of served versions says about one more. A signature never expires by itself: an old version with a known weakness stays validly
// signed, and whoever can delete the newest folder would bring it back. Decides only; the record itself is kept by version-ledger.ts.
import type { VersionPolicy } from '../../config/index.ts';

/** The identity of the content of each version of one model that was served. */
export type ServedVersions = ReadonlyMap<bigint, string>;

export interface VersionQuestion {
  readonly version: bigint;
  /** Of its content. */
  readonly identity: string;
  readonly versions: VersionPolicy;
}

export interface VersionRefusal {
  readonly code: 'TRUST_REFUSED' | 'MODEL_ROLLBACK';
  readonly expected: string;
  readonly got: string;
}

/**
 * Undefined when the version may be served.
 *
 * - A version that was served keeps its content for ever, whichever versions the model's configuration asks for.
 * - `latest` with a count of k: nothing below the k highest that were served, or below the lowest where fewer were. A first start judges all
 *   that it finds before one of them is recorded; an older one that comes later would be a way back.
 * - `specific` and `all`: the operator asks for old versions too.
 */
export function checkVersion(served: ServedVersions, question: VersionQuestion): VersionRefusal | undefined {
  const { version, identity, versions } = question;
  const known = served.get(version);
  if (known !== undefined && known !== identity) {
    const expected = `the content ${known.slice(0, 12)}, which version ${version} had when it was served`;
    return { code: 'TRUST_REFUSED', expected, got: identity.slice(0, 12) };
  }
  if (versions.kind !== 'latest') return undefined;
  const lowest = lowestAllowed(served, versions.count);
  if (version >= lowest) return undefined;
  return {
    code: 'MODEL_ROLLBACK',
    expected: `version ${lowest} or a newer one, because it was served before`,
    got: String(version),
  };
}

function lowestAllowed(served: ServedVersions, count: number): bigint {
  const newest = newestFirst(served.keys()).slice(0, count);
  return newest.length === 0 ? 0n : newest[newest.length - 1];
}

/** Sorted, the highest first; none may be there twice. */
export function newestFirst(versions: Iterable<bigint>): bigint[] {
  return [...versions].sort((a, b) => (a < b ? 1 : -1));
}
