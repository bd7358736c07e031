// What was measured, for people and machines: one row per input. It decides nothing, and no value of the data but extremes stands in it.
import { printable } from '../../core/index.ts';
import type { InputMeasure } from './input-measure.ts';
import type { NumberMeasure } from './number-measure.ts';
import type { Lengths, TextMeasure } from './text-measure.ts';

/** Integers beyond 2^53 are text, so that every reader of JSON keeps their digits. */
export type ReportNumber = number | string;

export interface LengthReport {
  readonly min: number;
  readonly median: number;
  readonly p999: number;
  readonly max: number;
}

export interface InputReport {
  readonly input: string;
  readonly dtype: string;
  readonly records: number;
  readonly missing: number;
  /** Sizes of the dimensions of one record. */
  readonly sizes: readonly LengthReport[];
  readonly numbers?: {
    readonly count: number;
    readonly nan: number;
    readonly infinite: number;
    readonly min?: ReportNumber;
    readonly p001?: ReportNumber;
    readonly median?: ReportNumber;
    readonly p999?: ReportNumber;
    readonly max?: ReportNumber;
    /** Absent when there are too many to count. */
    readonly distinct?: number;
  };
  readonly text?: {
    readonly count: number;
    readonly notUtf8: number;
    readonly notAscii: number;
    readonly notNfc: number;
    readonly bytes: LengthReport;
    readonly codePoints?: LengthReport;
    readonly graphemes?: LengthReport;
    readonly distinct?: number;
  };
  readonly images?: {
    readonly count: number;
    readonly problems: number;
    readonly formats: Readonly<Record<string, number>>;
    readonly width?: LengthReport;
    readonly height?: LengthReport;
    readonly bytes?: LengthReport;
    readonly metadataBytes?: LengthReport;
    readonly maxRatio: number;
  };
  readonly features?: Readonly<
    Record<string, { readonly kind: string; readonly present: number; readonly values?: LengthReport }>
  >;
  readonly notes: readonly string[];
}

export function reportOf(measure: InputMeasure, notes: readonly string[]): InputReport {
  const { spec, records, missing, numbers, text, images, examples } = measure;
  return {
    input: spec.alias,
    dtype: spec.dtype,
    records,
    missing,
    sizes: measure.sizes.map(lengthsOf),
    ...(numbers === undefined ? {} : { numbers: numbersOf(numbers) }),
    ...(text === undefined || text.count === 0 ? {} : { text: textOf(text) }),
    ...(images === undefined
      ? {}
      : {
          images: {
            count: images.count,
            problems: images.problems,
            formats: Object.fromEntries([...images.formats].sort()),
            maxRatio: images.maxRatio,
            ...(images.bytes.count === 0
              ? {}
              : {
                  width: lengthsOf(images.width),
                  height: lengthsOf(images.height),
                  bytes: lengthsOf(images.bytes),
                  metadataBytes: lengthsOf(images.metadataBytes),
                }),
          },
        }),
    ...(examples === undefined
      ? {}
      : {
          features: Object.fromEntries(
            [...examples.features].map(([name, { kind, present, counts }]) => [
              printable(name),
              { kind, present, ...(counts.count === 0 ? {} : { values: lengthsOf(counts) }) },
            ]),
          ),
        }),
    notes,
  };
}

function numbersOf(numbers: NumberMeasure): NonNullable<InputReport['numbers']> {
  const { count, nans, infinities, min, max, distinct } = numbers;
  return {
    count,
    nan: nans,
    infinite: infinities,
    ...(min === undefined || max === undefined
      ? {}
      : {
          min: reportNumber(min),
          p001: reportNumber(numbers.quantile(0.001)),
          median: reportNumber(numbers.quantile(0.5)),
          p999: reportNumber(numbers.quantile(0.999)),
          max: reportNumber(max),
        }),
    ...(distinct.size === undefined ? {} : { distinct: distinct.size }),
  };
}

function textOf(text: TextMeasure): NonNullable<InputReport['text']> {
  return {
    count: text.count,
    notUtf8: text.invalid,
    notAscii: text.notAscii,
    notNfc: text.notNfc,
    bytes: lengthsOf(text.bytes),
    ...(text.codePoints.count === 0 ? {} : { codePoints: lengthsOf(text.codePoints), graphemes: lengthsOf(text.graphemes) }),
    ...(text.distinct.size === undefined ? {} : { distinct: text.distinct.size }),
  };
}

function lengthsOf({ min, max, digest }: Lengths): LengthReport {
  return { min, median: digest.quantile(0.5), p999: digest.quantile(0.999), max };
}

function reportNumber(value: number | bigint): ReportNumber {
  return typeof value === 'bigint' ? String(value) : value;
}

/** One line per input and per note. */
export function formatReport(inputs: readonly InputReport[]): string {
  const rows = inputs.map((report) => [
    printable(report.input),
    report.dtype,
    String(report.records),
    report.missing === 0 ? '-' : String(report.missing),
    contentText(report),
  ]);
  const table = [['input', 'type', 'records', 'missing', 'values'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  const notes = inputs.flatMap(({ input, notes: own }) => own.map((note) => `${printable(input)}: ${note}`));
  return `${[...lines, ...notes].join('\n')}\n`;
}

function contentText({ numbers, text, images, features, sizes }: InputReport): string {
  const shape =
    sizes.length === 0 ? '' : ` × [${sizes.map(({ min, max }) => (min === max ? `${max}` : `${min}…${max}`)).join(', ')}]`;
  const short = (value: ReportNumber | undefined) =>
    typeof value === 'number' ? String(Number(value.toPrecision(6))) : (value ?? '-');
  if (numbers !== undefined) {
    const { min, p001, median, p999, max, nan, infinite } = numbers;
    const odd = `${nan > 0 ? `, ${nan} NaN` : ''}${infinite > 0 ? `, ${infinite} infinite` : ''}`;
    return `${[min, p001, median, p999, max].map(short).join(' · ')}${odd}${shape}`;
  }
  if (text !== undefined) {
    const { bytes, distinct } = text;
    return `${bytes.min} to ${bytes.max} bytes, ${distinct ?? 'many'} different${shape}`;
  }
  if (images !== undefined) {
    const formats = Object.entries(images.formats).map(([format, count]) => `${count} ${format}`);
    const size =
      images.width === undefined
        ? ''
        : `, ${images.width.min}…${images.width.max} × ${images.height?.min}…${images.height?.max} pixels`;
    return `${formats.join(', ')}${size}`;
  }
  return features === undefined ? 'nothing was read' : `${Object.keys(features).length} features`;
}
