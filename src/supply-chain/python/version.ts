// Versions of Python packages as PEP 440 defines them: read strictly, normalised and ordered. A text that is no version is undefined, never a guess:
// a version that sorts wrongly would call a vulnerable TensorFlow a fixed one.

/** Longest text that is read; the longest version on any index is far shorter. */
const maxLength = 128;
/** Release numbers in one version. */
const maxReleaseParts = 16;

export interface PythonVersion {
  readonly epoch: number;
  readonly release: readonly number[];
  readonly pre?: { readonly kind: 'a' | 'b' | 'rc'; readonly number: number };
  readonly post?: number;
  readonly dev?: number;
  /** Segments of the local label (`+nv24.1`), lower case: such a build cannot be uploaded to the public index. */
  readonly local?: readonly (string | number)[];
}

// Appendix B of PEP 440, cut so that no two parts can match the same character: there is nothing to backtrack into.
const shape =
  /^v?(?:(\d{1,9})!)?(\d{1,9}(?:\.\d{1,9}){0,15})(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d{0,9}))?(?:-(\d{1,9})|[-_.]?(post|rev|r)[-_.]?(\d{0,9}))?(?:[-_.]?(dev)[-_.]?(\d{0,9}))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;

const preKinds: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  alpha: 'a',
  a: 'a',
  beta: 'b',
  b: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
};

/** Undefined when `text` is not a version of PEP 440. Spaces around it are allowed, as the PEP says. */
export function parseVersion(text: string): PythonVersion | undefined {
  if (text.length > maxLength) return undefined;
  const match = shape.exec(text.trim().toLowerCase());
  if (match === null) return undefined;
  const [, epoch, release, preKind, preNumber, barePost, postWord, postNumber, dev, devNumber, local] = match;
  const numbers = release.split('.').map(Number);
  if (numbers.length > maxReleaseParts) return undefined;
  const post = barePost ?? (postWord === undefined ? undefined : postNumber || '0');
  return {
    epoch: Number(epoch ?? 0),
    release: numbers,
    ...(preKind === undefined ? {} : { pre: { kind: preKinds[preKind], number: Number(preNumber || 0) } }),
    ...(post === undefined ? {} : { post: Number(post) }),
    ...(dev === undefined ? {} : { dev: Number(devNumber || 0) }),
    ...(local === undefined
      ? {}
      : { local: local.split(/[-_.]/).map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : part)) }),
  };
}

/** The normal form of PEP 440, with the local label where there is one. */
export function versionText(version: PythonVersion): string {
  const { epoch, release, pre, post, dev, local } = version;
  const parts = [epoch === 0 ? '' : `${epoch}!`, release.join('.')];
  if (pre !== undefined) parts.push(`${pre.kind}${pre.number}`);
  if (post !== undefined) parts.push(`.post${post}`);
  if (dev !== undefined) parts.push(`.dev${dev}`);
  if (local !== undefined) parts.push(`+${local.join('.')}`);
  return parts.join('');
}

/** A release candidate, an alpha, a beta or a development release: what pip installs only when asked for. */
export function isPrerelease({ pre, dev }: PythonVersion): boolean {
  return pre !== undefined || dev !== undefined;
}

/** Below 0 when `a` is older. Local labels count, numbers above words, longer above its own prefix. */
export function compareVersions(a: PythonVersion, b: PythonVersion): number {
  return comparePublic(a, b) || compareLocal(a.local, b.local);
}

/** The same without local labels. */
export function comparePublic(a: PythonVersion, b: PythonVersion): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  const length = Math.max(a.release.length, b.release.length);
  for (let at = 0; at < length; at++) {
    const difference = (a.release[at] ?? 0) - (b.release[at] ?? 0);
    if (difference !== 0) return difference;
  }
  const [left, right] = [suffixOf(a), suffixOf(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at === -1 ? 0 : left[at] < right[at] ? -1 : 1;
}

const preRank = { a: 0, b: 1, rc: 2 } as const;

/** `.devN` of a release comes before its first alpha, a release without a suffix after its last candidate. */
function suffixOf({ pre, post, dev }: PythonVersion): readonly number[] {
  const last = Number.POSITIVE_INFINITY;
  const preKey = pre !== undefined ? [preRank[pre.kind], pre.number] : dev !== undefined && post === undefined ? [-1, 0] : [3, 0];
  return [...preKey, post ?? -1, dev ?? last];
}

function compareLocal(a: PythonVersion['local'], b: PythonVersion['local']): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [left, right] = [a[at], b[at]];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (left === right) continue;
    if (typeof left !== typeof right) return typeof left === 'number' ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return 0;
}
