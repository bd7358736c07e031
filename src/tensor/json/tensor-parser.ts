// The part of a JSON body that is tensor data: numbers, strings and booleans inside brackets, straight into a TensorBuilder.
// The hot loops of the server are here. They decide on the lexeme (`1.0` is not an integer, `1e400` is not a float32) and fall back to
// exact arithmetic for the numbers that the fast path cannot round for certain; they never guess.
import { printable, violationError } from '../../core/index.ts';
import { dtypes } from '../dtype.ts';
import { maxRank } from '../frame.ts';
import { maxExactPower, powersOfTen, roundTwoPart } from './decimal.ts';
import { isWrittenWhole, losesPrecision, type NarrowingRule } from './narrowing.ts';
import { expects, type Literal, nonFiniteNumbers, PushParser } from './push-parser.ts';
import { shortNumber } from './short-number.ts';
import type { TensorBuilder } from './tensor-builder.ts';

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
const maxExact = 9007199254740992; // 2^53: a sum of digits below is exact; 2^53 itself may be 2^53 + 1, rounded
// The exponent field of a double whose float32 is normal and below 2^127.
const leastExponent = 1023 - 126;
const exponentCount = 253;
const maxPower = powersOfTen.length - 1;
/** 10^0 … 10^9 modulo 2^32. */
const powersModulo32 = Int32Array.from({ length: 10 }, (_, exponent) => (10 ** exponent) | 0);

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
  readonly #powers = powersOfTen;

  /** Elements that all builders may hold, less those that the others hold already. */
  protected abstract elementRoom(builder: TensorBuilder): number;
  /** Whether the input takes this NaN or infinity. */
  protected abstract takesNonFinite(builder: TensorBuilder, value: number): boolean;
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
    if (builder.narrowing === undefined && this.#addShortNumber(builder, start, end)) return;
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
    if (builder.narrowing !== undefined) this.#checkNarrowing(builder, builder.narrowing, text);
    this.endScalar(builder);
  }

  /** What most single values are; false when the number takes more care. */
  #addShortNumber(builder: TensorBuilder, start: number, end: number): boolean {
    const { store } = builder;
    if (store !== 'float32' && store !== 'float64' && store !== 'int' && store !== 'wide') return false;
    const value = shortNumber(this.bytes, start, end, store === 'int' || store === 'wide');
    if (!builder.takes(value)) return false;
    this.beginScalar(builder);
    builder.addShort(value);
    this.endScalar(builder);
    return true;
  }

  #checkNarrowing(builder: TensorBuilder, { exact, onLoss }: NarrowingRule, text: string): void {
    if ((exact === 'all' || isWrittenWhole(text)) && losesPrecision(text, builder.lastNumber)) onLoss(() => this.path(), text);
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
      const value = nonFiniteNumbers[literal];
      if (!this.takesNonFinite(builder, value)) {
        throw violationError('TENSOR_NOT_FINITE', {
          path: this.path(),
          rule: 'finite',
          expected: `a finite ${dtype}`,
          got: literal,
        });
      }
      this.beginScalar(builder);
      builder.addNonFinite(value);
    }
    this.endScalar(builder);
  }

  protected typeMismatch(builder: TensorBuilder, got: string) {
    return violationError('TENSOR_TYPE_MISMATCH', { path: this.path(), rule: 'type', expected: builder.spec.dtype, got });
  }

  /** Takes as many numbers as it can in one loop; false when there is none that it can take. */
  protected override onNumbers(_final: boolean): boolean {
    const { builder } = this;
    if (builder === undefined || this.level === this.baseLevel || builder.narrowing !== undefined) return false;
    const { store } = builder;
    if (store === 'float32' || store === 'float64') return this.#takeFloats(builder, store === 'float32');
    if (store === 'int' || store === 'wide') return this.#takeIntegers(builder, store === 'wide');
    return false;
  }

  /**
   * `n,n,n` and, in a list whose sisters are known to be as long, `],[` between them. On entry `position` is at a number.
   * Stops in front of whatever is not so plain (a cut token, white space, a number that only exact arithmetic can round) and leaves it
   * to the parser.
   */
  #takeFloats(builder: TensorBuilder, narrow: boolean): boolean {
    const { bytes } = this;
    const powers = this.#powers;
    const loop = this.#enterLoop(builder);
    if (loop === undefined) return false;
    const { size } = loop;
    let { inList } = loop;
    let { values, capacity, count } = builder;
    let { position } = this;
    let sisters = 0;
    let ended = false;

    for (;;) {
      let at = position;
      const negative = bytes[at] === 0x2d;
      if (negative) at++;
      // A byte ^ 0x30 is below 10 exactly for a digit.
      let c = bytes[at] ^ 0x30;
      if (c > 9) break;
      // All digits modulo 2^32: a small integer up to nine of them, and for more the lower half of a long one, see below. Adding
      // digits in floating point would wait for every multiplication.
      const first = at;
      let word = c;
      const isZero = c === 0;
      let exponent = 0;
      c = bytes[++at] ^ 0x30;
      if (isZero && c <= 9) break; // 01: the parser refuses it
      while (c <= 9) {
        word = (word * 10 + c) | 0;
        c = bytes[++at] ^ 0x30;
      }
      let digitCount = at - first;
      if (c === afterPoint) {
        const point = at;
        c = bytes[++at] ^ 0x30;
        while (c <= 9) {
          word = (word * 10 + c) | 0;
          c = bytes[++at] ^ 0x30;
        }
        exponent = point + 1 - at;
        if (exponent === 0) break;
        digitCount -= exponent;
      }
      if (isZero) digitCount--;
      let high = word;
      let low = 0;
      let lowDigits = 0;
      let digits = word;
      if (digitCount > 9) {
        lowDigits = digitCount - 9;
        if (lowDigits > 9) break;
        high = firstNineDigits(bytes, isZero ? first + 1 : first);
        low = (word - Math.imul(high, powersModulo32[lowDigits])) >>> 0;
        digits = high * powers[lowDigits] + low;
      }
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
        if (exponent > maxPower || exponent < -maxPower) break;
      }
      // After the number there must be a comma or a bracket that has arrived; anything else is for the parser.
      if (c !== afterComma && c !== afterBracket) break;
      let value = exponent > 0 ? digits * powers[exponent] : digits / powers[-exponent];
      if (narrow) {
        if (value !== 0) {
          // Between two float32 lies a double whose low 29 bits are 1 0000…; near it only exact arithmetic can tell the side.
          // The margin allows for the last bits that `value` may be off when digits or power are not exact.
          double[0] = value;
          if (((halves[0] & 0x1fffffff) - 0x0fffffe0) >>> 0 <= 0x40) break;
          // Below the smallest normal float32 the middle lies elsewhere; from 2^127 on the number may be too large.
          if (((halves[1] >>> 20) - leastExponent) >>> 0 >= exponentCount) break;
        }
      } else {
        // Exact digits and an exact power give a result that is rounded once, and so correctly.
        if (exponent > maxExactPower || exponent < -maxExactPower) break;
        if (digits >= maxExact) {
          value = roundTwoPart(high, low, lowDigits, exponent);
          if (Number.isNaN(value)) break;
        }
      }
      if (count >= capacity) {
        loop.save(count, inList, sisters);
        this.#grow(builder);
        ({ values, capacity } = builder);
      }
      values[count++] = negative ? -value : value;
      inList++;
      if (c === afterComma) {
        position = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
        continue;
      }
      const opening = inList === size ? sisterList(bytes, at + 1) : 0;
      if (opening === 0) {
        position = at;
        ended = true;
        break;
      }
      sisters++;
      inList = 0;
      position = opening;
    }
    return this.#leaveLoop(loop.save(count, inList, sisters), position, ended);
  }

  /** The same for integers: digits only, exact to 2^53; longer ones go to exact arithmetic. */
  #takeIntegers(builder: TensorBuilder, wide: boolean): boolean {
    const { bytes } = this;
    const { min, max } = builder;
    const loop = this.#enterLoop(builder);
    if (loop === undefined) return false;
    const { size } = loop;
    let { inList } = loop;
    let { values, capacity, count } = builder;
    let { position } = this;
    let sisters = 0;
    let ended = false;

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
        loop.save(count, inList, sisters);
        this.#grow(builder);
        ({ values, capacity } = builder);
      }
      if (wide) {
        const top = Math.floor(value / 4294967296);
        values[2 * count] = value - top * 4294967296;
        values[2 * count + 1] = top;
        count++;
      } else values[count++] = value;
      inList++;
      if (c === afterComma) {
        position = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
        continue;
      }
      const opening = inList === size ? sisterList(bytes, at + 1) : 0;
      if (opening === 0) {
        position = at;
        ended = true;
        break;
      }
      sisters++;
      inList = 0;
      position = opening;
    }
    return this.#leaveLoop(loop.save(count, inList, sisters), position, ended);
  }

  /** Undefined when the number at hand is on another level than those before, which the parser refuses. */
  #enterLoop(builder: TensorBuilder): NumberLoop | undefined {
    const { level } = this;
    if (builder.rank < 0) builder.rank = level;
    else if (builder.rank !== level) return undefined;
    // A sister list must not complete the value: then others have to hear of it.
    const size = level > this.baseLevel + 1 ? builder.dims[level] : -1;
    return new NumberLoop(builder, level, size);
  }

  #leaveLoop(loop: NumberLoop, position: number, ended: boolean): boolean {
    const { taken } = loop;
    if (taken === 0) return false;
    this.position = position;
    this.expect = ended ? expects.separator : loop.inList === 0 ? expects.valueOrClose : expects.value;
    this.tokens += taken + loop.sisters;
    if (this.tokens > this.limits.maxTokens) {
      throw this.limitError('JSON_TOO_MANY_TOKENS', 'maxTokens', this.limits.maxTokens, 'tokens');
    }
    return true;
  }
}

