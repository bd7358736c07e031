// setup.py and noxfile.py: literal lists only. They are programs, and they are not run; a list that is computed is a gap.
import { readWords, requirementUse } from '../shell/index.ts';
import type { Fact, ProjectFile } from '../supply-chain-types.ts';

interface Literal {
  readonly text: string;
  readonly line: number;
  /** A colon follows: a key of a dictionary. */
  readonly isKey: boolean;
}

interface Bracketed {
  readonly literals: readonly Literal[];
  /** Nothing but texts, brackets, commas, colons and `+`. */
  readonly isLiteral: boolean;
}

const keyword = /\b(install_requires|extras_require|tests_require|setup_requires)\s*=(?!=)\s*/g;
const maxBytes = 1024 * 1024;

export function readSetupPy({ file, text }: ProjectFile): Fact[] {
  if (text.length > maxBytes) return [{ kind: 'gap', place: { file, line: 1 }, reason: 'it is too long for a setup.py' }];
  const lineAt = lineCounter(text);
  const facts: Fact[] = [];
  const plain = withoutComments(text);
  for (const match of plain.matchAll(keyword)) {
    const at = match.index + match[0].length;
    const place = { file, line: lineAt(at) };
    const list = /[[({]/.test(plain[at] ?? '') ? bracketed(plain, at, lineAt) : undefined;
    if (list?.isLiteral !== true) {
      facts.push({ kind: 'gap', place, reason: `${match[1]} is computed by a program that is not run` });
      if (list === undefined) continue;
    }
    for (const { text: value, line, isKey } of list.literals) {
      if (isKey) continue;
      const marker = value.includes(';') ? ` ; ${value.slice(value.indexOf(';') + 1).trim()}` : '';
      const use = requirementUse(value, {
        place: { file, line },
        role: 'manifest',
        write: (name, specifier) => `${JSON.stringify(`${name}${specifier}${marker}`)},`,
      });
      if (use !== undefined) facts.push(use);
    }
  }
  return facts;
}

/** `session.install("tensorflow==2.21.0")` and `session.run("pip", "install", …)`. */
export function readNoxfile({ file, text }: ProjectFile): Fact[] {
  if (text.length > maxBytes) return [{ kind: 'gap', place: { file, line: 1 }, reason: 'it is too long for a noxfile' }];
  const lineAt = lineCounter(text);
  const plain = withoutComments(text);
  return [...plain.matchAll(/\bsession\.(install|conda_install|run)\s*\(/g)].flatMap((match): Fact[] => {
    const call = bracketed(plain, match.index + match[0].length - 1, lineAt);
    const words = call.literals.map((literal) => literal.text);
    const lead = match[1] === 'install' ? ['pip', 'install'] : match[1] === 'conda_install' ? ['conda', 'install'] : [];
    const facts = readWords([...lead, ...words], lineAt(match.index), { file });
    const isInstall = lead.length > 0 || words.includes('install');
    // `session.install("-r", name)` and f-strings: what is left out may be TensorFlow.
    if (
      isInstall &&
      !call.isLiteral &&
      /tensorflow|keras|\btf/i.test(plain.slice(match.index, match.index + 2_000).split('\n', 1)[0])
    )
      facts.push({
        kind: 'gap',
        place: { file, line: lineAt(match.index) },
        reason: 'what is installed here is computed by a program',
      });
    return facts;
  });
}

/** Literals up to the closing bracket of the one at `from`. */
function bracketed(text: string, from: number, lineAt: (at: number) => number): Bracketed {
  const literals: Literal[] = [];
  let isLiteral = true;
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const letter = text[at];
    if ('[({'.includes(letter)) depth++;
    else if ('])}'.includes(letter)) {
      if (--depth === 0) return { literals, isLiteral };
    } else if (letter === '"' || letter === "'") {
      const end = closingQuote(text, at);
      const value = text.slice(at + 1, end);
      const follows = /^\s{0,200}(.)/.exec(text.slice(end + 1, end + 202))?.[1];
      literals.push({ text: value, line: lineAt(at), isKey: follows === ':' });
      at = end;
    } else if (!/[\s,:+=\\]/.test(letter)) isLiteral = false;
  }
  return { literals, isLiteral: false };
}

function closingQuote(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[from] || text[at] === '\n') return at;
  }
  return text.length;
}

/** Comments as blanks, so that places stay. */
function withoutComments(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      let quote = '';
      for (let at = 0; at < line.length; at++) {
        const letter = line[at];
        if (letter === '\\') at++;
        else if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
        else if (letter === quote) quote = '';
        else if (letter === '#' && quote === '') return line.slice(0, at) + ' '.repeat(line.length - at);
      }
      return line;
    })
    .join('\n');
}

/** Lines of places that only grow, each letter looked at once. */
function lineCounter(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
