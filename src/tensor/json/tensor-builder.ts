// Collects the elements of one input straight into a typed array while JSON is parsed, and follows the shape as brackets open and close.
// It must never trust a size that the client states: memory grows with what has really arrived, up to the element limit.
import { AirlockError, violationError } from '../../core/index.ts';
import { type DType, dtypes } from '../dtype.ts';
import { maxRank } from '../frame.ts';
import type { TensorSpec } from '../signature.ts';
import type { Tensor } from '../tensor.ts';
import {
  bfloat16Bits,
  bfloat16Format,
  bfloat16Value,
  doubleForNarrow,
  float32Format,
  halfBits,
  halfFormat,
  halfValue,
  type NarrowFormat,
} from './decimal.ts';
import type { NarrowingRule } from './narrowing.ts';
import { allocateArray } from './typed-view.ts';

/** How elements are stored: `wide` are 64-bit integers as two 32-bit halves, low half first. */
export type ElementStore = 'float64' | 'float32' | 'narrow' | 'int' | 'wide' | 'bool' | 'string';

type NumberArray = Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint32Array | Uint16Array | Uint8Array;

interface Storage {
  readonly store: ElementStore;
  readonly create: (length: number) => NumberArray;
  readonly min: number;
  readonly max: number;
  readonly format?: NarrowFormat;
  readonly toBits?: (value: number) => number;
  readonly fromBits?: (raw: number) => number;
}

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
// The first double that rounds to infinity: the midpoint between the largest float and the next power of two.
const float32Overflow = 2 ** 127 * (2 - 2 ** -24);

const integers = (create: (length: number) => NumberArray, min: number, max: number): Storage => ({
  store: 'int',
  create,
  min,
  max,
});
const wide = (min: number, max: number): Storage => ({
  store: 'wide',
  create: (n) => allocateArray(Uint32Array, 2 * n),
  min,
  max,
});

