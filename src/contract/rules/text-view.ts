// One string while its rules are looked at: its bytes, what the scan found, and what is only made when a rule asks for it.
import { countGraphemes } from './graphemes.ts';
import { textClass } from './text-classes.ts';
import { TextScan } from './text-scan.ts';
import { utf8Text } from './utf8.ts';

export class TextView {
  /** As they came. */
  readonly rawBytes: Uint8Array;
  /** Well-formed UTF-8: the same bytes, or a copy in which U+FFFD stands for what is not. */
  readonly bytes: Uint8Array;
  /** What was found in the raw bytes. */
  readonly invalidAt: number;
  readonly notAsciiAt: number;
  /** Of `bytes`. */
  readonly codePoints: number;
  readonly classes: number;
  readonly maxCodePoint: number;
  readonly longestMarkRun: number;
  #text: string | undefined;

  /** `isText`: false leaves the bytes unread. */
  constructor(rawBytes: Uint8Array, isText: boolean) {
    this.rawBytes = rawBytes;
    const scan = new TextScan();
    if (isText) scan.scan(rawBytes, 0, rawBytes.length);
    this.invalidAt = scan.invalidAt;
    this.notAsciiAt = scan.notAsciiAt;
    if (scan.invalidAt < 0) {
      this.bytes = rawBytes;
    } else {
      // The other rules still have their say: when the rule of the encoding only watches, what follows a bad byte must not hide.
      this.bytes = Buffer.from(utf8Text(rawBytes, 0, rawBytes.length));
      scan.scan(this.bytes, 0, this.bytes.length);
    }
    this.codePoints = scan.codePoints;
    this.classes = scan.classes;
    this.maxCodePoint = scan.maxCodePoint;
    this.longestMarkRun = scan.longestMarkRun;
  }

  get text(): string {
    this.#text ??= utf8Text(this.bytes, 0, this.bytes.length);
    return this.#text;
  }

  /** Graphemes; the count stops when it passes `limit`. */
  graphemes(limit: number): number {
    if ((this.classes & textClass.joining) === 0) return this.codePoints;
    return countGraphemes(this.bytes, 0, this.bytes.length, limit);
  }
}
