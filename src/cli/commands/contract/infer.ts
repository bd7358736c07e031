// `airlock contract infer`: a first contract from a model alone. Everything that judges is in src/derive/infer.
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatContract } from '../../../contract/index.ts';
import { printable } from '../../../core/index.ts';
import { type InferredContract, inferContract } from '../../../derive/index.ts';
import { idOfModel } from '../../contract-id.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';

interface InferCommandOptions {
  readonly output: string;
  readonly id?: string;
  readonly signature?: readonly string[];
  readonly tags: string;
  readonly json?: boolean;
}

async function infer(model: string, options: InferCommandOptions, io: Io): Promise<void> {
  const directory = resolve(model);
  const inferred = await inferContract(directory, {
    id: options.id ?? idOfModel(directory),
    tags: options.tags.split(','),
    ...(options.signature === undefined ? {} : { signatures: options.signature }),
  });
  const output = resolve(options.output);
  const text = formatContract(inferred.contract, { comments: inferred.comments });
  const vocabularies = [...inferred.vocabularies].map(([name, bytes]) => [join(dirname(output), name), bytes] as const);
  await writeNewFiles(new Map<string, string | Buffer>([...vocabularies, [output, text]]));
  if (options.json === true) {
    const open = Object.fromEntries(inferred.open);
    io.stdout.write(
      `${JSON.stringify({ output: options.output, found: Object.fromEntries([...inferred.comments].filter(([place]) => place !== '')), open }, undefined, 2)}\n`,
    );
  } else io.stdout.write(summary(inferred, options.output));
}

function summary({ contract, comments, open }: InferredContract, output: string): string {
  const lines: string[] = [];
  for (const [name, { inputs }] of contract.signatures) {
    for (const alias of inputs.keys()) {
      const place = `${name}/inputs/${alias}`;
      lines.push(printable(place, 200));
      for (const note of comments.get(place)?.split('\n') ?? []) lines.push(`  found  ${printable(note, 200)}`);
      for (const question of open.get(place) ?? []) lines.push(`  open   ${question}`);
    }
  }
  if (open.size > 0) lines.push('What is open no model can say; measure it: airlock contract profile --help');
  return `${lines.join('\n')}\nwritten to ${printable(output, 4_096)}\n`;
}

/** Adds `airlock contract infer`. Files that exist already are not touched. */
export function addInferCommand(contract: Command, io: Io): void {
  contract
    .command('infer <model>')
    .description('Make a first contract of what a SavedModel demands of its inputs')
    .requiredOption('-o, --output <file>', 'where the contract goes; vocabularies go beside it')
    .option('--id <id>', "the contract's id; default the model's name")
    .option('--signature <names...>', 'only these signatures')
    .option('--tags <tags>', 'the tags of the MetaGraph, separated by commas', 'serve')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', '\nExample:\n  airlock contract infer models/credit/7 -o contract.yaml')
    .action((model: string, options: InferCommandOptions) => infer(model, options, io));
}
