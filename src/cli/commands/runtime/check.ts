// `airlock runtime check`: how each installed TensorFlow stands, what the models reach of its published vulnerabilities, and until when it has to be replaced;
// and the same for Node and the packages that Airlock runs with. It changes nothing that serves.
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { configForFolder, defaultRuntimeConfig, loadConfig } from '../../../config/index.ts';
import { AirlockError, packageVersion } from '../../../core/index.ts';
import {
  type CheckReport,
  checkMarkdown,
  checkSarif,
  checkText,
  type FailPoint,
  failPoints,
  makeCheckReport,
  makePosture,
  nodeState,
  overdueText,
  servingSlots,
} from '../../../posture/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { npmState } from './check-npm.ts';
import { type GatherSubject, gatherFacts } from './gather-facts.ts';

interface CheckOptions {
  readonly store?: string;
  readonly models?: string;
  readonly offline?: boolean;
  readonly format: (typeof formats)[number];
  readonly json?: boolean;
  readonly failOn: FailPoint;
  readonly lockfile?: string;
}

const formats = ['table', 'json', 'sarif', 'markdown'] as const;

/** Adds `airlock runtime check`. Its action throws RUNTIME_OVERDUE and RUNTIME_VULNERABLE when it has said everything. */
export function addCheckCommand(runtime: Command, io: Io): void {
  runtime
    .command('check')
    .description('Say what is open in each installed TensorFlow, what of it the models reach, and until when it has to go')
    .argument('[path]', 'an airlock.yaml, or a folder of models; default airlock.yaml where it is there')
    .option('--store <dir>', 'folder of the store, where no airlock.yaml says it (default ./.airlock)')
    .option('--models <folder>', 'models to judge by, beside --store')
    .option('--offline', 'ask no package index and no registry')
    .addOption(new Option('--format <form>', 'form of the answer').choices(formats).default('table'))
    .option('--json', 'the same as --format json')
    .addOption(new Option('--fail-on <point>', 'what ends with exit code 1').choices(failPoints).default('reachable'))
    .option('--lockfile <file>', "lock file of npm to look at; default Airlock's own")
    .addHelpText(
      'after',
      '\nExit codes: 0 clean, 1 overdue or vulnerable.\n\nExamples:\n  airlock runtime check airlock.yaml\n  airlock runtime check --store .airlock --models ./models --format sarif > check.sarif',
    )
    .action((path: string | undefined, options: CheckOptions) => check(path, options, io));
}

interface Subject extends GatherSubject {
  /** What findings are shown at. */
  readonly place: string;
}

async function check(path: string | undefined, options: CheckOptions, io: Io): Promise<void> {
  const subject = await subjectOf(path, options);
  const report = await withInterrupt((signal) => makeReport(subject, options, io, signal));
  io.stdout.write(formatted(report, options, subject, io));
  fail(report);
}

/** @throws USAGE, CONFIG_NOT_FOUND, CONFIG_INVALID. */
async function subjectOf(path: string | undefined, { store, models }: CheckOptions): Promise<Subject> {
  const chosen = path ?? (store === undefined && models === undefined && existsSync('airlock.yaml') ? 'airlock.yaml' : undefined);
  if (chosen !== undefined && models !== undefined)
    throw new AirlockError('USAGE', {
      message: '--models is for a store without a configuration; give one folder or one airlock.yaml',
    });
  const folder = models ?? (chosen !== undefined && existsSync(chosen) && statSync(chosen).isDirectory() ? chosen : undefined);
  if (folder !== undefined) {
    // Nothing is loaded, so nobody has to have signed it.
    const config = configForFolder(folder, { unsafeUnsigned: true, ...(store === undefined ? {} : { store }) });
    return { store: config.store, runtime: config.runtime, config, place: basename(folder) };
  }
  if (chosen === undefined)
    return { store: store ?? './.airlock', runtime: defaultRuntimeConfig, config: undefined, place: 'store' };
  if (store !== undefined) throw new AirlockError('USAGE', { message: `--store is for a folder; ${chosen} says it itself` });
  const config = await loadConfig(chosen);
  return { store: config.store, runtime: config.runtime, config, place: basename(chosen) };
}

async function makeReport(subject: Subject, options: CheckOptions, io: Io, signal: AbortSignal): Promise<CheckReport> {
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const offline = options.offline === true;
  const [facts, npm] = await Promise.all([
    gatherFacts(subject, { offline, signal, note }, io),
    npmState({ offline, env: io.env, signal, ...(options.lockfile === undefined ? {} : { lockfile: options.lockfile }) }),
  ]);
  return makeCheckReport({
    posture: makePosture(facts),
    node: nodeState(process.version, facts.nowMs),
    npm,
    failOn: options.failOn,
    notes,
  });
}

function formatted(report: CheckReport, { format, json }: CheckOptions, { place }: Subject, io: Io): string {
  switch (json === true ? 'json' : format) {
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'sarif':
      return checkSarif(report, { airlock: packageVersion(), place });
    case 'markdown':
      return checkMarkdown(report);
    case 'table': {
      const isTerminal = 'isTTY' in io.stdout && io.stdout.isTTY === true;
      return checkText(report, { colours: isTerminal && io.env.NO_COLOR === undefined });
    }
  }
}

function fail({ verdict, posture, failOn }: CheckReport): void {
  if (verdict === 'overdue') throw new AirlockError('RUNTIME_OVERDUE', { message: overdueText(posture) ?? '' });
  if (verdict === 'clean') return;
  const reach = failOn === 'open' ? ['reachable', 'undecided'] : ['reachable'];
  const open = servingSlots(posture).flatMap(({ advisories }) => advisories.filter((one) => reach.includes(one.reach)));
  const named = open.slice(0, 3).map(({ cve, id }) => cve ?? id);
  const more = open.length > named.length ? ` and ${open.length - named.length} more` : '';
  const verb = open.length === 1 ? 'is' : 'are';
  const what = failOn === 'open' ? `${verb} within reach of the models, or nobody knows` : `${verb} within reach of the models`;
  throw new AirlockError('RUNTIME_VULNERABLE', { message: `${named.join(', ')}${more} ${what}` });
}
