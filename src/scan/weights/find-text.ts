// Text among bytes that should be numbers. Runs of printable bytes are found by looking at blocks of sixteen; what a run is, is
// decided on the run. Quantised weights have long printable runs by chance, so a run alone says nothing there: letters, spaces
// and words do.

/** Space to tilde, tab, line feed and carriage return. */
const printable: Uint8Array = new Uint8Array(256).map((_, byte) =>
  (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13 ? 1 : 0,
);

export interface TextRun {
  readonly start: number;
  readonly end: number;
}

const blockBytes = 16;
/** A run of this length has a whole block in it, wherever it begins. */
export const minRunBytes: number = 2 * blockBytes;

function isPrintableBlock(bytes: Buffer, at: number): boolean {
  for (let place = at; place < at + blockBytes; place++) if (printable[bytes[place]] === 0) return false;
  return true;
}

/**
 * Runs of at least `minBytes` printable bytes: 32 or more, and twice `strideBytes` (a multiple of 16, default 16), which makes it
 * as much faster.
 */
export function* textRuns(bytes: Buffer, minBytes: number, strideBytes = blockBytes): Generator<TextRun> {
  const last = bytes.length - blockBytes;
  for (let at = 0; at <= last; at += strideBytes) {
    // Without a branch for each: that any of them is printable is a coin toss, that all are is rare.
    const four = printable[bytes[at]] & printable[bytes[at + 4]] & printable[bytes[at + 8]] & printable[bytes[at + 12]];
    if (four === 0 || !isPrintableBlock(bytes, at)) continue;
    // A whole block before this one would have been found first.
    let start = at;
    while (start > 0 && printable[bytes[start - 1]] === 1) start--;
    let end = at + blockBytes;
    while (end < bytes.length && printable[bytes[end]] === 1) end++;
    if (end - start >= minBytes) yield { start, end };
    // What ends the run is in no block of it.
    at += Math.floor((end - 1 - at) / strideBytes) * strideBytes;
  }
}

/** What programs and their loaders are written with; one of them in a run that is no number is enough, in strings two are. */
const codeSigns: readonly RegExp[] = [
  /\bimport (?:os|sys|subprocess|socket|base64|ctypes|shutil|requests|urllib|pickle|marshal)\b/,
  /\b(?:os\.system|os\.popen|subprocess\.(?:Popen|run|call|check_output)|exec|eval|__import__)\s?\(/,
  /\b(?:curl|wget) (?:-[A-Za-z]+ )*['"]?(?:https?|ftp):\/\//,
  /\/dev\/(?:tcp|udp)\/|\b(?:ba|z|k|da)?sh -[ic] |\bnc -[a-z]*e\b|\bmkfifo \//,
  /\bpowershell(?:\.exe)? -|\bcmd\.exe\b|\bInvoke-Expression\b|\bCreateObject\(/i,
  /^#! ?\/(?:usr\/|bin\/)|\n#! ?\/(?:usr\/|bin\/)/,
  /c(?:os|posix|nt|subprocess|builtins|__builtin__)\n(?:system|popen|Popen|exec|eval|__import__|getattr|open)\n/,
  /<script\b|\bdocument\.write\(/i,
  /\b(?:chmod \+x|crontab -|authorized_keys|\/etc\/(?:passwd|shadow|cron))/,
];

const maxJudgedBytes = 64 * 1024;

export interface TextVerdict {
  /** How many different signs of code it has. */
  readonly codeSigns: number;
  /** Mostly letters, with spaces or line ends between them, of many kinds: written by somebody. */
  readonly isProse: boolean;
  readonly sample: string;
}

export function judgeText(bytes: Buffer, run: TextRun): TextVerdict {
  const text = bytes.toString('latin1', run.start, Math.min(run.end, run.start + maxJudgedBytes));
  const signs = codeSigns.filter((sign) => sign.test(text)).length;
  let letters = 0;
  let spaces = 0;
  let lower = 0;
  const kinds = new Set<number>();
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    kinds.add(code);
    const isLower = code >= 97 && code <= 122;
    if (isLower) lower++;
    if (isLower || (code >= 65 && code <= 90)) letters++;
    else if (code === 32 || code === 10) spaces++;
  }
  const share = spaces / text.length;
  const isProse = letters / text.length > 0.6 && lower > letters / 2 && share > 0.05 && share < 0.35 && kinds.size >= 15;
  return { codeSigns: signs, isProse, sample: text.slice(0, 60) };
}
