// TensorFlow's data types as one table: number in the DataType enum, bytes per element, and how its elements are written.
// Numbers: tensorflow/core/framework/types.proto at 2.21. Types that TensorFlow cannot be fed from outside
// (RESOURCE, VARIANT, references) and those without a stable wire form (quantised, float8, int4) are refused by name.

export type DType =
  | 'DT_FLOAT'
  | 'DT_DOUBLE'
  | 'DT_INT32'
  | 'DT_UINT8'
  | 'DT_INT16'
  | 'DT_INT8'
  | 'DT_STRING'
  | 'DT_COMPLEX64'
  | 'DT_INT64'
  | 'DT_BOOL'
  | 'DT_BFLOAT16'
  | 'DT_UINT16'
  | 'DT_COMPLEX128'
  | 'DT_HALF'
  | 'DT_UINT32'
  | 'DT_UINT64';

export type DTypeKind = 'float' | 'int' | 'bool' | 'string' | 'complex';

export interface DTypeInfo {
  /** Number in TensorFlow's DataType enum. */
  readonly code: number;
  /** Bytes per element; 0 for strings, which have no fixed size. */
  readonly itemBytes: number;
  readonly kind: DTypeKind;
}

export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  DT_FLOAT: { code: 1, itemBytes: 4, kind: 'float' },
  DT_DOUBLE: { code: 2, itemBytes: 8, kind: 'float' },
  DT_INT32: { code: 3, itemBytes: 4, kind: 'int' },
  DT_UINT8: { code: 4, itemBytes: 1, kind: 'int' },
  DT_INT16: { code: 5, itemBytes: 2, kind: 'int' },
  DT_INT8: { code: 6, itemBytes: 1, kind: 'int' },
  DT_STRING: { code: 7, itemBytes: 0, kind: 'string' },
  DT_COMPLEX64: { code: 8, itemBytes: 8, kind: 'complex' },
  DT_INT64: { code: 9, itemBytes: 8, kind: 'int' },
  DT_BOOL: { code: 10, itemBytes: 1, kind: 'bool' },
  DT_BFLOAT16: { code: 14, itemBytes: 2, kind: 'float' },
  DT_UINT16: { code: 17, itemBytes: 2, kind: 'int' },
  DT_COMPLEX128: { code: 18, itemBytes: 16, kind: 'complex' },
  DT_HALF: { code: 19, itemBytes: 2, kind: 'float' },
  DT_UINT32: { code: 22, itemBytes: 4, kind: 'int' },
  DT_UINT64: { code: 23, itemBytes: 8, kind: 'int' },
};

const byCode: ReadonlyMap<number, DType> = new Map(Object.entries(dtypes).map(([name, info]) => [info.code, name as DType]));

// Named so that a refusal can say which type it was, not only a number.
const unsupportedNames: ReadonlyMap<number, string> = new Map([
  [0, 'DT_INVALID'],
  [11, 'DT_QINT8'],
  [12, 'DT_QUINT8'],
  [13, 'DT_QINT32'],
  [15, 'DT_QINT16'],
  [16, 'DT_QUINT16'],
  [20, 'DT_RESOURCE'],
  [21, 'DT_VARIANT'],
  [24, 'DT_FLOAT8_E5M2'],
  [25, 'DT_FLOAT8_E4M3FN'],
  [26, 'DT_FLOAT8_E4M3FNUZ'],
  [27, 'DT_FLOAT8_E4M3B11FNUZ'],
  [28, 'DT_FLOAT8_E5M2FNUZ'],
  [29, 'DT_INT4'],
  [30, 'DT_UINT4'],
  [31, 'DT_INT2'],
  [32, 'DT_UINT2'],
]);

/** The supported type with this number in TensorFlow's enum, or undefined. */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code);
}

/** The name of any type number, also of those that are refused: `DT_RESOURCE`, `DT_FLOAT_REF`, `DT_77`. */
export function dtypeName(code: number): string {
  const plain = byCode.get(code) ?? unsupportedNames.get(code);
  if (plain !== undefined) return plain;
  // TensorFlow marks a reference to a variable by adding 100.
  const referred = code > 100 ? (byCode.get(code - 100) ?? unsupportedNames.get(code - 100)) : undefined;
  return referred === undefined ? `DT_${code}` : `${referred}_REF`;
}
