// How many values a feature has: a TFDV schema's shape, value_count and value_counts as an interval.
import type { Interval } from '../../contract/index.ts';
import { invalidSchema } from './feature-draft.ts';
import type { Feature, FixedShape, ValueCount } from './gen/tensorflow_metadata/schema_pb.ts';
import type { TransferNotes } from './transfer-report.ts';

/** What a contract can count. */
const maxValues = 2 ** 31 - 1;

/** The product of the sizes; undefined when one is open or the product passes 2^31. */
export function shapeSize({ dim }: FixedShape): number | undefined {
  let product = 1;
  for (const { size } of dim) {
    if (size === undefined || size < 0n) return undefined;
    product *= Number(size);
    if (product > maxValues) return undefined;
  }
  return product;
}

function intervalOf({ min, max }: ValueCount, path: string): Interval | undefined {
  if (min !== undefined && max !== undefined && min > max)
    throw invalidSchema(path, 'value_count has its ends the wrong way round');
  const bounds = {
    ...(min === undefined || min < 0n ? {} : { min: Number(min) }),
    ...(max === undefined || max < 0n ? {} : { max: Number(max) }),
  };
  for (const bound of Object.values(bounds)) if (bound > maxValues) throw invalidSchema(path, 'value_count is too large');
  return Object.keys(bounds).length === 0 ? undefined : bounds;
}

function importShape(shape: FixedShape, path: string, notes: TransferNotes): Interval | undefined {
  const size = shapeSize(shape);
  if (size === undefined) {
    notes.lose(
      path,
      'shape',
      'a shape with an open or negative size, or a huge one',
      'a feature here has a number of values, and no shape',
    );
    return undefined;
  }
  if (shape.dim.length !== 1)
    notes.lose(path, 'shape', 'the dimensions of a shape', `tf.Example is flat; ${size} values are asked for`);
  if (shape.dim.some(({ name }) => name !== undefined))
    notes.lose(path, 'shape.dim.name', 'names of dimensions', 'not part of a contract');
  return { min: size, max: size };
}

/**
 * The number of values that the schema asks for. `isRequired` matters for the way back: a count that is fixed is written as a shape when
 * the feature must be there, as TFDV itself infers it, and as value_count otherwise.
 * @throws DATASET_INVALID when the counts contradict each other.
 */
export function importCount(
  { shapeType }: Feature,
  isRequired: boolean,
  path: string,
  notes: TransferNotes,
): Interval | undefined {
  if (shapeType.case === 'shape') {
    const count = importShape(shapeType.value, path, notes);
    if (count !== undefined && !isRequired)
      notes.change(path, 'shape', 'a shape of a feature that need not be there', 'becomes a number of values');
    return count;
  }
  if (shapeType.case === 'valueCount') {
    const count = intervalOf(shapeType.value, path);
    if (count === undefined) notes.lose(path, 'value_count', 'a value_count without a bound', 'says nothing');
    else if (isRequired && count.min === count.max)
      notes.change(path, 'value_count', 'one fixed number of values', 'is the same as a shape of that size');
    return count;
  }
  if (shapeType.case !== 'valueCounts') return undefined;
  const levels = shapeType.value.valueCount.map((level) => intervalOf(level, path));
  if (levels.length !== 1) {
    notes.lose(path, 'value_counts', 'counts of nested lists', 'tf.Example is flat');
    return undefined;
  }
  notes.change(path, 'value_counts', 'the count of one level', 'is the same as value_count');
  return levels[0];
}
