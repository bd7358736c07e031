// The one way in which a reader says that a data set cannot be read: where, what was expected, what came. Text of the file is cut and
// made printable here, and never stands in a message otherwise.
import { AirlockError, isAirlockError, printable, violationError } from '../../core/index.ts';

export interface DatasetPlace {
  /** From 1; absent for the file as a whole. */
  readonly record?: number | undefined;
  readonly column?: string | undefined;
}

/** DATASET_INVALID at a record and a column. `expected` is our own text; `got` may be the file's. */
export function datasetError(place: DatasetPlace, expected: string, got: string): AirlockError {
  const record = place.record === undefined ? '' : `record ${place.record}`;
  const column = place.column === undefined ? '' : `column ${printable(place.column)}`;
  const path = [record, column].filter((part) => part !== '').join(', ');
  return violationError('DATASET_INVALID', { path, rule: 'dataset', expected, got: printable(got, 60) });
}

/** What a library threw about the file's bytes, as DATASET_INVALID; our own errors and the system's stay what they are. */
export function asDatasetError(thrown: unknown, place: DatasetPlace, expected: string): AirlockError {
  if (isAirlockError(thrown)) return thrown;
  if (thrown instanceof Error && 'syscall' in thrown) {
    return new AirlockError('DATASET_INVALID', {
      message: 'The data set could not be read',
      detail: thrown.message,
      cause: thrown,
    });
  }
  // A library's own stumbles over damaged bytes say nothing to whoever has the file.
  const isStumble = thrown instanceof TypeError || thrown instanceof RangeError || !(thrown instanceof Error);
  return datasetError(place, expected, isStumble ? 'damaged bytes' : thrown.message);
}
