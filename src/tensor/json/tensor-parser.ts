// The part of a JSON body that is tensor data: numbers, strings and booleans inside brackets, straight into a TensorBuilder.
// The hot loops of the server are here. They decide on the lexeme (`1.0` is not an integer, `1e400` is not a float32) and fall back to
// exact arithmetic for the numbers that the fast path cannot round for certain; they never guess.
import { printable, violationError } from '../../core/index.ts';
import { dtypes } from '../dtype.ts';
import { maxRank } from '../frame.ts';
import { maxExactPower, powersOfTen, roundTwoPart } from './decimal.ts';
import type { JsonLimits } from './limits.ts';
import { expects, type Literal, PushParser } from './push-parser.ts';
import type { TensorBuilder } from './tensor-builder.ts';

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
const maxExact = 9007199254740992; // 2^53: a sum of digits up to here is exact
const smallestNormalFloat32 = 2 ** -126;

// What may follow the digits of a number, as byte ^ 0x30.
const afterPoint = 0x2e ^ 0x30;
const afterComma = 0x2c ^ 0x30;
const afterBracket = 0x5d ^ 0x30;
const afterSmallE = 0x65 ^ 0x30;
const afterLargeE = 0x45 ^ 0x30;
const afterMinus = 0x2d ^ 0x30;
const afterPlus = 0x2b ^ 0x30;

export abstract class TensorParser extends PushParser {
  /** The tensor that values belong to now, or undefined outside of tensor data. */
  protected builder: TensorBuilder | undefined;
  /** Open lists of the current tensor; a value of level 0 is a scalar. */
  protected level = 0;
  /** The level at which a value is complete: 0, or 1 when each instance brings one value per input. */
  protected baseLevel = 0;
  readonly #allowNonFinite: boolean;
  readonly #powers = powersOfTen;

  constructor(limits: JsonLimits, sizeHint: number, allowNonFinite: boolean) {
    super(limits, sizeHint);
    this.#allowNonFinite = allowNonFinite;
  }

  /** Elements that all builders may hold, less those that the others hold already. */
  protected abstract elementRoom(builder: TensorBuilder): number;
  /** A value has come to its end at `baseLevel`. */
  protected abstract onTensorValue(): void;

  protected openList(builder: TensorBuilder): void {
    const level = this.level + 1;
    if (level > maxRank) throw this.limitError('JSON_TOO_DEEP', 'maxRank', maxRank, 'dimensions');
    if (builder.rank >= 0 && level > builder.rank) throw this.#ragged('a value like those before', 'a list');
    this.level = level;
    builder.counts[level] = 0;
  }

  protected closeList(builder: TensorBuilder): void {
    const { level } = this;
    const size = builder.counts[level];
    if (builder.rank < 0) builder.rank = level;
    this.level = level - 1;
    const known = builder.dims[level];
    if (known < 0) builder.dims[level] = size;
    else if (known !== size) throw this.#ragged(`${known} elements, as in the list before`, `${size}`);
    this.#valueDone(builder);
  }

