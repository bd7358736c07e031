// Versions of TensorFlow and Keras, ordered as PEP 440 orders them, and ranges of them. What cannot be read is affected, never left out.

/** Introduced and last affected are affected, fixed is not. */
export interface VersionRange {
  readonly introduced: string;
  readonly fixed?: string;
  readonly lastAffected?: string;
}

/** As OSV lists them, each with one key. */
export interface RangeEvent {
  readonly kind: 'introduced' | 'fixed' | 'lastAffected';
  readonly version: string;
}

/** In PEP 440's order: a release has a phase of its own. */
const phases: readonly string[] = ['dev', 'a', 'b', 'rc', '', 'post'];

/** A few hundred versions are compared over and over. */
const maxKept = 4096;
const kept = new Map<string, readonly number[] | undefined>();

function partsOf(version: string): readonly number[] | undefined {
  // What is longer than any version must not be kept either.
  if (version.length > 64) return undefined;
  if (kept.has(version)) return kept.get(version);
  const parts = parse(version);
  if (kept.size >= maxKept) kept.clear();
  kept.set(version, parts);
  return parts;
}

/** Release numbers, phase and its number. Undefined when it is not a version, or has a local part. */
function parse(version: string): readonly number[] | undefined {
  const [, release, phase, number] =
    /^v?(\d{1,6}(?:\.\d{1,6}){0,3})(?:[-._]?(dev|a|alpha|b|beta|c|rc|post)[-._]?(\d{1,9})?)?$/.exec(version) ?? [];
  if (release === undefined) return undefined;
  const numbers = release.split('.').map(Number);
  while (numbers.length < 4) numbers.push(0);
  const short = phase === 'alpha' ? 'a' : phase === 'beta' ? 'b' : phase === 'c' ? 'rc' : (phase ?? '');
  return [...numbers, phases.indexOf(short), Number(number ?? 0)];
}

/** Below 0 when `a` is older. Undefined when one is not a version. */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === undefined || right === undefined) return undefined;
  const index = left.findIndex((part, at) => part !== right[at]);
  return index === -1 ? 0 : left[index] < right[index] ? -1 : 1;
}

/** Fails closed: a version or bound that cannot be read is affected. */
export function isAffected(version: string, ranges: readonly VersionRange[]): boolean {
  return ranges.some(({ introduced, fixed, lastAffected }) => {
    if ((compareVersions(version, introduced) ?? 0) < 0) return false;
    if (fixed !== undefined && (compareVersions(version, fixed) ?? -1) >= 0) return false;
    return lastAffected === undefined || (compareVersions(version, lastAffected) ?? 0) <= 0;
  });
}

/**
 * The ranges of one timeline of events, whatever order they come in (OSV schema, "Evaluation"). A bound that cannot be read stretches its range: an
 * unreadable start is 0, an unreadable end is none.
 */
export function rangesOfEvents(events: readonly RangeEvent[]): VersionRange[] {
  const readable = events.flatMap((event): RangeEvent[] => {
    if (compareVersions(event.version, '0') !== undefined) return [event];
    return event.kind === 'introduced' ? [{ kind: 'introduced', version: '0' }] : [];
  });
  const ranks = { fixed: 0, introduced: 1, lastAffected: 2 } as const;
  // At one version: fixed and introduced again is introduced; introduced and last affected is that version alone.
  const sorted = readable.sort((a, b) => (compareVersions(a.version, b.version) ?? 0) || ranks[a.kind] - ranks[b.kind]);
  const ranges: VersionRange[] = [];
  let introduced: string | undefined;
  for (const { kind, version } of sorted) {
    if (kind === 'introduced') introduced ??= version;
    else if (introduced !== undefined) {
      ranges.push({ introduced, [kind]: version });
      introduced = undefined;
    }
  }
  if (introduced !== undefined) ranges.push({ introduced });
  return ranges;
}
