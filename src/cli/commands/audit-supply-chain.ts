// `airlock audit supply-chain`: how somebody's own project installs TensorFlow and Keras. Reads its files, runs nothing of it and asks no network.
// Exit codes: 0 clean, 1 refused, 5 something could not be judged.
import { type Command, Option } from 'commander';
import { AirlockError, type Severity, severities } from '../../core/index.ts';
import { loadSuppressions } from '../../scan/index.ts';
import {
  auditSupplyChain,
  formatSupplyChain,
  type SupplyChainFormat,
  supplyChainFormats,
  supplyChainRules,
  textReport,
} from '../../supply-chain/index.ts';
import { givenStore } from '../given-store.ts';
import type { Io } from '../io.ts';
import { writeNewFiles } from '../new-files.ts';

interface SupplyChainOptions {
  readonly format: SupplyChainFormat;
  readonly json?: boolean;
  readonly output?: string;
  readonly refuseAt: Severity;
  readonly show: Severity;
  readonly suppressions?: string;
  readonly store?: string;
  readonly rules?: boolean;
}

export function addSupplyChainCommand(audit: Command, io: Io): void {
  audit
    .command('supply-chain')
    .description('say how a project installs TensorFlow and Keras: unpinned, unhashed, unofficial, outdated or vulnerable')
    .argument('[folder]', 'the project')
    .addOption(new Option('--format <form>', 'form of the report').choices(supplyChainFormats).default('text'))
    .option('--json', 'the same as --format json')
    .option('-o, --output <file>', 'write the report to a file that is not there yet')
    .addOption(
      new Option('--refuse-at <severity>', 'from which severity on a finding refuses').choices(severities).default('high'),
    )
    .addOption(
      new Option('--show <severity>', 'from which severity on the text form shows findings').choices(severities).default('low'),
    )
    .option('--suppressions <file>', 'findings that do not count, each with a reason and a date (YAML)')
    .option('--store <folder>', 'a store, for the update of the advisories in it; default: what Airlock came with')
    .option('--rules', 'print every rule instead')
    .addHelpText(
      'after',
      '\nExit codes: 0 clean, 1 refused, 5 could not be judged.\n\nExamples:\n  airlock audit supply-chain .\n  airlock audit supply-chain ../my-project --format sarif -o supply-chain.sarif',
    )
    .action((folder: string | undefined, options: SupplyChainOptions) => supplyChain(folder, options, io));
}

async function supplyChain(folder: string | undefined, options: SupplyChainOptions, io: Io): Promise<void> {
  const format = options.json === true ? 'json' : options.format;
  if (options.rules === true) {
    const lines = supplyChainRules.map(({ id, severity, title, why }) => `${id}  ${severity}\n    ${title}. ${why}`);
    io.stdout.write(format === 'json' ? `${JSON.stringify(supplyChainRules, undefined, 2)}\n` : `${lines.join('\n')}\n`);
    return;
  }
  if (folder === undefined) throw new AirlockError('USAGE', { message: 'Say which project: a folder' });
  const accepted = options.suppressions === undefined ? undefined : loadSuppressions({ suppressions: options.suppressions });
  for (const text of accepted?.expired ?? []) io.stderr.write(`suppression ${text}\n`);
  const report = auditSupplyChain(folder, {
    refuseAt: options.refuseAt,
    ...(accepted === undefined ? {} : { suppressionOf: accepted.of }),
    ...givenStore(options.store),
  });
  const isTerminal = options.output === undefined && 'isTTY' in io.stdout && io.stdout.isTTY === true;
  const text =
    format === 'text'
      ? textReport(report, { showFrom: options.show, colours: isTerminal && io.env.NO_COLOR === undefined })
      : formatSupplyChain(report, format);
  if (options.output === undefined) io.stdout.write(text);
  else await writeNewFiles(new Map([[options.output, text]]));
  if (report.verdict === 'refused')
    throw new AirlockError('SUPPLY_CHAIN_FINDINGS', { message: `Refused: a finding at ${report.refuseAt} or above` });
  if (report.verdict === 'unreadable')
    throw new AirlockError('SCAN_INCOMPLETE', { message: 'Something in the project could not be judged' });
}
