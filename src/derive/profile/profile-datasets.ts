// From a model's signature and data sets to a contract that says what the data are. Reads every record once; what it remembers does not
// grow with their number. The data may be hostile, and whoever wrote them decides what the contract allows: the report says who could.
import { createHash } from 'node:crypto';
import {
  type Contract,
  contractMistakes,
  type DimRules,
  type RuleName,
  rulesSetOn,
  type Source,
  type TensorRules,
} from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import type { Signature } from '../../tensor/index.ts';
import {
  type BoundInput,
  bindInputs,
  type Dataset,
  datasetError,
  type InputMapping,
  isBatched,
  valuesOf,
  wantedColumns,
  wholeRecord,
} from '../datasets/index.ts';
import { contractFromSignature } from '../skeleton.ts';
import { VocabularyFiles } from '../vocabulary-files.ts';
import { InputMeasure, type StringContent } from './input-measure.ts';
import { lengthBounds, marginText } from './margins.ts';
import { type InputReport, reportOf } from './profile-report.ts';
import { rulesOfMeasure } from './rules-of-measure.ts';

export interface ProfileOptions {
  /** `metadata.id`. */
  readonly id: string;
  /** What to start from and narrow; default what the signature says. */
  readonly base?: Contract;
  readonly mappings?: readonly InputMapping[];
  /** Share of the distance from p0.1 to p99.9 by which bounds are widened. Default 0.25. */
  readonly margin?: number;
  /** Look for order within records, and for values that never come twice; a coincidence becomes a rule. Default false. */
  readonly detect?: boolean;
  /** Whether strings of few different values get a vocabulary file. Default true. */
  readonly vocabularies?: boolean;
}

export interface Profile {
  readonly contract: Contract;
  /** For `formatContract`. */
  readonly comments: ReadonlyMap<string, string>;
  /** Files to write beside the contract, by name. */
  readonly vocabularies: ReadonlyMap<string, Buffer>;
  readonly inputs: readonly InputReport[];
  /** Columns that no input reads, where the formats say which there are. */
  readonly unusedColumns: readonly string[];
  readonly warnings: readonly string[];
}

export const defaultMargin = 0.25;

/**
 * Reads all records of `datasets`, which stay open.
 * @throws DATASET_INVALID for data that do not fit the signature, with record and column, and when there is no record or none has a value for
 * any input; USAGE for a mapping that fits nothing.
 */