  #valueDone(builder: TensorBuilder): void {
    builder.counts[this.level]++;
    if (this.level === this.baseLevel) this.onTensorValue();
  }

  /** Readies the builder for one scalar: its rank must be the level that the parser is on. */
  protected beginScalar(builder: TensorBuilder): void {
    if (builder.rank < 0) builder.rank = this.level;
    else if (builder.rank !== this.level) throw this.#ragged('a list', 'a value');
    if (builder.count >= builder.capacity) this.#grow(builder);
  }

  protected endScalar(builder: TensorBuilder): void {
    this.#valueDone(builder);
  }

  #grow(builder: TensorBuilder): void {
    if (!builder.grow(this.elementRoom(builder))) {
      throw this.limitError('TENSOR_TOO_LARGE', 'maxElements', this.limits.maxElements, 'elements in all tensors');
    }
  }

  #ragged(expected: string, got: string) {
    return violationError('TENSOR_RAGGED', { path: this.path(), rule: 'ragged', expected, got });
  }

  /** One number of valid grammar that the fast loops left: checked on its lexeme, rounded exactly. */
  protected addNumber(builder: TensorBuilder, start: number, end: number): void {
    const text = this.bytes.toString('latin1', start, end);
    const { dtype } = builder.spec;
    const { kind } = dtypes[dtype];
    if (kind !== 'int' && kind !== 'float') throw this.typeMismatch(builder, `the number ${printable(text, 40)}`);
    this.beginScalar(builder);
    if (kind === 'int' && (!/^-?\d+$/.test(text) || text === '-0')) {
      throw violationError('TENSOR_NOT_INTEGER', {
        path: this.path(),
        rule: 'integer',
        expected: `${dtype}, an integer written with digits only`,
        got: printable(text, 40),
      });
    }
    if (!builder.addNumberText(text)) {
      throw violationError('TENSOR_OUT_OF_RANGE', {
        path: this.path(),
        rule: 'range',
        expected: `a number that fits ${dtype}`,
        got: printable(text, 40),
      });
    }
    this.endScalar(builder);
  }

  protected addLiteral(builder: TensorBuilder, literal: Literal): void {
    const { dtype } = builder.spec;
    const { kind } = dtypes[dtype];
    if (literal === 'true' || literal === 'false') {
      if (kind !== 'bool') throw this.typeMismatch(builder, literal);
      this.beginScalar(builder);
      builder.values[builder.count++] = literal === 'true' ? 1 : 0;
    } else if (literal === 'null' || kind !== 'float') {
      throw this.typeMismatch(builder, literal);
    } else {
      if (!this.#allowNonFinite) {
        throw violationError('TENSOR_NOT_FINITE', {
          path: this.path(),
          rule: 'finite',
          expected: `a finite ${dtype}`,
          got: literal,
        });
      }
      this.beginScalar(builder);
      builder.addNonFinite(
        literal === 'NaN' ? Number.NaN : literal === 'Infinity' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
      );
    }
    this.endScalar(builder);
  }

  protected typeMismatch(builder: TensorBuilder, got: string) {
    return violationError('TENSOR_TYPE_MISMATCH', { path: this.path(), rule: 'type', expected: builder.spec.dtype, got });
  }

  /** Takes as many numbers as it can in one loop; false when there is none that it can take. */
  protected override onNumbers(_final: boolean): boolean {
    const { builder } = this;
    if (builder === undefined || this.level === this.baseLevel) return false;
    const { store } = builder;
    if (store === 'float32' || store === 'float64') return this.#takeFloats(builder, store === 'float32');
    if (store === 'int' || store === 'wide') return this.#takeIntegers(builder, store === 'wide');
    return false;
  }

  /**
   * `n,n,n` and, in a list whose siblings are known to be as long, `],[` between them. On entry `position` is at a number.
   * Stops in front of whatever is not so plain (an exponent, a cut token, white space) and leaves it to the parser.
   */
  #takeFloats(builder: TensorBuilder, narrow: boolean): boolean {
    const { bytes, length, level } = this;
    const powers = this.#powers;
    const size = builder.dims[level];
    const { counts } = builder;
    let { values, capacity, count } = builder;
    let inList = counts[level];
    let position = this.position;
    let taken = 0;
    let expect: number = this.expect;
    if (builder.rank < 0) builder.rank = level;
    else if (builder.rank !== level) return false;

    for (;;) {
      let at = position;
      const negative = bytes[at] === 0x2d;
      if (negative) at++;
      // A byte ^ 0x30 is below 10 exactly for a digit.
      let c = bytes[at] ^ 0x30;
      if (c > 9) break;
      // Up to nine digits in each of two small integers: adding digits in floating point would wait for every multiplication.
      let high = c;
      let low = 0;
      let lowDigits = 0;
      let exponent = 0;
      let stop = c === 0 ? at + 10 : at + 9;
      c = bytes[++at] ^ 0x30;
      if (high === 0 && c <= 9) break; // 01: the parser refuses it
      while (c <= 9 && at < stop) {
        high = (high * 10 + c) | 0;
        c = bytes[++at] ^ 0x30;
      }
      let lowStart = at;
      while (c <= 9) {
        low = (low * 10 + c) | 0;
        c = bytes[++at] ^ 0x30;
      }
      lowDigits = at - lowStart;
      if (c === afterPoint) {
        const point = at;
        stop++;
        c = bytes[++at] ^ 0x30;
        if (lowDigits === 0) {
          while (c <= 9 && at < stop) {
            high = (high * 10 + c) | 0;
            c = bytes[++at] ^ 0x30;
          }
        }
        lowStart = at;
        while (c <= 9) {
          low = (low * 10 + c) | 0;
          c = bytes[++at] ^ 0x30;
        }
        lowDigits += at - lowStart;
        exponent = point + 1 - at;
        if (exponent === 0) break;
      }
      if (lowDigits > 9) break;
      const digits = lowDigits === 0 ? high : high * powers[lowDigits] + low;
      if (c === afterSmallE || c === afterLargeE) {
        // A sign, and one to three digits.
        c = bytes[++at] ^ 0x30;
        const minus = c === afterMinus;
        if (minus || c === afterPlus) c = bytes[++at] ^ 0x30;
        if (c > 9) break;
        let power = c;
        c = bytes[++at] ^ 0x30;
        while (c <= 9 && power < 100) {
          power = power * 10 + c;
          c = bytes[++at] ^ 0x30;
        }
        exponent += minus ? -power : power;
      }
      // After the number there must be a comma or a bracket that has arrived; anything else is for the parser.
      if (c !== afterComma && c !== afterBracket) break;
      const shift = exponent < 0 ? -exponent : exponent;
      if (shift >= powers.length) break;
      let value = exponent === 0 ? digits : exponent < 0 ? digits / powers[shift] : digits * powers[shift];
      if (!narrow) {
        // Exact digits and an exact power give a result that is rounded once, and so correctly.
        if (shift > maxExactPower) break;
        if (digits > maxExact) value = roundTwoPart(high, low, lowDigits, exponent);
        if (Number.isNaN(value)) break;
      }
      if (narrow) {
        // Between two float32 lies a double whose low 29 bits are 1 0000…; near it only exact arithmetic can tell the side.
        // The margin allows for the last bits that `value` may be off when digits or power are not exact.
        double[0] = value;
        if (((halves[0] & 0x1fffffff) - 0x0fffffe0) >>> 0 <= 0x40) break;
        if (value < smallestNormalFloat32 && value !== 0) break;
        if (value >= builder.max) break;
      }
      if (count >= capacity) {
        builder.count = count;
        counts[level] = inList;
        this.#grow(builder);
        ({ values, capacity } = builder);
      }
      values[count++] = negative ? -value : value;
      inList++;
      taken++;
      position = at;
      if (c === afterBracket) {
        // `]`: go on by ourselves only into a sister list of the same length.
        const opening = inList === size && level > this.baseLevel + 1 ? sisterList(bytes, at + 1) : 0;
        if (opening > 0) {
          counts[level - 1]++;
          inList = 0;
          this.tokens++;
          position = opening;
          expect = expects.valueOrClose;
          continue;
        }
        expect = expects.separator;
        break;
      }
      const next = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
      if (!isNumberStart(bytes[next])) {
        expect = expects.separator;
        break;
      }
      position = next;
      expect = expects.value;
    }
    return this.#leaveLoop(builder, { taken, count, inList, position, expect }, length);
  }

  /** The same for integers: digits only, exact to 2^53; longer ones go to exact arithmetic. */
  #takeIntegers(builder: TensorBuilder, wide: boolean): boolean {
    const { bytes, length, level } = this;
    const { counts, min, max } = builder;
    const size = builder.dims[level];
    let { values, capacity, count } = builder;
    let inList = counts[level];
    let position = this.position;
    let taken = 0;
    let expect: number = this.expect;
    if (builder.rank < 0) builder.rank = level;
    else if (builder.rank !== level) return false;

    for (;;) {
      let at = position;
      const negative = bytes[at] === 0x2d;
      if (negative) at++;
      let c = bytes[at] ^ 0x30;
      if (c > 9 || (c === 0 && negative)) break;
      let high = c;
      const stop = at + 9;
      c = bytes[++at] ^ 0x30;
      if (high === 0 && c <= 9) break;
      while (c <= 9 && at < stop) {
        high = (high * 10 + c) | 0;
        c = bytes[++at] ^ 0x30;
      }
      let low = 0;
      const lowStart = at;
      while (c <= 9) {
        low = (low * 10 + c) | 0;
        c = bytes[++at] ^ 0x30;
      }
      const lowDigits = at - lowStart;
      if (lowDigits > 9) break;
      let value = lowDigits === 0 ? high : high * this.#powers[lowDigits] + low;
      if ((c !== afterComma && c !== afterBracket) || value >= maxExact) break;
      if (negative) value = -value;
      if (value < min || value > max) break;
      if (count >= capacity) {
        builder.count = count;
        counts[level] = inList;
        this.#grow(builder);
        ({ values, capacity } = builder);
      }
      if (wide) {
        const high = Math.floor(value / 4294967296);
        values[2 * count] = value - high * 4294967296;
        values[2 * count + 1] = high;
        count++;
      } else values[count++] = value;
      inList++;
      taken++;
      position = at;
      if (c === 0x2d) {
        const opening = inList === size && level > this.baseLevel + 1 ? sisterList(bytes, at + 1) : 0;
        if (opening > 0) {
          counts[level - 1]++;
          inList = 0;
          this.tokens++;
          position = opening;
          expect = expects.valueOrClose;
          continue;
        }
        expect = expects.separator;
        break;
      }
      const next = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
      if (!isNumberStart(bytes[next])) {
        expect = expects.separator;
        break;
      }
      position = next;
      expect = expects.value;
    }
    return this.#leaveLoop(builder, { taken, count, inList, position, expect }, length);
  }

  #leaveLoop(builder: TensorBuilder, state: LoopState, length: number): boolean {
    builder.count = state.count;
    builder.counts[this.level] = state.inList;
    this.position = state.position;
    this.expect = state.expect;
    this.tokens += state.taken;
    if (this.tokens > this.limits.maxTokens)
      throw this.limitError('JSON_TOO_MANY_TOKENS', 'maxTokens', this.limits.maxTokens, 'tokens');
    // True means that the parser may look again; a number that is cut at the end of the bytes is not progress.
    return state.taken > 0 && state.position < length;
  }
}

interface LoopState {
  readonly taken: number;
  readonly count: number;
  readonly inList: number;
  readonly position: number;
  readonly expect: number;
}

function isNumberStart(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || c === 0x2d;
}

/** The place of the first number when `,[` (as Python writes it, `, [`) and a number stand at `at`; else 0. */
function sisterList(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x2c) return 0;
  const bracket = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
  return bytes[bracket] === 0x5b && isNumberStart(bytes[bracket + 1]) ? bracket + 1 : 0;
}
