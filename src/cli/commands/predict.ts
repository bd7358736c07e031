// `airlock predict`: one call of a model from the shell, in a worker of its own, without a server. The same decoder and the same checks as
// over HTTP, so a file that works here works there.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { modelNameOf } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import { type ModelTrust, openModel } from '../../serving/index.ts';
import type { Io } from '../io.ts';
import { addTrustOptions, assertTrustGiven, type TrustOptions } from '../trust-options.ts';
import { type UnsafeLevel, unsafeSandboxOption } from '../unsafe-sandbox-option.ts';

interface PredictOptions extends TrustOptions {
  readonly name?: string;
  readonly config?: string;
  readonly input?: string;
  readonly store: string;
  readonly tensorflow?: string;
  readonly contract?: string;
  readonly compatShapes?: boolean;
  readonly unsafeSandbox?: UnsafeLevel;
  readonly unsafeUnscanned?: boolean;
}

export function addPredictCommand(program: Command, io: Io): void {
  const command = program
    .command('predict')
    .description('call a model once; the request is the JSON body of the REST interface')
    .argument('<model>', 'a SavedModel or a folder of versions');
  addTrustOptions(command)
    .option('--config <airlock.yaml>', 'take the trust policy that this file gives to the model')
    .option('--name <model>', 'what the model is called where it was signed; default the name of its folder')
    .option('--input <json|@file>', 'the request, or @ and the file that holds it; without it, standard input')
    .option('--store <folder>', 'where the TensorFlow runtimes are', '.airlock')
    .option('--tensorflow <version>', 'which installed TensorFlow to use')
    .addOption(unsafeSandboxOption())
    .option('--unsafe-unscanned', 'load the model without scanning it')
    .option('--contract <file>', 'what inputs and outputs must be; see docs/contracts.md')
    .option('--compat-shapes', 'accept the shapes that TensorFlow Serving accepts')
    .addHelpText(
      'after',
      '\nExample:\n  airlock predict examples/digits --key examples/release.pub --input @examples/digits/request.json',
    )
    .action((model: string, options: PredictOptions) => predict(model, options, io));
}

async function predict(path: string, options: PredictOptions, io: Io): Promise<void> {
  const trust = trustOf(path, options);
  const body = readInput(options.input);
  const model = await openModel({
    path,
    ...(trust === undefined ? { unsafeUnsigned: true } : { trust }),
    unsafeUnscanned: options.unsafeUnscanned === true,
    store: options.store,
    shapes: options.compatShapes === true ? 'compat' : 'strict',
    ...(options.unsafeSandbox === undefined ? {} : { sandbox: { unsafeLevel: options.unsafeSandbox } }),
    ...(options.contract === undefined ? {} : { contract: options.contract }),
    ...(options.tensorflow === undefined ? {} : { tensorflow: options.tensorflow }),
  });
  try {
    io.stdout.write(`${(await model.predictJson(body)).toString('utf8')}\n`);
  } finally {
    await model.close();
  }
}

/** Undefined for a model that nobody has to have signed. */
function trustOf(path: string, { key, config, name, unsafeUnsigned }: PredictOptions): ModelTrust | undefined {
  if (config !== undefined && key === undefined && unsafeUnsigned === undefined) {
    return { config, model: name ?? modelNameOf(resolve(path)) };
  }
  assertTrustGiven({ ...(key && { key }), ...(unsafeUnsigned && { unsafeUnsigned }) }, 'or --config with an airlock.yaml');
  if (config !== undefined) throw new AirlockError('USAGE', { message: 'Give one of --config, --key and --unsafe-unsigned' });
  return key === undefined ? undefined : { key, ...(name && { model: name }) };
}

function readInput(input: string | undefined): Buffer {
  if (input !== undefined && !input.startsWith('@')) return Buffer.from(input, 'utf8');
  const file = input?.slice(1) ?? 0;
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AirlockError('USAGE', {
      message: file === 0 ? 'Standard input could not be read' : `The file ${file} could not be read`,
      cause,
    });
  }
}
