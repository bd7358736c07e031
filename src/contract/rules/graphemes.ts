// Counts and cuts text by graphemes, the characters as people count them (UAX #29). Intl.Segmenter knows the rules, but takes about a
// microsecond per code point and more the longer its text is; so it only ever sees the stretches in which characters may join, in
// windows. The text is well-formed UTF-8.
import { byteClasses, codePointClass, textClass } from './text-classes.ts';
import { codePointAt, utf8Length, utf8Text } from './utf8.ts';

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** UTF-16 units that the segmenter is given at once. A grapheme that fills the window makes the next one twice as long. */
const windowUnits = 256;

/** Code points of one grapheme. UAX #15 (Stream-Safe Text Format) allows 30 marks after a character; more are made to harm. */
export const maxCodePointsPerGrapheme = 32;

/** Is given where a grapheme ends, in bytes; `false` stops the walk. */
type Visit = (end: number) => boolean;

/** Visits the end of each grapheme of bytes[start … end], from the left. */
export function walkGraphemes(bytes: Uint8Array, start: number, end: number, visit: Visit): void {
  let at = start;
  /** Where the stretch of joining characters begins that is open; -1: none is. It includes the character before the first of them. */
  let stretch = -1;
  /** Where the last character begins that stands alone; it ends a grapheme only once its neighbour is known not to join it. */
  let pending = -1;
  while (at < end) {
    const codePoint = codePointAt(bytes, at, end);
    const bits = codePoint < 0x80 ? byteClasses[codePoint] : codePointClass(codePoint);
    const next = at + utf8Length(codePoint);
    if ((bits & textClass.joining) !== 0) {
      if (stretch < 0) stretch = pending < 0 ? at : pending;
      pending = -1;
    } else if (stretch < 0) {
      if (pending >= 0 && !visit(at)) return;
      pending = at;
    } else if (pending < 0) {
      pending = at;
    } else {
      // Two in a row that stand alone: there is a boundary between them, whatever comes before and after.
      if (!walkStretch(bytes, stretch, at, visit)) return;
      stretch = -1;
      pending = at;
    }
    at = next;
  }
  if (stretch >= 0) walkStretch(bytes, stretch, end, visit);
  else if (pending >= 0) visit(end);
}

/** Begins and ends at a boundary. False when `visit` stopped it. */
function walkStretch(bytes: Uint8Array, start: number, end: number, visit: Visit): boolean {
  const text = utf8Text(bytes, start, end);
  let at = start;
  let from = 0;
  let size = windowUnits;
  while (from < text.length) {
    const window = text.slice(from, from + size);
    const isLast = from + size >= text.length;
    let used = 0;
    for (const { segment } of segmenter.segment(window)) {
      // What touches the end of the window may go on behind it.
      if (!isLast && used + segment.length >= window.length) break;
      used += segment.length;
      at += Buffer.byteLength(segment);
      if (!visit(at)) return false;
    }
    from += used;
    size = used === 0 ? size * 2 : windowUnits;
  }
  return true;
}

/** Graphemes of bytes[start … end]; the count stops when it passes `limit`. */
export function countGraphemes(bytes: Uint8Array, start: number, end: number, limit = Number.POSITIVE_INFINITY): number {
  let count = 0;
  walkGraphemes(bytes, start, end, () => ++count <= limit);
  return count;
}

/** What one may keep of a string: so many bytes, code points or graphemes. */
export interface CutLimit {
  readonly unit: 'bytes' | 'codePoints' | 'graphemes';
  readonly limit: number;
}

/**
 * The part of bytes[start … end] that fits, as [start, end]; `side` is the side that goes. Never splits a grapheme, so the result may be
 * shorter than the limit, or empty.
 */
export function cutText(
  bytes: Uint8Array,
  start: number,
  end: number,
  { unit, limit }: CutLimit,
  side: 'left' | 'right',
): readonly [start: number, end: number] {
  let from = start;
  let size = 0;
  const sizeOf = (graphemeEnd: number): number => {
    if (unit === 'graphemes') return 1;
    return unit === 'bytes' ? graphemeEnd - from : countCodePoints(bytes, from, graphemeEnd);
  };
  if (side === 'right') {
    walkGraphemes(bytes, start, end, (graphemeEnd) => {
      size += sizeOf(graphemeEnd);
      if (size > limit) return false;
      from = graphemeEnd;
      return true;
    });
    return [start, from];
  }
  // From the left, because boundaries depend on what stands before; the graphemes that still fit are a window that moves along.
  let total = 0;
  walkGraphemes(bytes, start, end, (graphemeEnd) => {
    total += sizeOf(graphemeEnd);
    from = graphemeEnd;
    return true;
  });
  const excess = total - limit;
  from = start;
  let keptFrom = start;
  if (excess > 0) {
    walkGraphemes(bytes, start, end, (graphemeEnd) => {
      size += sizeOf(graphemeEnd);
      from = graphemeEnd;
      keptFrom = graphemeEnd;
      return size < excess;
    });
  }
  return [keptFrom, end];
}

function countCodePoints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if ((bytes[at] & 0xc0) !== 0x80) count++;
  return count;
}
