// Features that are a tensor only together: sparse ones (indices and values) and ragged ones (values and the lengths of their rows). An
// index or a row that lies made kernels write beyond their buffers (SparseAdd in CVE-2021-29609, RaggedTensorToTensor in CVE-2021-29608);
// here it is found before a kernel sees it. Never trusts one of the features for the size of another.
import type { RaggedFeatures, SparseFeatures } from '../contract-types.ts';
import type { FeaturePlace } from './example-index.ts';
import { FeatureValues } from './example-values.ts';
import { NumberRows } from './feature-unique.ts';

type Places = ReadonlyMap<string, FeaturePlace>;
type GroupReport = (expected: string, got: () => string) => void;

/** Reports the first thing that is wrong. Features that are all missing are no mistake here. */
export type GroupCheck = (bytes: Uint8Array, places: Places, report: GroupReport) => void;

/** `name` is printable. */
export function sparseCheck(name: string, rules: SparseFeatures): GroupCheck {
  const dense = rules.denseShape.reduce((product, size) => product * BigInt(size), 1n);
  const isSmall = dense <= BigInt(Number.MAX_SAFE_INTEGER);
  return (bytes, places, report) => {
    const indices = presentAll(name, rules.index, rules.value, places, report);
    if (indices === undefined) return;
    const { count } = indices.value;
    for (const place of indices.others) {
      if (place.count !== count) {
        report(`${name}: as many indices as values, ${count}`, () => String(place.count));
        return;
      }
    }
    if (rules.maxDensity !== undefined && count > rules.maxDensity * Number(dense)) {
      report(`${name}: at most ${rules.maxDensity} of ${dense} elements`, () => String(count));
      return;
    }
    const walkers = indices.others.map((place) => new FeatureValues(bytes, place));
    const seen = rules.unique && !rules.sorted ? new NumberRows(count, walkers.length) : undefined;
    let previous: number | bigint = -1;
    for (let row = 0; row < count; row++) {
      let position: number | bigint = isSmall ? 0 : 0n;
      for (const [dimension, walker] of walkers.entries()) {
        const index = walker.nextInt64();
        const size = rules.denseShape[dimension];
        if (index < 0 || index >= size) {
          report(`${name}: indices from 0 to below ${size}`, () => `${index} at ${row}`);
          return;
        }
        seen?.addInteger(index);
        position = typeof position === 'bigint' ? position * BigInt(size) + BigInt(index) : position * size + Number(index);
      }
      if (rules.sorted && position < previous) {
        report(`${name}: indices in order`, () => `an earlier one at ${row}`);
        return;
      }
      if (rules.unique && rules.sorted && position === previous) {
        report(`${name}: each index once`, () => `one again at ${row}`);
        return;
      }
      previous = position;
    }
    const again = seen?.firstRepeated() ?? -1;
    if (again >= 0) report(`${name}: each index once`, () => `one again at ${again}`);
  };
}

/** `name` is printable. */
export function raggedCheck(name: string, { value, rowLengths, maxRows, maxRowLength }: RaggedFeatures): GroupCheck {
  return (bytes, places, report) => {
    const found = presentAll(name, [rowLengths], value, places, report);
    if (found === undefined) return;
    const [lengths] = found.others;
    if (maxRows !== undefined && lengths.count > maxRows) {
      report(`${name}: at most ${maxRows} rows`, () => String(lengths.count));
      return;
    }
    const { count } = found.value;
    const walker = new FeatureValues(bytes, lengths);
    let total = 0;
    for (let row = 0; !walker.isDone; row++) {
      const length = walker.nextInt64();
      if (length < 0 || length > (maxRowLength ?? Number.MAX_SAFE_INTEGER)) {
        report(`${name}: rows of 0 to ${maxRowLength ?? count} values`, () => `${length} at ${row}`);
        return;
      }
      // Stops at the first row that is too much, so the sum stays exact.
      total += Number(length);
      if (total > count) break;
    }
    if (total !== count) report(`${name}: rows of ${count} values in all`, () => (total > count ? 'more' : String(total)));
  };
}

/** The group's features when all of them are there and of the right kind. */
function presentAll(
  name: string,
  integers: readonly string[],
  value: string,
  places: Places,
  report: GroupReport,
): { readonly value: FeaturePlace; readonly others: readonly FeaturePlace[] } | undefined {
  const valuePlace = present(places.get(value));
  const others = integers.map((feature) => present(places.get(feature))).filter((place) => place !== undefined);
  if (valuePlace === undefined && others.length === 0) return undefined;
  if (valuePlace === undefined || others.length < integers.length) {
    report(`${name}: all of its ${integers.length + 1} features, or none`, () => 'some are missing');
    return undefined;
  }
  const wrong = others.find(({ kind }) => kind !== 'int64');
  if (wrong !== undefined) {
    report(`${name}: indices and lengths of kind int64`, () => wrong.kind ?? 'nothing');
    return undefined;
  }
  return { value: valuePlace, others };
}

function present(place: FeaturePlace | undefined): FeaturePlace | undefined {
  return place?.kind === undefined ? undefined : place;
}
