// `airlock contract import`: a contract from a schema, and statistics, of TensorFlow Data Validation. Everything that reads and judges is in
// src/derive/tfdv.
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Contract } from '../../../contract/index.ts';
import {
  contractFromSignature,
  contractText,
  formatTransferReport,
  importTfdv,
  loadTfdvSchema,
  loadTfdvStatistics,
} from '../../../derive/index.ts';
import { readSavedModel, selectMetaGraph } from '../../../model/index.ts';
import { idOfFile } from '../../contract-id.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';
import { numberBetween } from '../../number-options.ts';

interface ImportCommandOptions {
  readonly statistics?: string;
  readonly margin: number;
  readonly environment?: string;
  readonly signature: string;
  readonly model?: string;
  readonly tags: string;
  readonly exampleInput?: string;
  readonly id?: string;
  readonly output: string;
  readonly json?: boolean;
}

async function baseOf({ model, tags }: ImportCommandOptions, id: string): Promise<Contract | undefined> {
  if (model === undefined) return undefined;
  return contractFromSignature(selectMetaGraph(await readSavedModel(resolve(model)), tags.split(',')), { id });
}

async function importSchema(file: string, options: ImportCommandOptions, io: Io): Promise<void> {
  const { statistics, margin, environment, signature, exampleInput, output } = options;
  const id = options.id ?? idOfFile(file);
  const base = await baseOf(options, id);
  const { contract, report, vocabularies } = importTfdv({
    id,
    schema: await loadTfdvSchema(file),
    margin,
    signature,
    ...(statistics === undefined ? {} : { statistics: await loadTfdvStatistics(statistics) }),
    ...(environment === undefined ? {} : { environment }),
    ...(base === undefined ? {} : { base }),
    ...(exampleInput === undefined ? {} : { exampleInput }),
  });
  const words = [...vocabularies].map(([name, bytes]) => [join(dirname(output), name), bytes] as const);
  await writeNewFiles(new Map<string, string | Buffer>([...words, [output, contractText(contract)]]));
  if (options.json === true) {
    const files = [basename(output), ...vocabularies.keys()];
    io.stdout.write(`${JSON.stringify({ id, files, ...report }, undefined, 2)}\n`);
  } else io.stdout.write(formatTransferReport(report));
}

/** Adds `airlock contract import`. */
export function addImportCommand(contract: Command, io: Io): void {
  contract
    .command('import <schema>')
    .description('Make a contract of a schema of TensorFlow Data Validation, and say what it cannot express')
    .requiredOption('-o, --output <file>', 'where the contract goes; never overwritten')
    .option('--statistics <file>', 'statistics of the same data, for the bounds that the schema leaves open')
    .option(
      '--margin <fraction>',
      'how far bounds from statistics go out, as a fraction of max - min',
      numberBetween(0, 100),
      0.25,
    )
    .option('--environment <name>', 'only features of this environment, for example SERVING')
    .option('--signature <name>', 'the signature that takes the data', 'serving_default')
    .option('--model <dir>', 'a SavedModel; features are matched with its inputs by name')
    .option('--tags <tags>', 'the tags of its MetaGraph, separated by commas', 'serve')
    .option('--example-input <name>', 'the input that takes serialized tf.Example messages')
    .option('--id <id>', 'id of the contract; default from the name of the schema')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  airlock contract import schema.pbtxt --statistics stats.pb --environment SERVING -o contract.yaml',
    )
    .action((file: string, options: ImportCommandOptions) => importSchema(file, options, io));
}
