// What the numbers of a data type are: the nearest one to a contract's number, the limits of the type, and how one is written. Bounds are
// rounded once to the tensor's type before anything is compared: 0.1 in a contract means the float32 that a client gets when it sends
// 0.1, not the double just below it (TensorFlow Data Validation stores float bounds as float32 for the same reason).
import { AirlockError, printable } from '../../core/index.ts';
import { bfloat16Bits, bfloat16Value, dtypes, halfBits, halfValue, type NumericTensor } from '../../tensor/index.ts';
import type { ContractNumber, ContractValue } from '../contract-types.ts';

type NumericType = NumericTensor['dtype'];

interface FloatLimits {
  readonly largest: number;
  readonly smallestNormal: number;
}

const floatLimits: Readonly<Partial<Record<NumericType, FloatLimits>>> = {
  DT_HALF: { largest: 65_504, smallestNormal: 2 ** -14 },
  DT_BFLOAT16: { largest: 2 ** 127 * (2 - 2 ** -7), smallestNormal: 2 ** -126 },
  DT_FLOAT: { largest: 2 ** 127 * (2 - 2 ** -23), smallestNormal: 2 ** -126 },
  DT_DOUBLE: { largest: Number.MAX_VALUE, smallestNormal: 2 ** -1022 },
};

const bitsOfInteger: Readonly<Partial<Record<NumericType, readonly [bits: number, isSigned: boolean]>>> = {
  DT_INT8: [8, true],
  DT_INT16: [16, true],
  DT_INT32: [32, true],
  DT_INT64: [64, true],
  DT_UINT8: [8, false],
  DT_UINT16: [16, false],
  DT_UINT32: [32, false],
  DT_UINT64: [64, false],
};

/** Largest finite and smallest normal number; undefined for types that are no floats. Complex types: of their parts, without them. */
export function limitsOfFloat(dtype: NumericType): FloatLimits | undefined {
  return floatLimits[dtype];
}

/** The lowest finite number of a type of integers or floats; it has it exactly. */
export function lowestOf(dtype: NumericType): number {
  const [bits, isSigned] = bitsOfInteger[dtype] ?? [0, false];
  const limits = floatLimits[dtype];
  return limits === undefined ? (isSigned ? -(2 ** (bits - 1)) : 0) : -limits.largest;
}

/** The number of a float type nearest to `value`, ties to even; for other types the value itself. Large ones become infinite. */
export function nearestOf(dtype: NumericType, value: ContractNumber): ContractNumber {
  switch (dtype) {
    case 'DT_FLOAT':
      return Math.fround(Number(value));
    case 'DT_HALF':
      return halfValue(halfBits(Number(value)));
    case 'DT_BFLOAT16':
      return bfloat16Value(bfloat16Bits(Number(value)));
    case 'DT_DOUBLE':
      return Number(value);
    default:
      return value;
  }
}

/** True when the type has exactly this number; floats have all but those that are too large. */
export function fitsType(dtype: NumericType, value: ContractNumber): boolean {
  if (dtype === 'DT_BOOL') return value === 0 || value === 1;
  const integer = bitsOfInteger[dtype];
  if (integer === undefined)
    return typeof value === 'number' && (!Number.isFinite(value) || Number.isFinite(nearestOf(dtype, value)));
  if (typeof value === 'number' && !Number.isInteger(value)) return false;
  const [bits, isSigned] = integer;
  const exact = BigInt(value);
  return isSigned ? BigInt.asIntN(bits, exact) === exact : BigInt.asUintN(bits, exact) === exact;
}

/**
 * A contract's value as a number of this type, for what replaces or fills an element.
 * @throws CONTRACT_INVALID when the type has no such number
 */
export function numberForType(dtype: NumericType, value: ContractValue, what: string): ContractNumber {
  const number = typeof value === 'boolean' ? Number(value) : value;
  const isNumber = typeof number !== 'string' && dtypes[dtype].kind !== 'complex';
  if (!isNumber || !fitsType(dtype, number)) {
    throw new AirlockError('CONTRACT_INVALID', {
      message: `${printable(what, 200)}: ${printable(String(value))} is not a value of ${dtype}`,
    });
  }
  return nearestOf(dtype, number);
}

/** Writes one element; `value` is one that `numberForType` gave. */
export function writeNumber(dtype: NumericType, data: DataView, index: number, value: ContractNumber): void {
  const at = index * dtypes[dtype].itemBytes;
  switch (dtype) {
    case 'DT_FLOAT':
      data.setFloat32(at, Number(value), true);
      break;
    case 'DT_DOUBLE':
      data.setFloat64(at, Number(value), true);
      break;
    case 'DT_HALF':
      data.setUint16(at, halfBits(Number(value)), true);
      break;
    case 'DT_BFLOAT16':
      data.setUint16(at, bfloat16Bits(Number(value)), true);
      break;
    case 'DT_INT64':
    case 'DT_UINT64':
      data.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
      break;
    case 'DT_INT32':
    case 'DT_UINT32':
      data.setUint32(at, Number(value), true);
      break;
    case 'DT_INT16':
    case 'DT_UINT16':
      data.setUint16(at, Number(value), true);
      break;
    case 'DT_INT8':
    case 'DT_UINT8':
    case 'DT_BOOL':
      data.setUint8(at, Number(value));
      break;
    case 'DT_COMPLEX64':
    case 'DT_COMPLEX128':
      throw new TypeError('complex numbers are never written');
  }
}

/** A copy of a numeric tensor that can be changed, for the first rule that changes something. */
export class NumberCopy {
  readonly tensor: NumericTensor;
  readonly #data: DataView;

  constructor(tensor: NumericTensor) {
    const bytes = new Uint8Array(tensor.bytes);
    this.tensor = { dtype: tensor.dtype, shape: tensor.shape, bytes };
    this.#data = new DataView(bytes.buffer);
  }

  set(index: number, value: ContractNumber): void {
    writeNumber(this.tensor.dtype, this.#data, index, value);
  }
}
