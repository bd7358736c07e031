// What `profile`, `check` and `update` have in common on the command line: which files, how they are read, and how far they are.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirlockError, printable } from '../../../core/index.ts';
import { type Dataset, datasetKinds, openDataset } from '../../../derive/index.ts';
import type { Signature } from '../../../tensor/index.ts';
import type { Io } from '../../io.ts';
import { createProgressBar } from '../../progress-bar.ts';

/** How files are read. */
export interface ReadingOptions {
  readonly format?: string;
  readonly missing: readonly string[];
  readonly separator?: string;
  readonly map: readonly string[];
}

export interface DataOptions extends ReadingOptions {
  readonly data: readonly string[];
  readonly signature?: string;
  readonly tags: string;
  readonly json?: boolean;
}

const maxFiles = 98;

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** Adds the options of `ReadingOptions`; `formats` are further values of `--format`. */
export function addReadingOptions(command: Command, formats: readonly string[] = []): Command {
  return command
    .option('--format <format>', `when the name does not tell: ${[...datasetKinds, ...formats].join(', ')}`)
    .option('--missing <text>', "text that stands for a missing value in CSV, for example ''; may be repeated", collect, [])
    .option('--separator <character>', 'of CSV', undefined)
    .option(
      '--map <columns=input>',
      'which column feeds an input: column=input, a,b,c=input or *=input; may be repeated',
      collect,
      [],
    );
}

/** Adds the options of `DataOptions`; `formats` are further values of `--format`. */
export function addDataOptions(command: Command, formats: readonly string[] = []): Command {
  command.requiredOption('--data <files...>', 'files of data, or folders of images');
  return addReadingOptions(command, formats)
    .option('--signature <name>', 'the signature of the model; default serving_default, or the only one')
    .option('--tags <tags>', 'the tags of its MetaGraph, separated by commas', 'serve')
    .option('--json', 'print the result as JSON');
}

/** The signature that the data are for. @throws SIGNATURE_NOT_FOUND */
export function chooseSignature(signatures: readonly Signature[], wanted: string | undefined): Signature {
  const callable = signatures.filter(({ unsupported }) => unsupported === undefined);
  const name = wanted ?? (callable.length === 1 ? callable[0].name : 'serving_default');
  const found = callable.find((signature) => signature.name === name);
  if (found !== undefined) return found;
  const known = callable.map((signature) => printable(signature.name)).join(', ') || 'none that can be called';
  throw new AirlockError('SIGNATURE_NOT_FOUND', { message: `There is no signature ${printable(name)}; the model has ${known}` });
}

/** Opens files and folders, and shows on the terminal how far they are while `use` reads them one after the other. */
export async function withDatasets<T>(
  paths: readonly string[],
  { format, missing, separator }: ReadingOptions,
  io: Io,
  use: (datasets: readonly Dataset[]) => Promise<T>,
): Promise<T> {
  const kind = datasetKinds.find((known) => known === format);
  if (format !== undefined && kind === undefined)
    throw new AirlockError('USAGE', { message: `--format ${printable(format)} is none of ${datasetKinds.join(', ')}` });
  // Each becomes a source of the contract, which has room for 100.
  if (paths.length > maxFiles) throw new AirlockError('USAGE', { message: `--data: at most ${maxFiles} files or folders` });
  return withProgress(io, async (onProgress, begin) => {
    const datasets: Dataset[] = [];
    const done = new Map<string, number>();
    try {
      for (const path of paths) {
        const report = (doneBytes: number) => {
          done.set(path, doneBytes);
          onProgress([...done.values()].reduce((sum, bytes) => sum + bytes, 0));
        };
        datasets.push(await openDataset(resolve(path), { kind, missing, separator, onProgress: report }));
      }
      begin(datasets.reduce((sum, { totalBytes }) => sum + totalBytes, 0));
      return await use(datasets);
    } finally {
      for (const dataset of datasets) await dataset.close();
    }
  });
}

/** Runs `job` with a progress bar that begins when the job knows how much there is. */
export async function withProgress<T>(
  io: Io,
  job: (onProgress: (doneBytes: number) => void, begin: (totalBytes: number) => void) => Promise<T>,
): Promise<T> {
  let bar: ReturnType<typeof createProgressBar> | undefined;
  try {
    const result = await job(
      (doneBytes) => bar?.update(doneBytes),
      (totalBytes) => {
        bar = createProgressBar(io, 'Reading data', totalBytes);
      },
    );
    bar?.finish();
    return result;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}
