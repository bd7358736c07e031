// Recognises strings that are all built alike (dates, article numbers, codes) and writes what they have in common as a pattern in RE2's
// syntax. Runs of digits and letters are counted, everything else stands for itself. Text of any other kind makes too many shapes within
// a few lines, and costs nothing from then on.
import { patternMistake } from '../../contract/index.ts';

/** Shapes that are told apart before it is given up. */
const maxShapes = 64;
const maxRuns = 24;
const maxChars = 200;
/** In a pattern; more would be a list, not a rule. */
const maxAlternatives = 4;
const minValues = 100;
const maxRepeat = 200;
const maxPatternChars = 600;

interface Run {
  /** A class of RE2, or one literal character. */
  readonly text: string;
  readonly isClass: boolean;
  min: number;
  max: number;
}

interface Shape {
  readonly runs: readonly Run[];
  count: number;
}

export interface ShapePattern {
  /** Absent when no contract can hold it. */
  readonly pattern?: string;
  /** Why there is no pattern. */
  readonly mistake?: string;
  /** The share of the values that it matches, above 0.999. */
  readonly share: number;
}

export class TokenShapes {
  #shapes: Map<string, Shape> | undefined = new Map();
  #values = 0;

  get isCounting(): boolean {
    return this.#shapes !== undefined;
  }

  giveUp(): void {
    this.#shapes = undefined;
  }

  add(text: string): void {
    const shapes = this.#shapes;
    if (shapes === undefined) return;
    this.#values++;
    const runs = runsOf(text);
    const key = runs?.map((run) => (run.isClass ? `\0${run.text}` : run.text)).join('');
    if (runs === undefined || key === undefined) {
      this.#shapes = undefined;
      return;
    }
    const shape = shapes.get(key);
    if (shape === undefined) {
      if (shapes.size === maxShapes) this.#shapes = undefined;
      else shapes.set(key, { runs, count: 1 });
      return;
    }
    shape.count++;
    for (const [index, run] of shape.runs.entries()) {
      run.min = Math.min(run.min, runs[index].min);
      run.max = Math.max(run.max, runs[index].max);
    }
  }

  /**
   * The pattern of the most common shapes when few of them make up 99.9 % of at least 100 values. A run that always had one length keeps
   * it; another may be `margin` of its spread longer.
   */
  pattern(margin: number): ShapePattern | undefined {
    if (this.#shapes === undefined || this.#values < minValues) return undefined;
    const ordered = [...this.#shapes].sort(([keyA, a], [keyB, b]) => b.count - a.count || (keyA < keyB ? -1 : 1));
    let matched = 0;
    const taken: string[] = [];
    for (const [, { runs, count }] of ordered) {
      if (matched === this.#values) break;
      if (taken.length === maxAlternatives) break;
      matched += count;
      taken.push(runs.map((run) => patternOf(run, margin)).join(''));
    }
    const share = matched / this.#values;
    const pattern = taken.length === 1 ? taken[0] : taken.map((part) => `(?:${part})`).join('|');
    const isPlain = taken.every((part) => part !== '') && pattern.length <= maxPatternChars;
    // One shape of letters alone says nothing: names and words have it too, and the next one has a hyphen.
    const isTelling = ordered.every(([, { runs }]) => runs.some(({ isClass, text }) => !isClass || text === '[0-9]'));
    if (share < 0.999 || !isPlain || !isTelling) return undefined;
    // Four shapes of long runs are few characters and thousands of instructions.
    const mistake = patternMistake(pattern);
    return mistake === undefined ? { pattern, share } : { mistake, share };
  }
}

function patternOf({ text, isClass, min, max }: Run, margin: number): string {
  const most = min === max ? max : Math.min(maxRepeat, Math.max(max, Math.ceil(max + margin * (max - min))));
  const atom = isClass ? text : text.replace(/[\\^$.|?*+()[\]{}]/, '\\$&');
  if (min === 1 && most === 1) return atom;
  return min === most ? `${atom}{${min}}` : `${atom}{${min},${most}}`;
}

/** Undefined when the text is too long to be a code. */
function runsOf(text: string): Run[] | undefined {
  if (text.length > maxChars) return undefined;
  const runs: Run[] = [];
  for (const character of text) {
    const kind = classOf(character);
    const last = runs.at(-1);
    if (last !== undefined && last.text === (kind ?? character)) {
      last.min++;
      last.max++;
      continue;
    }
    if (runs.length === maxRuns) return undefined;
    runs.push({ text: kind ?? character, isClass: kind !== undefined, min: 1, max: 1 });
  }
  return runs;
}

function classOf(character: string): string | undefined {
  if (character >= '0' && character <= '9') return '[0-9]';
  if (character >= 'a' && character <= 'z') return '[a-z]';
  if (character >= 'A' && character <= 'Z') return '[A-Z]';
  return character > '\x7f' && /\p{L}/u.test(character) ? '\\p{L}' : undefined;
}
