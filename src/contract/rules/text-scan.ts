// One pass over the bytes of a string: everything that can be decided without its neighbours or a table of another library. ASCII takes
// one table look-up per byte, all else is decoded as it goes; nothing is allocated.
import { byteClasses, codePointClass, textClass } from './text-classes.ts';
import { codePointAt, utf8Length } from './utf8.ts';

/** Reused for one string after the other; what the last `scan` found. */
export class TextScan {
  /** Offset from the string's start of the first byte that is not well-formed UTF-8; -1: all is. The rest is undefined otherwise. */
  invalidAt = -1;
  /** Offset of the first byte above 127; -1: all is ASCII. */
  notAsciiAt = -1;
  codePoints = 0;
  /** Bits of `textClass` that occur. */
  classes = 0;
  maxCodePoint = 0;
  /** Marks (category M) in a row, at most. */
  longestMarkRun = 0;

  /** Looks at bytes[start … end]. */
  scan(bytes: Uint8Array, start: number, end: number): this {
    this.invalidAt = -1;
    this.notAsciiAt = -1;
    this.codePoints = end - start;
    this.classes = byteClassesOf(bytes, start, end);
    // Good enough for its readers: they ask what lies above ASCII.
    this.maxCodePoint = 0x7f;
    this.longestMarkRun = 0;
    if ((this.classes & textClass.notAscii) !== 0) this.#decode(bytes, start, end);
    return this;
  }

  #decode(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    let codePoints = 0;
    let classes = 0;
    let maxCodePoint = 0x7f;
    let markRun = 0;
    while (at < end) {
      const codePoint = codePointAt(bytes, at, end);
      if (codePoint < 0x80) {
        if (codePoint < 0) {
          this.invalidAt = at - start;
          if (this.notAsciiAt < 0) this.notAsciiAt = this.invalidAt;
          break;
        }
        classes |= byteClasses[codePoint];
        markRun = 0;
        at++;
      } else {
        if (this.notAsciiAt < 0) this.notAsciiAt = at - start;
        const bits = codePointClass(codePoint);
        classes |= bits;
        if ((bits & textClass.mark) === 0) markRun = 0;
        else if (++markRun > this.longestMarkRun) this.longestMarkRun = markRun;
        if (codePoint > maxCodePoint) maxCodePoint = codePoint;
        at += utf8Length(codePoint);
      }
      codePoints++;
    }
    this.codePoints = codePoints;
    this.classes = classes;
    this.maxCodePoint = maxCodePoint;
  }
}

/** All bits of `byteClasses` that occur in bytes[start … end]; the hot path of every string, so four at a time. */
export function byteClassesOf(bytes: Uint8Array, start: number, end: number): number {
  let classes = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    classes |= byteClasses[bytes[at]] | byteClasses[bytes[at + 1]] | byteClasses[bytes[at + 2]] | byteClasses[bytes[at + 3]];
  }
  for (; at < end; at++) classes |= byteClasses[bytes[at]];
  return classes;
}

/** Offset from `start` of the first code point of `class`, in well-formed bytes; -1: none. For messages. */
export function findClass(bytes: Uint8Array, start: number, end: number, wanted: number): number {
  let at = start;
  while (at < end) {
    const codePoint = codePointAt(bytes, at, end);
    const bits = codePoint < 0x80 ? byteClasses[bytes[at]] : codePointClass(codePoint);
    if ((bits & wanted) !== 0) return at - start;
    at += utf8Length(codePoint);
  }
  return -1;
}
