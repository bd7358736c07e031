// From the values of a batch of records to the tensors of requests: any run of records whose values have one shape can be one request.
import { elementCount, type Tensor } from '../../tensor/index.ts';
import { type BoundInput, type InputValues, isBatched } from '../datasets/index.ts';

/** One input of a batch, with where each record's elements lie. */
export interface RecordSlices {
  readonly input: BoundInput;
  readonly elements: Tensor;
  /** Shape of record `row`; undefined where it has no value. */
  shapeOf(row: number): readonly number[] | undefined;
  /** Index of the first element of record `row`. */
  startOf(row: number): number;
}

export function sliceRecords(input: BoundInput, values: InputValues): RecordSlices {
  const { itemShape, missing, rows, elements } = values;
  const starts = new Float64Array(rows + 1);
  const shapes: (readonly number[] | undefined)[] = [];
  let present = 0;
  for (let row = 0; row < rows; row++) {
    const shape = missing?.[row] === 1 ? undefined : 'perRecord' in itemShape ? itemShape.perRecord[present++] : itemShape;
    shapes.push(shape);
    starts[row + 1] = starts[row] + (shape === undefined ? 0 : elementCount(shape));
  }
  return { input, elements, shapeOf: (row) => shapes[row], startOf: (row) => starts[row] };
}

/** The tensor of the records from `first` to before `end`, which all have one shape. An input without a batch dimension takes one record. */
export function tensorOf({ input, elements, shapeOf, startOf }: RecordSlices, first: number, end: number): Tensor {
  const item = shapeOf(first) ?? [];
  const shape = isBatched(input.spec) ? [end - first, ...item] : item;
  const [from, to] = [startOf(first), startOf(end)];
  if (elements.dtype !== 'DT_STRING') {
    const itemBytes = elements.bytes.length / Math.max(1, elementCount(elements.shape));
    return { dtype: elements.dtype, shape, bytes: elements.bytes.subarray(from * itemBytes, to * itemBytes) };
  }
  const offsets = elements.offsets.subarray(from, to + 1);
  const start = offsets[0];
  return {
    dtype: 'DT_STRING',
    shape,
    bytes: elements.bytes.subarray(start, offsets[offsets.length - 1]),
    offsets: Uint32Array.from(offsets, (offset) => offset - start),
  };
}
