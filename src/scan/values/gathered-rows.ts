// The rows of a tensor, one at a time: what a function gets that is mapped over it.
import { distinctConstants, maxAlternatives, originsOf, uniteOrigins } from './lattice.ts';
import { countOfShape } from './tensors.ts';
import type { Constant, Value } from './value-types.ts';

function rowsOf({ shape, numbers, strings }: Constant): readonly Constant[] {
  const [count = 0, ...inner] = shape;
  const width = countOfShape(inner);
  // As many again as are told apart: rows may repeat.
  return Array.from({ length: Math.min(count, maxAlternatives * 16) }, (_, row) => ({
    shape: inner,
    ...(numbers === undefined ? {} : { numbers: numbers.slice(row * width, (row + 1) * width) }),
    ...(strings === undefined ? {} : { strings: strings.slice(row * width, (row + 1) * width) }),
  }));
}

/** Any row of it. */
export function gatheredRows(value: Value): Value {
  const { partial: _, constants, ...rest } = value;
  const isWhole = constants?.every(({ shape }) => shape.length > 0 && (shape[0] ?? 0) <= maxAlternatives * 16) ?? false;
  const rows = isWhole ? distinctConstants((constants ?? []).flatMap(rowsOf)) : undefined;
  return {
    ...rest,
    shape: value.shape === undefined || value.shape.length === 0 ? undefined : value.shape.slice(1),
    constants: rows,
    origins: rows === undefined && constants !== undefined ? uniteOrigins(value.origins, originsOf('computed')) : value.origins,
  };
}
