// What two tensors of numbers differ by, and how many classes one has to choose from, for the comparison of a rehearsal.
import { elementCount, type NumberView, type Tensor } from '../tensor/index.ts';

/** How far two numbers are apart: 0 for two NaN, NaN when only one of them is finite. */
export function differenceAt(a: NumberView, b: NumberView, index: number): number {
  if (a.exact !== undefined && b.exact !== undefined) {
    const difference = a.exact(index) - b.exact(index);
    return Number(difference < 0n ? -difference : difference);
  }
  const [x, y] = [a.at(index), b.at(index)];
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
  return Number.isFinite(x) && Number.isFinite(y) ? Math.abs(x - y) : Number.NaN;
}

/** Classes along the last axis; 0 where the tensor has none to choose from: strings, complex numbers, booleans, and one score for each row. */
export function classesOf({ dtype, shape }: Tensor): number {
  if (dtype === 'DT_STRING' || dtype === 'DT_BOOL' || dtype === 'DT_COMPLEX64' || dtype === 'DT_COMPLEX128') return 0;
  const classes = shape.at(-1) ?? 0;
  return shape.length >= 2 && classes >= 2 && elementCount(shape) > 0 ? classes : 0;
}
