// The rule `unique`: no element, or no row, comes twice. Compared by bytes; zeros of either sign are the same, and so are all NaNs.
import { dtypes, elementCount, type NumericTensor, type Tensor } from '../../tensor/index.ts';
import type { TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import { numberView } from './element-access.ts';
import { elementPreview } from './set-rules-strings.ts';
import { eachRepeated, equalRanges, type Ranges, stringRanges } from './set-rules-table.ts';

/** Elements, or slices along the first dimension. */
export function compileUnique(context: EngineContext): TensorCheck | undefined {
  const { unique } = context.rules;
  const rule = unique === undefined ? undefined : context.bind('unique');
  if (unique === undefined || rule === undefined) return undefined;
  const isRows = unique === 'rows';
  return (tensor, { findings, path }) => {
    const count = elementCount(tensor.shape);
    const rows = isRows ? (tensor.shape[0] ?? 1) : count;
    const rowLength = rows === 0 ? 0 : count / rows;
    let reports = 0;
    eachRepeated(rangesOf(tensor, rows, rowLength), (row, first) => {
      const what = isRows ? 'row' : 'element';
      const got = (): string => (isRows ? `row ${row} is row ${first} again` : `${elementPreview(tensor, row)} again`);
      findings.report(rule, () => path(row * rowLength), `each ${what} only once`, got);
      reports++;
      return reports < context.maxReports;
    });
    return tensor;
  };
}

function rangesOf(tensor: Tensor, rows: number, rowLength: number): Ranges {
  if (tensor.dtype !== 'DT_STRING') return equalRanges(canonicalBytes(tensor), rows, rowLength * dtypes[tensor.dtype].itemBytes);
  return rowLength === 1 ? stringRanges(tensor) : stringRows(tensor.bytes, tensor.offsets, rows, rowLength);
}

/** Each string with its length in front of it: ["ab", "c"] and ["a", "bc"] are different rows. */
function stringRows(bytes: Uint8Array, offsets: Uint32Array, rows: number, rowLength: number): Ranges {
  const framed = new Uint8Array(bytes.byteLength + 4 * rows * rowLength);
  const data = new DataView(framed.buffer);
  const ends = new Uint32Array(rows + 1);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = row * rowLength; i < (row + 1) * rowLength; i++) {
      data.setUint32(at, offsets[i + 1] - offsets[i], true);
      framed.set(bytes.subarray(offsets[i], offsets[i + 1]), at + 4);
      at += 4 + offsets[i + 1] - offsets[i];
    }
    ends[row + 1] = at;
  }
  return stringRanges({ bytes: framed, offsets: ends });
}

/** The tensor's bytes, with equal numbers made equal bytes. */
function canonicalBytes(tensor: NumericTensor): Uint8Array {
  const { kind, itemBytes } = dtypes[tensor.dtype];
  if (kind !== 'float' && kind !== 'complex') return tensor.bytes;
  const view = numberView(tensor);
  const width = kind === 'complex' ? itemBytes / 2 : itemBytes;
  let copy: Uint8Array | undefined;
  for (let index = 0; index < view.length; index++) {
    const value = view.exact(index);
    if (!Object.is(value, -0) && !Number.isNaN(value)) continue;
    copy ??= new Uint8Array(tensor.bytes);
    copy.fill(value === 0 ? 0 : 0xff, index * width, (index + 1) * width);
  }
  return copy ?? tensor.bytes;
}