export async function profileDatasets(
  signature: Signature,
  datasets: readonly Dataset[],
  options: ProfileOptions,
): Promise<Profile> {
  const margin = options.margin ?? defaultMargin;
  const detect = options.detect === true;
  const base = options.base ?? contractFromSignature({ signatures: [signature] }, { id: options.id });
  const baseRules = base.signatures.get(signature.name);
  if (baseRules === undefined)
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The contract has no signature ${printable(signature.name)}` });

  const measures = new Map<string, InputMeasure>();
  const sources: Source[] = [];
  const warnings: string[] = [];
  const unused = new Set<string>();
  const read = new Set<string>();
  for (const dataset of datasets) {
    const bound = bindInputs(signature, dataset, options.mappings);
    const records = await measureDataset(dataset, bound, baseRules.inputs, measures, detect);
    for (const column of dataset.columns ?? []) unused.add(column);
    for (const column of wantedColumns(bound)) read.add(column);
    sources.push(sourceOf(dataset, records, margin, new Set(sources.map(({ id }) => id))));
    if (records === 0) warnings.push(`${printable(dataset.name)} has no record`);
    if (dataset.writableByOthers)
      warnings.push(
        `${printable(dataset.name)} can be written by others than its owner: whoever can decides what this contract allows`,
      );
    if (bound.every(({ columns }) => columns.length === 0))
      warnings.push(`No input reads anything of ${printable(dataset.name)}`);
  }
  // A contract of nothing would look as if somebody had measured something.
  if (sources.every(({ records }) => records === 0)) throw datasetError({}, 'at least one record', 'none');
  if ([...measures.values()].every(({ records, missing }) => records === missing))
    throw datasetError({}, 'a value for at least one input (see --map)', 'none');
  const all = sources.length > 1 ? [...sources, combinedSource(sources, margin)] : sources;
  const source = all.at(-1)?.id ?? 'data';

  const inputs = new Map(baseRules.inputs);
  const dims = new Map(base.dims);
  const comments = new Map<string, string>([['', headComment(sources)]]);
  const measuredDims = new Set<string>();
  const vocabularies = new VocabularyFiles();
  const reports: InputReport[] = [];
  for (const { alias } of signature.inputs) {
    const measure = measures.get(alias);
    const rules = inputs.get(alias);
    if (rules === undefined) continue;
    const place = `${signature.name}/inputs/${alias}`;
    if (measure === undefined || measure.records === measure.missing) {
      warnings.push(`No data for the input ${printable(alias)}: only its type and shape are checked`);
      comments.set(place, 'No data were there for this input.');
      continue;
    }
    const measured = rulesOfMeasure(measure, rules, { margin, detect, source });
    const vocabulary =
      measured.words === undefined || options.vocabularies === false ? undefined : vocabularies.add(alias, measured.words, 0);
    inputs.set(alias, withVocabulary(measured.rules, vocabulary));
    narrowDims(measure, rules, margin, dims, measuredDims);
    warnings.push(...measured.warnings.map((text) => `${printable(alias)}: ${printable(text, 300)}`));
    reports.push(reportOf(measure, measured.notes));
    if (measured.notes.length > 0) comments.set(place, measured.notes.map((note) => printable(note, 300)).join('\n'));
  }
  const contract: Contract = {
    ...base,
    metadata: { ...base.metadata, id: options.id, sources: [...base.metadata.sources, ...all] },
    dims,
    signatures: new Map(base.signatures).set(signature.name, { ...baseRules, inputs }),
  };
  const [mistake] = contractMistakes(contract);
  if (mistake !== undefined)
    throw new AirlockError('CONTRACT_INVALID', {
      message: `The data make no contract: ${mistake.path}: expected ${mistake.expected}, got ${mistake.got}`,
    });
  const unusedColumns = [...unused].filter((name) => !read.has(name)).map((name) => printable(name));
  return { contract, comments, vocabularies: vocabularies.files, inputs: reports, unusedColumns, warnings };
}

async function measureDataset(
  dataset: Dataset,
  bound: readonly BoundInput[],
  rules: ReadonlyMap<string, TensorRules>,
  measures: Map<string, InputMeasure>,
  detect: boolean,
): Promise<number> {
  const used = bound.filter(({ columns }) => columns.length > 0);
  for (const { spec, columns } of used) {
    const content = contentOf(dataset, columns, rules.get(spec.alias));
    if (!measures.has(spec.alias)) measures.set(spec.alias, new InputMeasure(spec, content, { detect }));
  }
  let records = 0;
  for await (const batch of dataset.records(wantedColumns(used))) {
    records += batch.rows;
    for (const input of used) {
      const measure = measures.get(input.spec.alias);
      const values = valuesOf(input, batch);
      if (values === undefined) measure?.addMissing(batch.rows);
      else measure?.add(values, batch.firstRecord);
    }
  }
  return records;
}

function contentOf(dataset: Dataset, columns: readonly string[], rules: TensorRules | undefined): StringContent {
  if (rules?.image !== undefined || dataset.kind === 'images') return 'images';
  return rules?.example !== undefined || columns[0] === wholeRecord ? 'examples' : 'text';
}

/** A dimension that several inputs share has room for the lengths of all of them. */
function narrowDims(
  measure: InputMeasure,
  { shape }: TensorRules,
  margin: number,
  dims: Map<string, DimRules>,
  measured: Set<string>,
): void {
  const first = isBatched(measure.spec) ? 1 : 0;
  for (const [index, sizes] of measure.sizes.entries()) {
    const dim = shape?.[index + first];
    const known = dim?.kind === 'symbol' ? dims.get(dim.name) : undefined;
    if (dim?.kind !== 'symbol' || known === undefined || dim.multiplier !== 1 || dim.offset !== 0) continue;
    const { min, max } = lengthBounds(sizes, margin);
    const isShared = measured.has(dim.name);
    dims.set(dim.name, {
      ...known,
      min: isShared ? Math.min(min, known.min) : min,
      max: isShared ? Math.max(max, known.max) : max,
    });
    measured.add(dim.name);
  }
}

/** A source or a mode may only be named for a rule that is there: what the data made us allow is no rule any more. */
function withVocabulary(measured: TensorRules, vocabulary: TensorRules['vocabulary']): TensorRules {
  const rules = vocabulary === undefined ? measured : { ...measured, vocabulary };
  const set = new Set<RuleName>(rulesSetOn(rules));
  const only = <T>(map: ReadonlyMap<RuleName, T>) => new Map([...map].filter(([name]) => set.has(name)));
  return { ...rules, modes: only(rules.modes), derivedFrom: only(rules.derivedFrom) };
}

function sourceOf(dataset: Dataset, records: number, margin: number, taken: ReadonlySet<string>): Source {
  const stem =
    dataset.name
      .replace(/\.[A-Za-z0-9.]*$/, '')
      .replaceAll(/[^A-Za-z0-9_-]/g, '_')
      .slice(0, 60) || 'data';
  let id = stem;
  for (let number = 2; taken.has(id); number++) id = `${stem}_${number}`;
  const name = printable(dataset.name, 200);
  return { id, kind: dataset.kind, name, sha256: dataset.sha256(), records, margin: marginText(margin) };
}

/** Bounds were measured over all files together: one digest for them, made as that of a folder. */
function combinedSource(sources: readonly Source[], margin: number): Source {
  const lines = sources.map(({ sha256, name }) => `${sha256}  ${name}\n`).sort();
  let id = 'all';
  while (sources.some((source) => source.id === id)) id = `${id}_`;
  return {
    id,
    kind: sources[0].kind,
    name: printable(sources.map(({ name }) => name).join(', '), 200),
    sha256: createHash('sha256').update(lines.join('')).digest('hex'),
    records: sources.reduce((sum, { records = 0 }) => sum + records, 0),
    margin: marginText(margin),
  };
}

function headComment(sources: readonly Source[]): string {
  const data = sources.map(({ name, records }) => `${printable(name)} (${records} records)`).join(', ');
  return `Measured on ${data}.\nA draft: read it, and ask of every bound whether it is the world's or only this sample's.`;
}
