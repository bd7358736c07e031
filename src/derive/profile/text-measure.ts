// What the strings of one input are: lengths in bytes, code points and characters as people count them, which kinds of characters occur,
// how they are built, and which there are. Strings are looked at as bytes and made JavaScript strings only while something needs it.
import { countGraphemes, findInvisible, TextScan, textClass } from '../../contract/index.ts';
import { DistinctValues } from './distinct-values.ts';
import { QuantileDigest } from './quantile-digest.ts';
import { TokenShapes } from './token-shapes.ts';

/** Longer strings are documents; they are never words of a vocabulary. */
const maxWordBytes = 256;

export class TextMeasure {
  count = 0;
  invalid = 0;
  notAscii = 0;
  notNfc = 0;
  controls = 0;
  bidiControls = 0;
  invisibles = 0;
  readonly bytes = new Lengths();
  readonly codePoints = new Lengths();
  readonly graphemes = new Lengths();
  readonly distinct: DistinctValues<string>;
  readonly shapes = new TokenShapes();
  readonly #scan = new TextScan();

  constructor(maxDistinct?: number) {
    this.distinct = new DistinctValues(maxDistinct);
  }

  /** The string bytes[start … end]. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.count++;
    this.bytes.add(end - start);
    const scan = this.#scan.scan(bytes, start, end);
    if (scan.invalidAt >= 0) {
      this.invalid++;
      this.distinct.giveUp();
      this.shapes.giveUp();
      return;
    }
    const isAscii = scan.notAsciiAt < 0;
    this.codePoints.add(scan.codePoints);
    // Only a carriage return before a newline joins in ASCII; counting it as two gives a bound that is no tighter.
    this.graphemes.add(isAscii ? scan.codePoints : countGraphemes(bytes, start, end));
    if ((scan.classes & textClass.control) !== 0) this.controls++;
    if ((scan.classes & textClass.bidi) !== 0) this.bidiControls++;
    if (!isAscii) this.notAscii++;
    const isWord = end - start <= maxWordBytes;
    if (!isWord) this.distinct.giveUp();
    if (isAscii && !this.distinct.isCounting && !this.shapes.isCounting) return;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
    if (!isAscii && text.normalize('NFC') !== text) this.notNfc++;
    if ((scan.classes & textClass.invisible) !== 0 && findInvisible(text) >= 0) this.invisibles++;
    this.distinct.add(text);
    this.shapes.add(text);
  }
}

/** Extremes and quantiles of lengths. */
export class Lengths {
  min = Number.POSITIVE_INFINITY;
  max = 0;
  readonly digest = new QuantileDigest();

  add(length: number): void {
    if (length < this.min) this.min = length;
    if (length > this.max) this.max = length;
    this.digest.add(length);
  }

  get count(): number {
    return this.digest.count;
  }
}
