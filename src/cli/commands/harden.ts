// `airlock harden`: builds a contract's checks into a copy of a model, or takes them out again. Prints; everything that decides is in
// src/harden.
import type { Command } from 'commander';
import { loadContract } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { type HardenModelResult, hardenModel, stripModel } from '../../harden/index.ts';
import type { Io } from '../io.ts';

interface HardenCommandOptions {
  readonly contract?: string;
  readonly output: string;
  readonly strip?: boolean;
  readonly poison?: boolean;
  readonly strict?: boolean;
  readonly json?: boolean;
}

export function addHardenCommand(program: Command, io: Io): void {
  program
    .command('harden')
    .description('build the checks of a contract into a copy of a model, so that it defends itself wherever it is loaded')
    .argument('<model>', 'the folder of one SavedModel')
    .option('--contract <file>', 'the contract')
    .requiredOption('-o, --output <folder>', 'the folder to make; must not be there')
    .option('--strip', 'take the checks out again instead')
    .option('--poison', 'also turn float outputs into NaN where a check fails; this outlives XLA, TFLite and stripped assertions')
    .option('--strict', 'make no copy that would let anything pass that the server refuses')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  airlock harden models/digits/1 --contract contract.yaml -o models/digits/2')
    .action((model: string, options: HardenCommandOptions) => run(model, options, io));
}

async function run(
  model: string,
  { contract: file, output, strip, poison = false, strict = false, json }: HardenCommandOptions,
  io: Io,
): Promise<void> {
  if (strip === true) {
    if (file !== undefined || poison || strict)
      throw new AirlockError('USAGE', { message: '--strip goes without --contract, --poison and --strict' });
    const { files } = await stripModel(model, output);
    io.stdout.write(
      json === true ? `${JSON.stringify({ stripped: true, copiedFiles: files.size })}\n` : 'The checks were taken out.\n',
    );
    return;
  }
  if (file === undefined) throw new AirlockError('USAGE', { message: '--contract FILE is missing' });
  const { contract, digest } = await loadContract(file);
  const result = await hardenModel({ model, output, contract, digest, poison, strict });
  const { id, revision } = contract.metadata;
  if (json === true) io.stdout.write(`${JSON.stringify(reportAsJson(result, { id, revision, digest, poison }))}\n`);
  else io.stdout.write(reportAsText(result, `${id}, revision ${revision}, ${digest.slice(0, 12)}`));
}

function reportAsJson({ rules, metaGraphs, notPoisoned, open, copy }: HardenModelResult, contract: object): object {
  return {
    contract,
    rules: rules.map(({ ruleId, signature, side, tensor, rule, reason }) => ({
      ruleId,
      signature,
      side,
      tensor,
      rule,
      built: reason === undefined,
      reason,
    })),
    metaGraphs,
    notPoisoned,
    open,
    copiedFiles: copy.files.size,
    removedFingerprint: copy.removedFingerprint,
  };
}

function reportAsText({ rules, metaGraphs, notPoisoned, open, copy }: HardenModelResult, contract: string): string {
  const built = rules.filter(({ reason }) => reason === undefined).length;
  const lines = [`Built in: ${built} of ${rules.length} rules of the contract ${contract}`];
  const width = Math.min(80, Math.max(0, ...rules.map(({ ruleId }) => printable(ruleId, 80).length)));
  for (const { ruleId, reason } of rules) {
    lines.push(`  ${printable(ruleId, 80).padEnd(width)}  ${reason === undefined ? 'built in' : `not built in: ${reason}`}`);
  }
  for (const { tags, form, covered, uncovered, otherSignatures } of metaGraphs) {
    const where = form === 'functions' ? `in ${covered.length} functions` : 'in the main graph';
    lines.push(`Graph {${tags.map((tag) => printable(tag)).join(', ')}}: checks ${where}`);
    for (const { name, reason } of uncovered) lines.push(`  not covered: function ${printable(name, 120)}: ${reason}`);
    for (const name of otherSignatures) lines.push(`  not covered: signature ${printable(name)}: the contract does not name it`);
  }
  for (const name of notPoisoned) lines.push(`Not poisoned: ${printable(name, 120)} has a type without NaN`);
  if (open.length > 0)
    lines.push(`${open.length} of these let something pass that the server refuses; with --strict no such copy is made`);
  if (copy.removedFingerprint) lines.push('fingerprint.pb was left out: its hashes are those of the graph without checks');
  return `${lines.join('\n')}\n`;
}
