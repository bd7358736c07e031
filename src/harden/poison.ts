// The checks once more, as data flow: every float output becomes NaN when a condition is false. TFLite, XLA and an optimiser with the
// debug stripper take Asserts out; a selection they keep, and whoever checks outputs for NaN then still finds the bad input.
import { DataType } from '../model/index.ts';
import { dtypeOfCode } from '../tensor/index.ts';
import { tensorAttribute, tensorProto, typeAttribute, typeNumberAttribute } from './graph-attributes.ts';
import type { GraphScope } from './graph-scope.ts';

const poisonable: ReadonlySet<DataType> = new Set([
  DataType.DT_HALF,
  DataType.DT_BFLOAT16,
  DataType.DT_FLOAT,
  DataType.DT_DOUBLE,
]);

/** Whether an output of this type can say by its value that a check failed. */
export function isPoisonable(type: DataType): boolean {
  return poisonable.has(type);
}

/** The outputs, those of a float type replaced by NaN when one of `conditions` is false. */
export function emitPoison(
  scope: GraphScope,
  prefix: string,
  conditions: readonly string[],
  types: readonly DataType[],
  values: readonly string[],
): string[] {
  if (conditions.length === 0 || !types.some(isPoisonable)) return [...values];
  let passed = conditions[0];
  for (const [index, condition] of conditions.slice(1).entries()) {
    passed = scope.add(`${prefix}/and${index}`, 'LogicalAnd', [passed, condition], {});
  }
  return values.map((value, index) => {
    const type = types[index];
    const dtype = dtypeOfCode(type);
    if (!isPoisonable(type) || dtype === undefined) return value;
    const nan = scope.add(`${prefix}/nan${index}`, 'Const', [], {
      dtype: typeAttribute(dtype),
      value: tensorAttribute(tensorProto(dtype, [Number.NaN], [])),
    });
    return scope.add(`${prefix}/output${index}`, 'SelectV2', [passed, value, nan], { T: typeNumberAttribute(type) });
  });
}