const storages: Readonly<Partial<Record<DType, Storage>>> = {
  DT_DOUBLE: { store: 'float64', create: (n) => allocateArray(Float64Array, n), min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
  DT_FLOAT: {
    store: 'float32',
    create: (n) => allocateArray(Float32Array, n),
    min: -float32Overflow,
    max: float32Overflow,
    format: float32Format,
  },
  DT_HALF: {
    store: 'narrow',
    create: (n) => allocateArray(Uint16Array, n),
    min: -65520,
    max: 65520,
    format: halfFormat,
    toBits: halfBits,
    fromBits: halfValue,
  },
  DT_BFLOAT16: {
    store: 'narrow',
    create: (n) => allocateArray(Uint16Array, n),
    min: -(2 ** 127) * (2 - 2 ** -8),
    max: 2 ** 127 * (2 - 2 ** -8),
    format: bfloat16Format,
    toBits: bfloat16Bits,
    fromBits: bfloat16Value,
  },
  DT_INT8: integers((n) => allocateArray(Int8Array, n), -128, 127),
  DT_UINT8: integers((n) => allocateArray(Uint8Array, n), 0, 255),
  DT_INT16: integers((n) => allocateArray(Int16Array, n), -32768, 32767),
  DT_UINT16: integers((n) => allocateArray(Uint16Array, n), 0, 65535),
  DT_INT32: integers((n) => allocateArray(Int32Array, n), -2147483648, 2147483647),
  DT_UINT32: integers((n) => allocateArray(Uint32Array, n), 0, 4294967295),
  DT_INT64: wide(-(2 ** 63), 2 ** 63),
  DT_UINT64: wide(0, 2 ** 64),
  DT_BOOL: { store: 'bool', create: (n) => allocateArray(Uint8Array, n), min: 0, max: 1 },
  DT_STRING: { store: 'string', create: (n) => allocateArray(Uint32Array, n + 1), min: 0, max: 0 },
};

const int64Bounds = { DT_INT64: [-(2n ** 63n), 2n ** 63n - 1n], DT_UINT64: [0n, 2n ** 64n - 1n] } as const;

// Copies of plain arrays: a typed array takes longer to make than a small request to decode.
const unknownDims: readonly number[] = Array.from({ length: maxRank + 1 }, () => -1);
const noCounts: readonly number[] = Array.from({ length: maxRank + 1 }, () => 0);

export class TensorBuilder {
  readonly spec: TensorSpec;
  readonly store: ElementStore;
  readonly min: number;
  readonly max: number;
  /** The elements; for strings, where each begins in `text` and where the last ends. */
  values: NumberArray;
  /** Elements so far. */
  count = 0;
  /** Elements that fit into `values`. */
  capacity: number;
  /** Number of dimensions once it is known, else -1. */
  rank = -1;
  /** dims[1 … rank], -1 while unknown; level 0 is the tensor itself. */
  readonly dims = unknownDims.slice();
  /** Elements so far in the open list of each level. */
  readonly counts = noCounts.slice();
  text: Buffer = Buffer.alloc(0);
  textLength = 0;
  /** Set for an input whose numbers must not lose precision; they all take the slow way then. */
  narrowing: NarrowingRule | undefined = undefined;
  readonly #storage: Storage;

  /**
   * @param capacity elements to make room for at first.
   * @throws TENSOR_DTYPE_UNSUPPORTED for complex numbers, which this JSON interface cannot express.
   */
  constructor(spec: TensorSpec, capacity: number) {
    const storage = storages[spec.dtype];
    if (storage === undefined) {
      throw violationError('TENSOR_DTYPE_UNSUPPORTED', {
        path: spec.alias,
        rule: 'dtype',
        expected: 'a binary protocol',
        got: `JSON for ${spec.dtype}`,
      });
    }
    this.spec = spec;
    this.#storage = storage;
    this.store = storage.store;
    this.min = storage.min;
    this.max = storage.max;
    this.capacity = capacity;
    this.values = storage.create(capacity);
    // Where the first string begins.
    if (this.store === 'string') this.values[0] = 0;
  }

  /** Makes room for at least one more element, at most `most` in all. False when that is not enough. */
  grow(most: number): boolean {
    const capacity = Math.min(Math.max(16, this.capacity * 2), most);
    if (capacity <= this.count) return false;
    const grown = this.#storage.create(capacity);
    grown.set(this.values.length <= grown.length ? this.values : this.values.subarray(0, grown.length));
    this.values = grown;
    this.capacity = capacity;
    return true;
  }

  /**
   * Whether a double that is the nearest to what was written can be added as it is: in range, and for float32 with one rounding only.
   * False for NaN.
   */
  takes(value: number): boolean {
    if (!(value >= this.min && value <= this.max)) return false;
    if (this.store !== 'float32' || value === 0) return true;
    double[0] = value;
    // The middle between two float32 is a double too, and then only the decimal knows its side. Subnormal ones have other middles.
    return (halves[0] & 0x1fffffff) !== 0x10000000 && Math.abs(value) >= 2 ** -126 && Math.abs(value) < 2 ** 127;
  }

  /** Adds a number that it takes. Room for it is there. */
  addShort(value: number): void {
    if (this.store === 'wide') {
      const top = Math.floor(value / 4294967296);
      this.values[2 * this.count] = value - top * 4294967296;
      this.values[2 * this.count + 1] = top;
      this.count++;
    } else this.values[this.count++] = value;
  }

  /** Adds a number whose text did not fit the fast path; `text` is a valid JSON number. Room for it is there. False when it is out of range. */
  addNumberText(text: string): boolean {
    if (this.store === 'wide') return this.#addWideText(text);
    const { format, toBits } = this.#storage;
    const value = format === undefined ? Number(text) : doubleForNarrow(text, format);
    // A float range is open at its end (that end rounds to infinity), an integer range is closed.
    const inside =
      this.store === 'int' || this.store === 'float64'
        ? value >= this.min && value <= this.max
        : value > this.min && value < this.max;
    if (!inside) return false;
    this.values[this.count++] = toBits === undefined ? value : toBits(value);
    return true;
  }

  /** The number that was added last, as it is stored; not for 64-bit integers and strings. */
  get lastNumber(): number {
    const raw = this.values[this.count - 1];
    return this.#storage.fromBits === undefined ? raw : this.#storage.fromBits(raw);
  }

  #addWideText(text: string): boolean {
    const value = BigInt(text);
    const [min, max] = int64Bounds[this.spec.dtype === 'DT_UINT64' ? 'DT_UINT64' : 'DT_INT64'];
    if (value < min || value > max) return false;
    this.values[2 * this.count] = Number(BigInt.asUintN(32, value));
    this.values[2 * this.count + 1] = Number(BigInt.asUintN(32, value >> 32n));
    this.count++;
    return true;
  }

  /** Adds NaN or an infinity, where the model's configuration allows them. */
  addNonFinite(value: number): void {
    const { toBits } = this.#storage;
    this.values[this.count++] = toBits === undefined ? value : toBits(value);
  }

  addString(bytes: Uint8Array): void {
    const end = this.textLength + bytes.length;
    if (end > this.text.length) {
      const grown = Buffer.allocUnsafe(Math.max(256, end, this.text.length * 2));
      this.text.copy(grown, 0, 0, this.textLength);
      this.text = grown;
    }
    this.text.set(bytes, this.textLength);
    this.textLength = end;
    this.values[++this.count] = end;
  }

  /** The finished tensor over the collected memory. `rank` must be known. */
  finish(): Tensor {
    const shape = this.dims.slice(1, this.rank + 1);
    const { dtype } = this.spec;
    if (dtype === 'DT_STRING') {
      if (!(this.values instanceof Uint32Array)) throw new AirlockError('INTERNAL');
      return { dtype, shape, bytes: this.text.subarray(0, this.textLength), offsets: this.values.subarray(0, this.count + 1) };
    }
    const { buffer, byteOffset } = this.values;
    return { dtype, shape, bytes: new Uint8Array(buffer, byteOffset, this.count * dtypes[dtype].itemBytes) };
  }
}
