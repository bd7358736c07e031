// Looks for programs and archives at every place of some bytes. Linear: two bytes are looked up in a table at each place, what is
// there is checked in constant time, and what takes longer is paid from a budget. It runs nothing, unpacks at most 64 KiB at a
// time, and keeps nothing.
import { gzipHead, longMagicHead, zipHead } from './archive-heads.ts';
import { judgeText, minRunBytes, textRuns } from './find-text.ts';
import { dexHead, elfHead, machHead, peHead, pycHead, shebangHead, wasmHead } from './native-heads.ts';
import { type Payload, type SearchBudget, searchBudget } from './payload-types.ts';
import { pickleHead } from './pickle-head.ts';

type Check = (bytes: Buffer, at: number, budget: SearchBudget) => Omit<Payload, 'offset'> | undefined;

function head(
  check: (bytes: Buffer, at: number, budget: SearchBudget) => string | undefined,
  severity: Payload['severity'],
): Check {
  return (bytes, at, budget) => {
    const what = check(bytes, at, budget);
    return what === undefined ? undefined : { what, severity };
  };
}

const pickle: Check = (bytes, at, budget) => {
  const found = pickleHead(bytes, at, budget);
  if (found === undefined) return undefined;
  const names = [...new Set(found.globals)].slice(0, 5).join(', ');
  return { what: `a pickle that imports ${names}`, severity: found.isDangerous ? 'high' : 'low' };
};

/** By the first two bytes. */
const checks: ReadonlyMap<string, Check> = new Map([
  ['7f45', head(elfHead, 'high')],
  ['4d5a', head(peHead, 'high')],
  ...['feed', 'cefa', 'cffa', 'cafe'].map((start) => [start, head(machHead, 'high')] as const),
  ['0061', head(wasmHead, 'high')],
  ['6465', head(dexHead, 'high')],
  ['0d0a', head(pycHead, 'high')],
  ['2321', head(shebangHead, 'high')],
  ['504b', head(zipHead, 'medium')],
  ['1f8b', head(gzipHead, 'medium')],
  ...['fd37', '377a', '5261', 'd0cf', '425a'].map((start) => [start, head(longMagicHead, 'medium')] as const),
  ...['8002', '8003', '8004', '8005'].map((start) => [start, pickle] as const),
]);

const checkOf: readonly (Check | undefined)[] = [undefined, ...checks.values()];

/** By two bytes as a little-endian number: 0, or the place of the check in `checkOf`. */
export const headTable: Uint8Array = (() => {
  const table = new Uint8Array(65536);
  for (const [index, start] of [...checks.keys()].entries()) table[Buffer.from(start, 'hex').readUInt16LE()] = index + 1;
  return table;
})();

const smallBits = 0x1fff;

/** The same by 13 bits, which fits the first cache: nonzero where `headTable` may have something. */
export const smallHeadTable: Uint8Array = (() => {
  const table = new Uint8Array(smallBits + 1);
  for (let pair = 0; pair < headTable.length; pair++) if (headTable[pair] !== 0) table[pair & smallBits] = 1;
  return table;
})();

const exhausted = 'thousands of beginnings of archives, which look like decoys';

/** What is at this place, where `headTable` has something for its first two bytes. */
export function payloadAt(bytes: Buffer, at: number, budget: SearchBudget): Payload | undefined {
  if (budget.steps <= 0) return { what: exhausted, offset: at, severity: 'medium' };
  const check = checkOf[headTable[bytes[at] | ((bytes[at + 1] ?? 0) << 8)]];
  const found = check?.(bytes, at, budget);
  return found === undefined ? undefined : { ...found, offset: at };
}

/** Enough for a line of shell or a few of Python. Windows overlap by half. */
const wordWindowBytes = 512;

/**
 * Programs as text: one sign of code in numbers; in words, which are sorted by how common they are, two different ones close
 * together.
 */
function codeInText(bytes: Buffer, isWords: boolean): Payload | undefined {
  const windowBytes = isWords ? wordWindowBytes : 64_000;
  const step = isWords ? wordWindowBytes / 2 : 60_000;
  for (const run of textRuns(bytes, minRunBytes)) {
    for (let start = run.start; start < run.end; start += step) {
      const verdict = judgeText(bytes, { start, end: Math.min(run.end, start + windowBytes) });
      if (verdict.codeSigns < (isWords ? 2 : 1)) continue;
      return { what: `a program as text: "${verdict.sample}"`, offset: start, severity: 'high' };
    }
  }
  return undefined;
}

const severityOrder = { low: 0, medium: 1, high: 2 } as const;

export interface SearchOptions {
  readonly budget?: SearchBudget;
  /**
   * The bytes are words anyway: vocabularies of models for code have `import os` and the first lines of scripts, so that only two
   * different signs of code close together are a program. Default false.
   */
  readonly isWords?: boolean;
}

/** The worst head of a program, an archive or a pickle, at every byte; none of scripts in words. */
export function findHead(bytes: Buffer, budget: SearchBudget, isWords = false): Payload | undefined {
  let worst: Payload | undefined;
  let last = bytes[0] ?? 0;
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (headTable[last | (byte << 8)] !== 0 && !(isWords && last === 0x23)) {
      const found = payloadAt(bytes, at - 1, budget);
      if (found !== undefined && (worst === undefined || severityOrder[found.severity] > severityOrder[worst.severity]))
        worst = found;
      if (worst?.severity === 'high') return worst;
    }
    last = byte;
  }
  return worst;
}

/** The worst thing in `bytes`, which should be at most some megabytes: a program, an archive, a pickle, code as text. */
export function findPayload(bytes: Buffer, options: SearchOptions = {}): Payload | undefined {
  const { budget = searchBudget(), isWords = false } = options;
  const head = findHead(bytes, budget, isWords);
  return head?.severity === 'high' ? head : (codeInText(bytes, isWords) ?? head);
}
