// Relations that hold composite tensors together: `sparse` and `ragged`, each in several inputs. TensorFlow's own kernels have read out of
// bounds on indices that leave the dense shape (SparseCountSparseOutput, CVE-2021-41210) and followed null pointers on row splits that fall
// (RaggedTensorToSparse, CVE-2021-37656). Here all of it is checked before the model gets anything. Changes nothing.
import { AirlockError, printable } from '../../core/index.ts';
import { elementCount, formatShape, type NumericTensor, type Tensor } from '../../tensor/index.ts';
import type { RelationCheck } from '../check-types.ts';
import type { ContractNumber, Relation } from '../contract-types.ts';
import { type NumberView, numberView } from './element-access.ts';
import type { RelationParts } from './relations-types.ts';
import { eachRepeated, equalRanges } from './set-rules-table.ts';

const integerTypes: ReadonlySet<Tensor['dtype'] | undefined> = new Set(['DT_INT32', 'DT_INT64']);

function integersOf(tensors: ReadonlyMap<string, Tensor>, alias: string): NumericTensor | undefined {
  const tensor = tensors.get(alias);
  return tensor === undefined || tensor.dtype === 'DT_STRING' || !integerTypes.has(tensor.dtype) ? undefined : tensor;
}

function demandIntegers({ rule, inputs }: RelationParts, aliases: readonly string[]): void {
  const wrong = aliases.find((alias) => !integerTypes.has(inputs.get(alias)?.dtype));
  if (wrong === undefined) return;
  throw new AirlockError('CONTRACT_INVALID', {
    message: `${printable(rule.id, 200)}: ${printable(wrong)} must be int32 or int64`,
  });
}

/** @throws CONTRACT_INVALID when indices or dense shape are no integers */
export function compileSparse(relation: Extract<Relation, { rule: 'sparse' }>, parts: RelationParts): RelationCheck {
  const { rule, maxReports } = parts;
  const { maxDenseElements = Number.MAX_SAFE_INTEGER, maxDensity = 1 } = relation;
  demandIntegers(parts, [relation.indices, relation.denseShape]);
  return (tensors, { findings, pathOf }) => {
    const indices = integersOf(tensors, relation.indices);
    const dense = integersOf(tensors, relation.denseShape);
    const values = tensors.get(relation.values);
    if (indices === undefined || dense === undefined || values === undefined) return;
    const report = (alias: string, index: number | undefined, expected: string, got: () => string): void => {
      findings.report(rule, () => pathOf(alias)(index), expected, got);
    };
    const [count, rank] = indices.shape;
    if (indices.shape.length !== 2 || dense.shape.length !== 1 || values.shape.length !== 1) {
      const got = [indices, dense, values].map(({ shape }) => formatShape(shape)).join(' ');
      return report(relation.indices, undefined, 'indices [n,rank], dense shape [rank] and values [n]', () => got);
    }
    if (dense.shape[0] !== rank) return report(relation.denseShape, undefined, `${rank} sizes`, () => `${dense.shape[0]}`);
    if (values.shape[0] !== count) return report(relation.values, undefined, `${count} values`, () => `${values.shape[0]}`);
    const sizes = Array.from({ length: rank }, (_, axis) => Number(numberView(dense).exact(axis)));
    const product = elementCount(sizes);
    if (!Number.isSafeInteger(product))
      return report(relation.denseShape, undefined, 'sizes whose product is a count', () => sizes.join(','));
    if (product > maxDenseElements) {
      return report(relation.denseShape, undefined, `at most ${maxDenseElements} elements when dense`, () => String(product));
    }
    // What is expected is in the words of the contract: a client's sizes stand in what it sent.
    if (count > maxDensity * product) {
      report(relation.values, undefined, `values for at most ${maxDensity} of the elements`, () => `${count} of ${product}`);
    }
    const view = numberView(indices);
    let reports = 0;
    for (let row = 0; row < count && reports < maxReports; row++) {
      const axis = outOfBounds(view, row, sizes);
      if (axis !== -1) {
        const got = (): string => `${view.exact(row * rank + axis)} of ${sizes[axis]}`;
        report(relation.indices, row * rank + axis, 'an index inside the dense shape', got);
        reports++;
      } else if (relation.sorted && row > 0 && compareRows(view, row - 1, row, rank) > 0) {
        report(relation.indices, row * rank, 'indices in rising order', () => `row ${row} before row ${row - 1}`);
        reports++;
      }
    }
    if (!relation.unique || reports === maxReports) return;
    const width = rank === 0 || count === 0 ? 0 : indices.bytes.byteLength / count;
    eachRepeated(equalRanges(indices.bytes, count, width), (row, first) => {
      report(relation.indices, row * rank, 'each index only once', () => `row ${row} is row ${first} again`);
      reports++;
      return reports < maxReports;
    });
  };
}

/** The first axis on which a row of indices is outside of the dense shape, or -1. */
function outOfBounds(view: NumberView, row: number, sizes: readonly number[]): number {
  return sizes.findIndex((size, axis) => {
    const index = view.exact(row * sizes.length + axis);
    return !(index >= 0 && index < size);
  });
}

function compareRows(view: NumberView, left: number, right: number, rank: number): number {
  for (let axis = 0; axis < rank; axis++) {
    const a = view.exact(left * rank + axis);
    const b = view.exact(right * rank + axis);
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

/** @throws CONTRACT_INVALID when the row splits are no integers */
export function compileRagged(relation: Extract<Relation, { rule: 'ragged' }>, parts: RelationParts): RelationCheck {
  const { rule, maxReports } = parts;
  const { maxRows = Number.MAX_SAFE_INTEGER, maxRowLength = Number.MAX_SAFE_INTEGER } = relation;
  demandIntegers(parts, [relation.rowSplits]);
  return (tensors, { findings, pathOf }) => {
    const splits = integersOf(tensors, relation.rowSplits);
    const values = tensors.get(relation.values);
    if (splits === undefined || values === undefined) return;
    const report = (index: number | undefined, expected: string, got: () => string): void => {
      findings.report(rule, () => pathOf(relation.rowSplits)(index), expected, got);
    };
    if (splits.shape.length !== 1 || splits.shape[0] < 1 || values.shape.length < 1) {
      return report(
        undefined,
        'row splits [rows + 1] and values with rows',
        () => `${formatShape(splits.shape)} ${formatShape(values.shape)}`,
      );
    }
    const rows = splits.shape[0] - 1;
    if (rows > maxRows) return report(undefined, `at most ${maxRows} rows`, () => `${rows} rows`);
    const view = numberView(splits);
    const first = view.exact(0);
    if (first !== 0) report(0, '0 as the first row split', () => String(first));
    const last = view.exact(rows);
    if (last !== values.shape[0])
      report(rows, `the number of values, ${values.shape[0]}, as the last row split`, () => String(last));
    let reports = 0;
    for (let row = 0; row < rows && reports < maxReports; row++) {
      const length = lengthBetween(view.exact(row), view.exact(row + 1));
      if (length >= 0 && length <= maxRowLength) continue;
      const expected = length < 0 ? 'at least the row split before it' : `rows of at most ${maxRowLength}`;
      report(row + 1, expected, () => (length < 0 ? String(view.exact(row + 1)) : `a row of ${length}`));
      reports++;
    }
  };
}

function lengthBetween(from: ContractNumber, to: ContractNumber): number {
  return typeof from === 'number' && typeof to === 'number' ? to - from : Number(BigInt(to) - BigInt(from));
}