/** What a loop keeps in local variables, and where it came from. */
class NumberLoop {
  readonly #builder: TensorBuilder;
  readonly #level: number;
  readonly #countBefore: number;
  readonly #outerBefore: number;
  /** Elements of each list of this level, or -1 when the loop must not go from one to the next. */
  readonly size: number;
  inList: number;
  sisters = 0;

  constructor(builder: TensorBuilder, level: number, size: number) {
    this.#builder = builder;
    this.#level = level;
    this.#countBefore = builder.count;
    this.#outerBefore = builder.counts[level - 1];
    this.size = size;
    this.inList = builder.counts[level];
  }

  get taken(): number {
    return this.#builder.count - this.#countBefore;
  }

  /** Writes the loop's variables back, so that the builder and the path of an error are right. */
  save(count: number, inList: number, sisters: number): this {
    const builder = this.#builder;
    builder.count = count;
    builder.counts[this.#level] = inList;
    builder.counts[this.#level - 1] = this.#outerBefore + sisters;
    this.inList = inList;
    this.sisters = sisters;
    return this;
  }
}

/** The first nine digits from `at` on, as a number; there are at least nine, and perhaps a point among them. */
function firstNineDigits(bytes: Uint8Array, at: number): number {
  let value = 0;
  let left = 9;
  for (let i = at; left > 0; i++) {
    const c = bytes[i] ^ 0x30;
    if (c > 9) continue;
    value = (value * 10 + c) | 0;
    left--;
  }
  return value;
}

/** The place behind the bracket when `,[` (as Python writes it, `, [`) stands at `at`; else 0. */
function sisterList(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x2c) return 0;
  const bracket = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
  return bytes[bracket] === 0x5b ? bracket + 1 : 0;
}
