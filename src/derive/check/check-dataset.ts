// Replays a data set through a compiled contract as if each record were a request of its own, without a model and without a server. What
// it finds is what a server would find; it changes nothing and decodes no image.
import {
  type CompiledSignature,
  type Contract,
  compileContract,
  type ElementPath,
  type SignatureRules,
} from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import {
  type BoundInput,
  bindInputs,
  type Dataset,
  type InputMapping,
  isBatched,
  type RecordBatch,
  valuesOf,
  wantedColumns,
} from '../datasets/index.ts';
import { type CheckReport, CheckTally } from './check-report.ts';
import { type RecordSlices, sliceRecords, tensorOf } from './record-tensors.ts';

export interface CheckOptions {
  readonly mappings?: readonly InputMapping[];
  /** Records to check; default all. */
  readonly limit?: number;
}

/** Records that are looked at together as long as nothing is wrong with any of them. */
const runLength = 64;

/**
 * `signatures`: all of the model; `signature`: the one of them that the records are for.
 * @throws DATASET_INVALID when the data set cannot be read or lacks an input; CONTRACT_MISMATCH when contract and signature do not
 * belong together.
 */
export async function checkDataset(
  contract: Contract,
  signatures: readonly Signature[],
  signature: Signature,
  dataset: Dataset,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const rules = contract.signatures.get(signature.name);
  const checks = compileContract(contract, signatures).signature(signature.name);
  if (rules === undefined || checks === undefined)
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The contract has no signature ${printable(signature.name)}` });
  const bound = bindInputs(signature, dataset, options.mappings);
  const lacking = bound.filter(({ columns }) => columns.length === 0).map(({ spec }) => printable(spec.alias));
  if (lacking.length > 0)
    throw new AirlockError('DATASET_INVALID', {
      message: `The data set has no column for the input ${lacking.join(', ')}; see --map`,
    });

  const tally = new CheckTally();
  const checker = new RecordChecker(checks, bound, tally, longestRun(contract, rules, bound));
  for await (const batch of dataset.records(wantedColumns(bound))) {
    const left = (options.limit ?? Number.POSITIVE_INFINITY) - tally.records;
    checker.check(batch, Math.min(batch.rows, left));
    if (left <= batch.rows) break;
  }
  return tally.report(dataset.name);
}

/**
 * How many records one trial request may hold: a run that breaks nothing proves that none of its records would. That is true of rules of
 * elements and of upper limits, and of no rule that averages, adds up or compares rows; those need each record by itself.
 */
function longestRun(contract: Contract, rules: SignatureRules, bound: readonly BoundInput[]): number {
  const together = [...rules.inputs.values()].some(
    (tensor) =>
      tensor.sum !== undefined ||
      tensor.mean !== undefined ||
      tensor.standardDeviation !== undefined ||
      tensor.zeroFraction !== undefined ||
      tensor.unique !== undefined ||
      tensor.monotone !== undefined ||
      (tensor.vocabulary?.maxUnknownFraction ?? 0) > 0,
  );
  if (together || rules.relations.length > 0 || !bound.every(({ spec }) => isBatched(spec))) return 1;
  let longest = runLength;
  for (const { spec } of bound) {
    const dim = rules.inputs.get(spec.alias)?.shape?.[0];
    if (dim?.kind === 'fixed' || (dim?.kind === 'symbol' && (dim.multiplier !== 1 || dim.offset !== 0))) return 1;
    const limits = dim?.kind === 'symbol' ? contract.dims.get(dim.name) : undefined;
    if (limits !== undefined && (limits.min > 1 || limits.multipleOf !== undefined)) return 1;
    if (limits !== undefined) longest = Math.min(longest, limits.max);
  }
  return Math.max(1, longest);
}

class RecordChecker {
  readonly #checks: CompiledSignature;
  readonly #bound: readonly BoundInput[];
  readonly #tally: CheckTally;
  readonly #runLength: number;

  constructor(checks: CompiledSignature, bound: readonly BoundInput[], tally: CheckTally, longest: number) {
    this.#checks = checks;
    this.#bound = bound;
    this.#tally = tally;
    this.#runLength = longest;
  }

  check(batch: RecordBatch, rows: number): void {
    const slices: RecordSlices[] = [];
    for (const input of this.#bound) {
      const values = valuesOf(input, batch);
      if (values === undefined) {
        this.#tally.records += rows;
        this.#tally.incomplete += rows;
        return;
      }
      slices.push(sliceRecords(input, values));
    }
    for (let row = 0; row < rows; ) {
      if (slices.some(({ shapeOf }) => shapeOf(row) === undefined)) {
        this.#tally.records++;
        this.#tally.incomplete++;
        row++;
        continue;
      }
      const end = this.#endOfRun(slices, row, rows);
      this.#checkRun(slices, row, end, batch);
      this.#tally.records += end - row;
      row = end;
    }
  }

  #endOfRun(slices: readonly RecordSlices[], first: number, rows: number): number {
    let end = first + 1;
    const limit = Math.min(rows, first + this.#runLength);
    while (end < limit && slices.every(({ shapeOf }) => isSame(shapeOf(end), shapeOf(first)))) end++;
    return end;
  }

  #checkRun(slices: readonly RecordSlices[], first: number, end: number, batch: RecordBatch): void {
    const tensors = slices.map((slice) => tensorOf(slice, first, end));
    // Refusing must not depend on a dice: a rule of mode `sample` is enforced here.
    const verdict = this.#checks.checkInputs(tensors, pathsOf(this.#bound, tensors), { draw: 0 });
    if (verdict.findings.counts.size > 0 && end - first > 1) {
      for (let row = first; row < end; row++) this.#checkRun(slices, row, row + 1, batch);
      return;
    }
    this.#tally.imagesToDecode += verdict.imageJobs.length;
    if (verdict.findings.counts.size === 0) return;
    this.#tally.add(verdict.findings, batch.labels?.[first] ?? `record ${batch.firstRecord + first}`);
  }
}

function isSame(one: readonly number[] | undefined, other: readonly number[] | undefined): boolean {
  if (one === other) return one !== undefined;
  return one !== undefined && other !== undefined && one.length === other.length && one.every((size, at) => size === other[at]);
}

/** `age`, or `age[3]` for an element of a record with several. */
function pathsOf(bound: readonly BoundInput[], tensors: readonly Tensor[]): ElementPath[] {
  return bound.map(({ spec }, index): ElementPath => {
    const name = printable(spec.alias);
    const { shape } = tensors[index];
    const isScalar = shape.every((size) => size === 1);
    return (at) => (at === undefined || isScalar ? name : `${name}[${at}]`);
  });
}
