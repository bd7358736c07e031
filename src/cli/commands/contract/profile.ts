// `airlock contract profile`: measures data sets and writes the contract that they suggest, as a draft for a person. It runs no model, and
// never overwrites a file.
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatContract } from '../../../contract/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import {
  contractFromSignature,
  type Dataset,
  defaultMargin,
  formatReport,
  inferContract,
  type Profile,
  parseMapping,
  profileDatasets,
} from '../../../derive/index.ts';
import { readSavedModel, selectMetaGraph } from '../../../model/index.ts';
import type { Signature } from '../../../tensor/index.ts';
import { idOfModel } from '../../contract-id.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';
import { numberBetween } from '../../number-options.ts';
import { addDataOptions, chooseSignature, type DataOptions, withDatasets } from './data-options.ts';

interface ProfileCommandOptions extends DataOptions {
  readonly margin: number;
  readonly name?: string;
  readonly detect?: boolean;
  readonly output: string;
}

/** Adds `airlock contract profile`. Files that exist already are not touched. */
export function addProfileCommand(contract: Command, io: Io): void {
  addDataOptions(contract.command('profile <model>').description('Measure data, and write the contract that they suggest'))
    .requiredOption('-o, --output <file>', 'where the contract goes; vocabularies go beside it')
    .option(
      '--margin <share>',
      'how far bounds are widened: a share of the distance from p0.1 to p99.9',
      numberBetween(0, 1_000),
      defaultMargin,
    )
    .option('--name <id>', "the contract's id; default the model's name")
    .option('--detect', 'make rules of order within records, and of values that never come twice')
    .addHelpText('after', '\nExample:\n  airlock contract profile examples/tabular/1 --data wines.csv -o contract.yaml')
    .action((model: string, options: ProfileCommandOptions) => profile(model, options, io));
}

async function profile(model: string, options: ProfileCommandOptions, io: Io): Promise<void> {
  const { margin } = options;
  const directory = resolve(model);
  const id = options.name ?? idOfModel(directory);
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(id))
    throw new AirlockError('USAGE', { message: '--name must be letters, digits, ., _ and -' });
  const tags = options.tags.split(',');
  const info = await readSavedModel(directory);
  const signature = chooseSignature(selectMetaGraph(info, tags).signatures, options.signature);
  const start = await startFrom(directory, info.format, signature, id, tags);
  const mappings = options.map.map(parseMapping);
  const measured = await withDatasets(options.data, options, io, (datasets: readonly Dataset[]) =>
    profileDatasets(signature, datasets, { id, base: start.contract, mappings, margin, detect: options.detect === true }),
  );
  await write(measured, start, options.output);
  for (const warning of measured.warnings) io.stderr.write(`warning: ${warning}\n`);
  if (options.json === true) {
    const { inputs, unusedColumns, warnings } = measured;
    io.stdout.write(`${JSON.stringify({ output: options.output, inputs, unusedColumns, warnings }, undefined, 2)}\n`);
    return;
  }
  io.stdout.write(formatReport(measured.inputs));
  if (measured.unusedColumns.length > 0) io.stdout.write(`not read: ${measured.unusedColumns.join(', ')}\n`);
  io.stdout.write(`written to ${printable(options.output, 4_096)}\n`);
}

interface Start extends Pick<Profile, 'contract' | 'comments' | 'vocabularies'> {}

/** What the model itself demands; a model in text form says only its signatures. */
async function startFrom(
  directory: string,
  format: 'pb' | 'pbtxt',
  signature: Signature,
  id: string,
  tags: readonly string[],
): Promise<Start> {
  const signatures = [signature.name];
  if (format === 'pb') return inferContract(directory, { id, tags, signatures });
  return { contract: contractFromSignature({ signatures: [signature] }, { id }), comments: new Map(), vocabularies: new Map() };
}

async function write(measured: Profile, start: Start, file: string): Promise<void> {
  const output = resolve(file);
  const comments = new Map(start.comments);
  for (const [place, text] of measured.comments) comments.set(place, [comments.get(place), text].filter(Boolean).join('\n'));
  const vocabularies = [...start.vocabularies, ...measured.vocabularies].map(
    ([name, bytes]) => [join(dirname(output), name), bytes] as const,
  );
  const text = formatContract(measured.contract, { comments });
  await writeNewFiles(new Map<string, string | Buffer>([...vocabularies, [output, text]]));
}
