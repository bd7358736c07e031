// `airlock scan`: reads a model without running it and says what it could do. A process of its own does the reading; here the report is made,
// written, and turned into an exit code: 0 clean, 1 refused, 5 not judged.
import { type Command, Option } from 'commander';
import { AirlockError, type Severity, severities } from '../../core/index.ts';
import type { Report, Suppressions } from '../../scan/index.ts';
import type { ReportFormat } from '../../scan/reporters/index.ts';
import { defaultTensorflow, scan } from '../../scanner/index.ts';
import { givenStore } from '../given-store.ts';
import type { Io } from '../io.ts';
import { writeNewFiles } from '../new-files.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { withInterrupt } from '../with-interrupt.ts';
import { warnWhenOld } from './advisories/shared.ts';

interface ScanCommandOptions {
  readonly format: ReportFormat;
  readonly json?: boolean;
  readonly output?: string;
  readonly refuseAt: Severity;
  readonly show: Severity;
  readonly tensorflow: string;
  readonly suppressions?: string;
  readonly baseline?: string;
  readonly timeout: number;
  readonly memory: number;
  readonly rules?: boolean;
  readonly store?: string;
}

export function addScanCommand(program: Command, io: Io): void {
  program
    .command('scan')
    .description('say what a model could do, without running it')
    .argument('[path]', 'a model file, an archive, or a folder with models')
    .addOption(new Option('--format <form>', 'form of the report').choices(formats).default('text'))
    .option('--json', 'the same as --format json')
    .option('-o, --output <file>', 'write the report to a file that is not there yet')
    .addOption(
      new Option('--refuse-at <severity>', 'from which severity on a finding refuses the model')
        .choices(severities)
        .default('medium'),
    )
    .addOption(
      new Option('--show <severity>', 'from which severity on the text form shows findings').choices(severities).default('low'),
    )
    .option('--tensorflow <version>', 'the TensorFlow that would run it', defaultTensorflow)
    .option('--store <dir>', 'folder of a store, for the update of the advisories in it; default: what Airlock came with')
    .option('--suppressions <file>', 'findings that do not count, each with a reason and a date (YAML)')
    .option('--baseline <report.json>', 'an earlier report; what it found does not count')
    .option('--timeout <seconds>', 'how long it may take; default 120', wholeNumberBetween(1, 86_400), 120)
    .option('--memory <MiB>', 'how much memory it may take; default 1024', wholeNumberBetween(128, 1_048_576), 1_024)
    .option('--rules', 'print every rule instead (as text, json or markdown)')
    .addHelpText(
      'after',
      '\nExit codes: 0 clean, 1 refused, 5 could not be judged.\n\nExamples:\n  airlock scan examples/digits/1\n  airlock scan download.keras --format sarif -o scan.sarif\n  airlock scan models/1 --tensorflow 2.9.1 --format openvex',
    )
    .action((path: string | undefined, options: ScanCommandOptions) => scanCommand(path, options, io));
}

// Said here once more, so that what makes reports is loaded after the model was read, and not before.
const formats = [
  'text',
  'json',
  'sarif',
  'markdown',
  'html',
  'cyclonedx',
  'openvex',
  'attestation',
] as const satisfies readonly ReportFormat[];

/** Smaller models are done before anybody has read a line. */
const minShownBytes = 64 * 1024 * 1024;

async function scanCommand(path: string | undefined, options: ScanCommandOptions, io: Io): Promise<void> {
  const format = options.json === true ? 'json' : options.format;
  if (options.rules === true) {
    io.stdout.write(await rulesIn(format));
    return;
  }
  if (path === undefined) throw new AirlockError('USAGE', { message: 'Say what to scan: a model file, an archive, or a folder' });
  if (!/^\d{1,4}\.\d{1,4}\.\d{1,4}$/.test(options.tensorflow))
    throw new AirlockError('USAGE', { message: '--tensorflow wants a version such as 2.21.0' });
  const accepted = await acceptedBy(options);
  for (const text of accepted?.expired ?? []) io.stderr.write(`suppression ${text}\n`);
  const report = await withInterrupt((signal) => scanWithBar(path, options, accepted, io, signal));
  warnWhenOld(report.advisoryData, io);
  const { rulesById } = await import('../../scan/index.ts');
  const { formatReport, textReport } = await import('../../scan/reporters/index.ts');
  const isTerminal = options.output === undefined && 'isTTY' in io.stdout && io.stdout.isTTY === true;
  const text =
    format === 'text'
      ? textReport(report, { rules: rulesById, showFrom: options.show, colours: isTerminal && io.env.NO_COLOR === undefined })
      : formatReport(report, format, rulesById);
  if (options.output === undefined) io.stdout.write(text);
  else await writeNewFiles(new Map([[options.output, text]]));
  if (report.verdict === 'refused')
    throw new AirlockError('SCAN_REFUSED', { message: `Refused: a finding at ${report.refuseAt} or above` });
  if (report.verdict === 'unreadable') throw new AirlockError('SCAN_INCOMPLETE');
}

async function acceptedBy({ suppressions, baseline }: ScanCommandOptions): Promise<Suppressions | undefined> {
  if (suppressions === undefined && baseline === undefined) return undefined;
  const { loadSuppressions } = await import('../../scan/index.ts');
  return loadSuppressions({ ...(suppressions && { suppressions }), ...(baseline && { baseline }) });
}

async function rulesIn(format: ReportFormat): Promise<string> {
  const { scanRules } = await import('../../scan/index.ts');
  const { rulesMarkdown, rulesText } = await import('../../scan/reporters/index.ts');
  if (format === 'json') return `${JSON.stringify(scanRules, undefined, 2)}\n`;
  return format === 'markdown' ? rulesMarkdown(scanRules) : rulesText(scanRules);
}

async function scanWithBar(
  path: string,
  options: ScanCommandOptions,
  accepted: Suppressions | undefined,
  io: Io,
  signal: AbortSignal,
): Promise<Report> {
  let bar: ProgressBar | undefined;
  try {
    const report = await scan(path, {
      refuseAt: options.refuseAt,
      tensorflow: options.tensorflow,
      ...givenStore(options.store),
      ...(accepted === undefined ? {} : { suppressionOf: accepted.of }),
      timeoutMs: options.timeout * 1000,
      memoryMiB: options.memory,
      signal,
      onProgress: (doneBytes, totalBytes) => {
        if (totalBytes < minShownBytes) return;
        bar ??= createProgressBar(io, 'Scanning', totalBytes);
        bar.update(doneBytes);
      },
      onUnjailed: () => io.stderr.write('This machine has no jail (airlock doctor says why): a plain process reads the model.\n'),
      onLog: (line) => io.stderr.write(`${line}\n`),
    });
    bar?.finish();
    return report;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}
