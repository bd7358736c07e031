// What the sizes of things depend on: how many bytes an element of each of TensorFlow's types takes in memory, and what integers can hold.

/** DataType numbers that this folder asks for by name (tensorflow/core/framework/types.proto). */
export const typeOf = {
  float: 1,
  int32: 3,
  string: 7,
  int64: 9,
  bool: 10,
  resource: 20,
  variant: 21,
} as const;

// A tstring is 24 bytes, a ResourceHandle and a Variant are 8 to 64: what TensorFlow's allocator is asked for, not what they point to.
const elementBytes: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 8],
  [3, 4],
  [4, 1],
  [5, 2],
  [6, 1],
  [7, 24],
  [8, 8],
  [9, 8],
  [10, 1],
  [11, 1],
  [12, 1],
  [13, 4],
  [14, 2],
  [15, 2],
  [16, 2],
  [17, 2],
  [18, 16],
  [19, 2],
  [20, 64],
  [21, 64],
  [22, 4],
  [23, 8],
]);

const ranges: ReadonlyMap<number, readonly [number, number]> = new Map([
  [4, [0, 255]],
  [5, [-32_768, 32_767]],
  [6, [-128, 127]],
  [10, [0, 1]],
  [11, [-128, 127]],
  [12, [0, 255]],
  [15, [-32_768, 32_767]],
  [16, [0, 65_535]],
  [17, [0, 65_535]],
  [29, [-8, 7]],
  [30, [0, 15]],
]);

/** Bytes of one element in memory; 1 for what is not known, so that nothing unknown looks large. References count as what they refer to. */
export function bytesPerElement(dtype: number | undefined): number {
  return dtype === undefined ? 1 : (elementBytes.get(plainType(dtype)) ?? 1);
}

/** Without the mark of a reference (+100). */
export function plainType(dtype: number): number {
  return dtype > 100 ? dtype - 100 : dtype;
}

/** What every value of a narrow integer type lies between; undefined for types that can hold more than 65,535, and for floats. */
export function narrowRange(dtype: number | undefined): readonly [number, number] | undefined {
  return dtype === undefined ? undefined : ranges.get(plainType(dtype));
}

/** True for whole numbers and booleans. */
export function isIntegerType(dtype: number | undefined): boolean {
  if (dtype === undefined) return false;
  const plain = plainType(dtype);
  return plain === 3 || plain === 9 || plain === 22 || plain === 23 || ranges.has(plain);
}
