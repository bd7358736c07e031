// What a checkpoint may hold, by the number of TensorFlow's DataType: its name and the bytes of an element. Facts only
// (tensorflow/core/framework/types.proto and types.cc, 2.21).

interface DataTypeFacts {
  readonly name: string;
  /** Undefined where elements differ in size (strings, variants), or the type has no values in a file (resources). */
  readonly itemBytes: number | undefined;
}

const byCode: ReadonlyMap<number, DataTypeFacts> = new Map(
  (
    [
      [1, 'DT_FLOAT', 4],
      [2, 'DT_DOUBLE', 8],
      [3, 'DT_INT32', 4],
      [4, 'DT_UINT8', 1],
      [5, 'DT_INT16', 2],
      [6, 'DT_INT8', 1],
      [7, 'DT_STRING', undefined],
      [8, 'DT_COMPLEX64', 8],
      [9, 'DT_INT64', 8],
      [10, 'DT_BOOL', 1],
      [11, 'DT_QINT8', 1],
      [12, 'DT_QUINT8', 1],
      [13, 'DT_QINT32', 4],
      [14, 'DT_BFLOAT16', 2],
      [15, 'DT_QINT16', 2],
      [16, 'DT_QUINT16', 2],
      [17, 'DT_UINT16', 2],
      [18, 'DT_COMPLEX128', 16],
      [19, 'DT_HALF', 2],
      [20, 'DT_RESOURCE', undefined],
      [21, 'DT_VARIANT', undefined],
      [22, 'DT_UINT32', 4],
      [23, 'DT_UINT64', 8],
      [24, 'DT_FLOAT8_E5M2', 1],
      [25, 'DT_FLOAT8_E4M3FN', 1],
      [26, 'DT_FLOAT8_E4M3FNUZ', 1],
      [27, 'DT_FLOAT8_E4M3B11FNUZ', 1],
      [28, 'DT_FLOAT8_E5M2FNUZ', 1],
      [29, 'DT_INT4', 1],
      [30, 'DT_UINT4', 1],
      [31, 'DT_INT2', 1],
      [32, 'DT_UINT2', 1],
    ] as const
  ).map(([code, name, itemBytes]) => [code, { name, itemBytes }]),
);

/** Types whose values a bundle encodes element by element. */
export const encodedTypes = { string: 7, resource: 20, variant: 21 } as const;

/** Undefined for a number that TensorFlow 2.21 does not know. */
export function dataTypeFacts(code: number): DataTypeFacts | undefined {
  return byCode.get(code);
}

/** `DT_FLOAT`; `data type 77` where there is no name. */
export function dataTypeName(code: number): string {
  return byCode.get(code)?.name ?? `data type ${code}`;
}
