// Names that look like TensorFlow's or Keras's and are not: a letter more or less, another separator, a digit or a foreign letter in place of
// one, or a plausible ending. Whoever registers such a name waits for somebody's typing mistake (typosquatting).
import { normalizedName } from '../python/index.ts';
import { packageTable } from './package-table.ts';

/** Names that are worth imitating. */
const targets = ['tensorflow', 'tensorflow-cpu', 'tensorflow-gpu', 'tf-nightly', 'keras', 'tf-keras', 'tensorboard'] as const;

/** Foreign letters and digits that are drawn like a Latin letter; NFKD has taken accents and full-width forms away before. */
const drawnAlike: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'l',
  3: 'e',
  5: 's',
  а: 'a',
  ɑ: 'a',
  α: 'a',
  с: 'c',
  ϲ: 'c',
  ԁ: 'd',
  е: 'e',
  ҽ: 'e',
  ɡ: 'g',
  һ: 'h',
  і: 'i',
  ı: 'i',
  к: 'k',
  κ: 'k',
  ӏ: 'l',
  ո: 'n',
  п: 'n',
  о: 'o',
  ο: 'o',
  օ: 'o',
  р: 'p',
  ρ: 'p',
  г: 'r',
  ѕ: 's',
  ꜱ: 's',
  т: 't',
  τ: 't',
  υ: 'u',
  ν: 'v',
  ѵ: 'v',
  ѡ: 'w',
  ԝ: 'w',
  ω: 'w',
};

/** Words that make a plausible name out of a real one and mean nothing; each is a name that nobody needs. */
const fillers: ReadonlySet<string> = new Set([
  '1', '2', '3', 'v2', 'v3', 'py', 'py3', 'python', 'python3', 'lib', 'libs', 'library', 'core', 'official', 'latest', 'stable', 'release', 'pkg',
  'package', 'install', 'installer', 'new', 'ai', 'ml', 'pro', 'plus', 'full', 'dev', 'beta', 'tensorflow', 'tf', 'keras', 'cuda', 'x',
]); // biome-ignore format: a list of words

/**
 * The name that `name` imitates, or undefined. Known names (package-table.ts) imitate nobody. Names that only begin with tensorflow- or keras- and
 * go on with a word of their own are somebody's own packages, not imitations.
 */
export function lookAlikeOf(name: string): string | undefined {
  if (name.length > 64) return undefined;
  const normalized = normalizedName(name);
  if (packageTable.has(normalized)) return undefined;
  const plain = folded(normalized);
  for (const target of targets) {
    if (squashed(plain) === squashed(target)) return target;
  }
  let [closest, best] = [undefined as string | undefined, Number.POSITIVE_INFINITY];
  for (const target of targets) {
    const real = squashed(target);
    // A short name has many honest neighbours: only one edit, and never the first letter.
    const allowed = real.length >= 10 ? 2 : 1;
    if (real.length < 10 && plain[0] !== target[0]) continue;
    if (Math.abs(squashed(plain).length - real.length) > allowed) continue;
    const distance = editDistance(squashed(plain), real);
    if (distance <= allowed && distance < best) [closest, best] = [target, distance];
  }
  if (closest !== undefined) return closest;
  return padded(plain);
}

/** `python-tensorflow`, `keras-tensorflow`, `tensorflow2`: a real name and fillers only. */
function padded(plain: string): string | undefined {
  for (const target of ['tensorflow', 'keras'] as const) {
    const at = plain.indexOf(target);
    if (at === -1) continue;
    const others = `${plain.slice(0, at)}-${plain.slice(at + target.length)}`.split('-').filter((word) => word !== '');
    if (others.length > 0 && others.every((word) => fillers.has(word))) return target;
  }
  return undefined;
}

function folded(name: string): string {
  const letters = Array.from(name.normalize('NFKD').replace(/\p{M}/gu, ''));
  // A digit at the end (tensorflow2) is a number, one between letters a disguise.
  return letters
    .map((letter, at) => (/\d/.test(letter) && !/[\p{L}]/u.test(letters[at + 1] ?? '') ? letter : (drawnAlike[letter] ?? letter)))
    .join('')
    .replaceAll('vv', 'w')
    .replaceAll('rn', 'm');
}

function squashed(name: string): string {
  return name.replaceAll('-', '');
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); both are short. */
function editDistance(a: string, b: string): number {
  let [older, previous] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        best = Math.min(best, older[column - 2] + 1);
      current.push(best);
    }
    [older, previous] = [previous, current];
  }
  return previous[b.length];
}
