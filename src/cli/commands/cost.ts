// `airlock cost`: what requests to a model will cost, worked out from its graph in a process of its own; with --measure also what they do cost, in the worker's jail.
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AirlockError, printable } from '../../core/index.ts';
import { ModelCosts, type RequestCost, type SignatureCost } from '../../cost/index.ts';
import { readSavedModel, selectMetaGraph } from '../../model/index.ts';
import { costOf, defaultTensorflow } from '../../scanner/index.ts';
import type { Signature } from '../../tensor/index.ts';
import { costReport, type MeasuredCost, type SignatureCostReport } from '../cost-report.ts';
import { type GivenSize, parseGivenSize, sizesFor } from '../cost-sizes.ts';
import { costText } from '../cost-text.ts';
import type { Io } from '../io.ts';
import { fitTo, measureCost } from '../measure-costs.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { openMeasured } from '../open-measured.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { addTrustOptions, assertTrustGiven, type TrustOptions } from '../trust-options.ts';
import { type UnsafeLevel, unsafeSandboxOption } from '../unsafe-sandbox-option.ts';
import { withInterrupt } from '../with-interrupt.ts';

interface CostCommandOptions extends TrustOptions {
  readonly signature?: string;
  readonly input: readonly GivenSize[];
  readonly top: number;
  readonly json?: boolean;
  readonly tags: string;
  readonly measure?: boolean;
  readonly tensorflow: string;
  readonly store: string;
  readonly memory: number;
  readonly timeout: number;
  readonly unsafeSandbox?: UnsafeLevel;
}

export function addCostCommand(program: Command, io: Io): void {
  const command = program
    .command('cost')
    .description('say what requests to a model will cost, from its graph')
    .argument('<model>', 'a SavedModel, or a folder of versions, of which the newest is taken')
    .option('--signature <name>', 'only this one; default all')
    .option('--input <sizes>', 'sizes of an input: x=8x128, x.0=8, text.bytes=2000; may be given more than once', collected, [])
    .option('--top <count>', 'how many of the dearest operations to show', wholeNumberBetween(0, 512), 10)
    .option('--json', 'the same as JSON')
    .option('--tags <tags>', 'tags of the MetaGraph, with commas between them', 'serve')
    .option('--measure', 'also run it, in its jail, and compare; needs an installed TensorFlow');
  addTrustOptions(command, '; for --measure')
    .option('--store <folder>', 'where the TensorFlow runtimes are; for --measure', '.airlock')
    .option('--tensorflow <version>', 'the TensorFlow that runs it', defaultTensorflow)
    .option('--timeout <seconds>', 'how long a run may take; for --measure', wholeNumberBetween(1, 3_600), 60)
    .option('--memory <MiB>', 'how much memory the worker may take; for --measure', wholeNumberBetween(128, 1_048_576), 4_096)
    .addOption(unsafeSandboxOption('; for --measure'))
    .addHelpText(
      'after',
      '\nExamples:\n  airlock cost examples/digits --input image=32x8x8x1\n  airlock cost models/encoder --input tokens=8x512 --measure --unsafe-unsigned',
    )
    .action((model: string, options: CostCommandOptions) => cost(model, options, io));
}

function collected(text: string, before: readonly GivenSize[]): readonly GivenSize[] {
  return [...before, parseGivenSize(text)];
}

interface PlannedCost {
  readonly signature: Signature;
  readonly described: SignatureCost;
  readonly cost: RequestCost;
}

