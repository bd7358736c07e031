// Writes JSON text straight into bytes. Numbers are the shortest decimals that read back as the same value, in the form that TensorFlow
// Serving gives them: a floating-point number always has a point or an exponent.
import { isUtf8 } from 'node:buffer';
import { bfloat16Value, halfValue, powersOfTen } from './decimal.ts';

const digit0 = 0x30;

export class JsonWriter {
  #bytes: Buffer;
  #length = 0;

  /** @param capacity bytes to begin with; grows as needed. */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, capacity));
  }

  /** What has been written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #ensure(room: number): void {
    if (this.#length + room <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + room));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  /** One ASCII character. */
  byte(code: number): void {
    this.#ensure(1);
    this.#bytes[this.#length++] = code;
  }

  /** Text that is JSON already. */
  raw(text: string): void {
    this.#ensure(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** A JSON string of `text`. */
  string(text: string): void {
    this.raw(JSON.stringify(text));
  }

  /** Bytes as `{"b64": "…"}`. */
  base64(bytes: Buffer): void {
    this.raw(`{"b64":"${bytes.toString('base64')}"}`);
  }

  /** Bytes as text; as base64 when they are not UTF-8. TensorFlow Serving writes those as they are, which no JSON parser reads. */
  text(bytes: Buffer): void {
    if (isUtf8(bytes)) this.string(bytes.toString('utf8'));
    else this.base64(bytes);
  }

  /** A float32; NaN and the infinities as bare words, which the caller has allowed. */
  float32(value: number): void {
    const size = value < 0 ? -value : value;
    if (!(size >= 1e-4 && size < 1e9)) {
      this.#rareFloat32(value);
      return;
    }
    this.#ensure(32);
    // Decimal exponent of the leading digit.
    let exponent = size >= 1 ? 0 : -1;
    if (size >= 1) while (size >= powersOfTen[exponent + 1]) exponent++;
    else while (size * powersOfTen[-exponent] < 1) exponent--;
    for (let precision = 6; precision <= 9; precision++) {
      const shift = precision - 1 - exponent;
      const digits = Math.round(shift >= 0 ? size * powersOfTen[shift] : size / powersOfTen[-shift]);
      if (Math.fround(shift >= 0 ? digits / powersOfTen[shift] : digits * powersOfTen[-shift]) === size) {
        this.#fixed(value < 0, digits, shift);
        return;
      }
    }
    this.#rareFloat32(value);
  }

  #rareFloat32(value: number): void {
    // Zero apart: toPrecision() drops the sign of -0.
    for (let precision = value === 0 ? 9 : 6; precision < 9; precision++) {
      const text = value.toPrecision(precision);
      if (Math.fround(Number(text)) === value) {
        this.float64(Number(text));
        return;
      }
    }
    this.float64(value === 0 ? value : Number(value.toPrecision(9)));
  }

  /** `digits` · 10^-`shift`, without needless zeros but with a point. */
  #fixed(negative: boolean, digits: number, shift: number): void {
    let rest = digits;
    let places = shift;
    while (places > 0 && rest % 10 === 0) {
      rest /= 10;
      places--;
    }
    if (places < 0) {
      rest *= powersOfTen[-places];
      places = 0;
    }
    if (negative) this.#bytes[this.#length++] = 0x2d;
    const scale = powersOfTen[places];
    const whole = Math.floor(rest / scale);
    this.#digits(whole, 1);
    this.#bytes[this.#length++] = 0x2e;
    if (places === 0) this.#bytes[this.#length++] = digit0;
    else this.#digits(rest - whole * scale, places);
  }

  /** The digits of a safe non-negative integer, at least `least` of them; room is there. */
  #digits(value: number, least: number): void {
    let count = 1;
    while (count < 17 && value >= powersOfTen[count]) count++;
    if (count < least) count = least;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const tenth = Math.floor(rest / 10);
      this.#bytes[at] = digit0 + (rest - tenth * 10);
      rest = tenth;
    }
    this.#length += count;
  }

  /** A float64; NaN and the infinities as bare words. */
  float64(value: number): void {
    const text = Object.is(value, -0) ? '-0' : String(value);
    this.raw(text);
    if (Number.isInteger(value) && !text.includes('e')) this.raw('.0');
  }

  /** An integer that a double holds exactly. */
  integer(value: number): void {
    this.#ensure(24);
    if (value < 0) this.#bytes[this.#length++] = 0x2d;
    this.#digits(value < 0 ? -value : value, 1);
  }

  half(raw: number): void {
    this.#narrow(halfValue(raw), 5, halfValue, raw);
  }

  bfloat16(raw: number): void {
    this.#narrow(bfloat16Value(raw), 4, bfloat16Value, raw);
  }

  /** The shortest decimal up to `most` digits that is nearer to this value than to its neighbours. */
  #narrow(value: number, most: number, widen: (raw: number) => number, raw: number): void {
    if (Number.isFinite(value)) {
      const below = widen(raw - 1);
      const above = widen(raw + 1);
      for (let precision = 1; precision < most; precision++) {
        const candidate = Number(value.toPrecision(precision));
        const error = Math.abs(candidate - value);
        if (error < Math.abs(below - value) / 2 && error < Math.abs(above - value) / 2) {
          this.float64(candidate);
          return;
        }
      }
    }
    this.float64(value);
  }
}
