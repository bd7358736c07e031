// What the low bits of floats say when they are read by themselves: a payload hidden there leaves the values, and so the model,
// as they were (EvilModel replaces three of four bytes, MaleficNet single bits). It takes the usual ways to lay bytes into
// mantissas and searches each result.
import { findPayload } from './find-payload.ts';
import { judgeText, textRuns } from './find-text.ts';
import type { Payload } from './payload-types.ts';

/** Bytes of each little-endian float32, in the order in which a payload would be read. */
const lanes: readonly (readonly number[])[] = [[0], [1], [0, 1], [1, 0], [0, 1, 2], [2, 1, 0]];
/** Random bytes have so long a printable run once in 10^80 places. */
const minTextBytes = 192;

function lane(bytes: Buffer, places: readonly number[]): Buffer {
  const count = bytes.length >>> 2;
  const result = Buffer.allocUnsafe(count * places.length);
  let at = 0;
  for (let word = 0; word < count; word++) for (const place of places) result[at++] = bytes[word * 4 + place];
  return result;
}

/** The lowest bit of each float, eight to a byte. */
function bits(bytes: Buffer, highFirst: boolean): Buffer {
  const result = Buffer.alloc(bytes.length >>> 5);
  for (let at = 0; at < result.length; at++) {
    let value = 0;
    for (let bit = 0; bit < 8; bit++) value |= (bytes[(at * 8 + bit) * 4] & 1) << (highFirst ? 7 - bit : bit);
    result[at] = value;
  }
  return result;
}

function textIn(bytes: Buffer): string | undefined {
  for (const run of textRuns(bytes, minTextBytes)) {
    const verdict = judgeText(bytes, run);
    if (verdict.isProse) return verdict.sample;
  }
  return undefined;
}

/** Something in the low bits of the float32 values in `bytes`; the offset is that of the bytes. */
export function findInLowBits(bytes: Buffer): Payload | undefined {
  const ways: { name: string; hidden: Buffer }[] = lanes.map((places) => ({
    name:
      places.length === 1
        ? `byte ${places[0] + 1} of each weight`
        : `bytes ${places.map((place) => place + 1).join(', ')} of each weight`,
    hidden: lane(bytes, places),
  }));
  ways.push(
    { name: 'the lowest bit of each weight', hidden: bits(bytes, true) },
    { name: 'the lowest bit of each weight', hidden: bits(bytes, false) },
  );
  for (const { name, hidden } of ways) {
    const found = findPayload(hidden);
    if (found !== undefined && found.severity !== 'low') return { ...found, what: `${found.what} in ${name}`, offset: 0 };
    const text = textIn(hidden);
    if (text !== undefined) return { what: `text in ${name}: "${text}"`, offset: 0, severity: 'medium' };
  }
  return undefined;
}