async function cost(path: string, options: CostCommandOptions, io: Io): Promise<void> {
  if (options.measure === true) assertTrustGiven(options, 'with --measure');
  const directory = newestVersion(resolve(path));
  const { signatures } = selectMetaGraph(await readSavedModel(directory), options.tags.split(','));
  const callable = signatures.filter(({ unsupported }) => unsupported === undefined);
  const report = await withInterrupt(async (signal) => {
    const model = await analyse(directory, options, io, signal);
    const costs = new ModelCosts(model, callable);
    const planned = callable.flatMap((signature, index): PlannedCost[] => {
      const described = model.signatures.find(({ name }) => name === signature.name);
      const known = costs.signatures[index];
      if (described === undefined || known === undefined) return [];
      if (options.signature !== undefined && signature.name !== options.signature) return [];
      return [{ signature, described, cost: known.costOf(sizesFor(known.variables, signature, options.input)) }];
    });
    if (planned.length === 0) throw new AirlockError('SIGNATURE_NOT_FOUND', { message: noneText(callable, options.signature) });
    const measured = options.measure === true ? await measure(path, planned, costs, options, io, signal) : new Map();
    return {
      weightBytes: model.weightBytes,
      signatures: planned.map(
        (one): SignatureCostReport => costReport(one.described, one.cost, options.top, measured.get(one.signature.name)),
      ),
    };
  });
  io.stdout.write(
    options.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : costText(report.weightBytes, report.signatures),
  );
}

function noneText(callable: readonly Signature[], asked: string | undefined): string {
  const names = callable.map(({ name }) => printable(name)).join(', ') || 'none';
  return asked === undefined
    ? 'The cost of no signature of the model can be worked out'
    : `The model has no signature ${printable(asked)} whose cost can be worked out; its signatures: ${names}`;
}

/** @throws COST_UNKNOWN when the graph says nothing; what a scan throws. */
async function analyse(directory: string, { tensorflow }: CostCommandOptions, io: Io, signal: AbortSignal) {
  let bar: ProgressBar | undefined;
  try {
    const model = await costOf(directory, {
      tensorflow,
      signal,
      onProgress: (doneBytes, totalBytes) => {
        if (totalBytes < minShownBytes) return;
        bar ??= createProgressBar(io, 'Reading', totalBytes);
        bar.update(doneBytes);
      },
      onUnjailed: () => io.stderr.write('This machine has no jail (airlock doctor says why): a plain process reads the model.\n'),
      onLog: (line) => io.stderr.write(`${line}\n`),
    });
    bar?.finish();
    if (model === undefined)
      throw new AirlockError('COST_UNKNOWN', { message: 'What requests to this model cost cannot be worked out' });
    return model;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}

/** Smaller models are done before anybody has read a line. */
const minShownBytes = 64 * 1024 * 1024;

async function measure(
  path: string,
  planned: readonly PlannedCost[],
  costs: ModelCosts,
  options: CostCommandOptions,
  io: Io,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, MeasuredCost>> {
  if (io.isTerminal) io.stderr.write('Loading the model …');
  const opened = await openMeasured(path, options).finally(() => {
    if (io.isTerminal) io.stderr.write('\r\u001b[2K');
  });
  try {
    await fitTo(opened, costs, signal);
    const measured = new Map<string, MeasuredCost>();
    for (const { signature, cost: one } of planned) {
      const index = opened.signatures.findIndex(({ name }) => name === signature.name);
      const found = index < 0 ? undefined : await measureCost(opened, index, one, signal);
      if (found !== undefined) measured.set(signature.name, found);
      else io.stderr.write(`${printable(signature.name)} was not measured: it takes no zeros of these sizes\n`);
    }
    return measured;
  } finally {
    await opened.close();
  }
}

/** The folder itself where a model lies in it; else the version in it with the highest number. */
function newestVersion(path: string): string {
  const entries = listed(path);
  if (entries.some((name) => name.startsWith('saved_model.')) || entries.includes('fingerprint.pb')) return path;
  const versions = entries.filter((name) => /^[0-9]{1,18}$/.test(name)).sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1));
  return versions.length === 0 ? path : join(path, versions[0]);
}

function listed(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw new AirlockError('USAGE', { message: `There is no folder ${printable(basename(path), 256)}`, cause });
  }
}
