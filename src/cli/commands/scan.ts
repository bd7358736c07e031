// `airlock scan`: reads a model without running it and says what it could do. A process of its own does the reading; here the report is made,
// written, and turned into an exit code: 0 clean, 1 refused, 5 not judged.
import { type Command, Option } from 'commander';
import { AirlockError } from '../../core/index.ts';
import { type Report, rulesById, type Severity, severities } from '../../scan/index.ts';
import { textReport } from '../../scan/reporters/index.ts';
import { defaultTensorflow, scan } from '../../scanner/index.ts';
import type { Io } from '../io.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { withInterrupt } from '../with-interrupt.ts';

interface ScanCommandOptions {
  readonly format: 'text' | 'json';
  readonly json?: boolean;
  readonly refuseAt: Severity;
  readonly tensorflow: string;
}

export function addScanCommand(program: Command, io: Io): void {
  program
    .command('scan')
    .description('say what a model could do, without running it')
    .argument('<path>', 'a model file, an archive, or a folder with models')
    .addOption(new Option('--format <form>', 'form of the report').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as --format json')
    .addOption(
      new Option('--refuse-at <severity>', 'from which severity on a finding refuses the model')
        .choices(severities)
        .default('medium'),
    )
    .option('--tensorflow <version>', 'the TensorFlow that would run it', defaultTensorflow)
    .addHelpText('after', '\nExample:\n  airlock scan examples/digits/1')
    .action((path: string, options: ScanCommandOptions) => scanCommand(path, options, io));
}

/** Smaller models are done before anybody has read a line. */
const minShownBytes = 64 * 1024 * 1024;

async function scanCommand(path: string, options: ScanCommandOptions, io: Io): Promise<void> {
  const report = await withInterrupt((signal) => scanWithBar(path, options, io, signal));
  if (options.json === true || options.format === 'json') io.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else io.stdout.write(textReport(report, { rules: rulesById, colours: 'isTTY' in io.stdout && io.stdout.isTTY === true }));
  if (report.verdict === 'refused') throw new AirlockError('SCAN_REFUSED');
  if (report.verdict === 'unreadable') throw new AirlockError('SCAN_INCOMPLETE');
}

async function scanWithBar(path: string, options: ScanCommandOptions, io: Io, signal: AbortSignal): Promise<Report> {
  let bar: ProgressBar | undefined;
  try {
    const report = await scan(path, {
      refuseAt: options.refuseAt,
      tensorflow: options.tensorflow,
      signal,
      onProgress: (doneBytes, totalBytes) => {
        if (totalBytes < minShownBytes) return;
        bar ??= createProgressBar(io, 'Scanning', totalBytes);
        bar.update(doneBytes);
      },
      onUnjailed: () =>
        io.stderr.write('This machine has no jail (airlock doctor says why): the model is read by a plain process.\n'),
      onLog: (line) => io.stderr.write(`${line}\n`),
    });
    bar?.finish();
    return report;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}
