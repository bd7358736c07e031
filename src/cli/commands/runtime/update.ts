// `airlock runtime update`: check, stage, rehearse and promote as one command, for a timer. It goes on by itself only where a rehearsal saw no difference; anywhere else
// it stops, says which person has to decide what, and leaves what serves as it is.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../../../config/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { decideUpdate, makePosture, type PostureFacts, type UpdateDecision } from '../../../posture/index.ts';
import { assertPrivate } from '../../../provenance/index.ts';
import { archOfMachine, listSlots, pinnedVersions } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { gatherFacts } from './gather-facts.ts';
import { install } from './install.ts';
import { promoteTo } from './promote.ts';
import { assertSame, rehearsalText, rehearseShown } from './rehearse.ts';
import { type StoreAtHand, storeOf } from './rollout-shared.ts';
import { writeJson } from './shared.ts';

interface UpdateOptions {
  readonly to?: string;
  readonly identity?: string;
  readonly offline?: boolean;
  readonly checkOnly?: boolean;
  readonly json?: boolean;
}

export function addUpdateCommand(runtime: Command, io: Io): void {
  runtime
    .command('update')
    .description('Check, stage, rehearse and promote, and stop where a person has to decide')
    .argument('[config]', 'the airlock.yaml of the server', 'airlock.yaml')
    .option('--to <version>', 'this version, instead of the lowest pinned one that is free of what is wrong')
    .option('--identity <file>', 'key of `airlock record keys`: recorded requests are replayed too')
    .option('--offline', 'ask no package index what is newer; what has to be installed is still downloaded')
    .option('--check-only', 'say what would be done, and do nothing')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing to do, or done; 1 a person has to decide, or it went back; 5 there was nothing to rehearse with.\n\nExample, for a timer:\n  airlock runtime update /etc/airlock/airlock.yaml --identity /etc/airlock/recordings.key --json',
    )
    .action((path: string, options: UpdateOptions) => update(path, options, io));
}

interface Outcome {
  readonly from: string;
  readonly to: string | null;
  readonly why: string;
  readonly outcome: 'nothing to do' | 'would update' | 'promoted' | 'asked';
  /** Absolute path of the report for a person. */
  readonly report?: string;
}

async function update(path: string, options: UpdateOptions, io: Io): Promise<void> {
  const config = await readConfig(path);
  const at = await storeOf({ config: path });
  const say = (text: string): void => {
    if (options.json !== true) io.stdout.write(`${text}\n`);
  };
  const { version: from, decision } = await decide(config, at, options, io);
  say(`check     TensorFlow ${from}: ${decision.why}`);
  if (decision.kind === 'stay') return report({ from, to: null, why: decision.why, outcome: 'nothing to do' }, options, io);
  if (decision.kind !== 'update')
    throw new AirlockError('RUNTIME_VULNERABLE', {
      message: `A person has to decide: ${decision.why}; \`airlock runtime pin\` adds a release`,
    });
  const { to, why } = decision;
  if (options.checkOnly === true) return report({ from, to, why, outcome: 'would update' }, options, io);
  await stage(to, at, config, options, io);
  say(`stage     TensorFlow ${to} is installed and verified`);
  const rehearsal = await rehearseShown(config, to, { ...options, from }, io);
  say(`rehearse  ${rehearsalText(rehearsal).trimEnd().replaceAll('\n', '\n          ')}`);
  try {
    assertSame(rehearsal);
  } catch (thrown) {
    const { code, message } = AirlockError.from(thrown);
    throw new AirlockError(code, {
      message: `A person has to decide: ${message}. Read ${printable(rehearsal.htmlPath, 400)}; \`airlock runtime promote ${to} --accept-changes REASON\` takes it all the same`,
    });
  }
  const { isDone, isRunning } = await promoteTo(
    to,
    await storeOf({ config: path }),
    { reason: `update: ${why}`.slice(0, 1_000), wait: true },
    io,
  );
  const outcome = isDone ? 'promoted' : 'asked';
  say(
    `promote   ${isDone ? `TensorFlow ${to} serves` : isRunning ? 'the server ended meanwhile; the next one goes on' : `no server runs; the next one moves to ${to}`}`,
  );
  return report({ from, to, why, outcome, report: rehearsal.htmlPath }, options, io);
}

/** @throws CONFIG_NOT_FOUND, CONFIG_INVALID, TRUST_INVALID. */
async function readConfig(path: string): Promise<Config> {
  if (!existsSync(path))
    throw new AirlockError('CONFIG_NOT_FOUND', {
      message: `There is no ${printable(path, 200)}: give the airlock.yaml of the server`,
    });
  const config = await loadConfig(path);
  // Whoever can write it decides whose signatures count.
  if (config.trust !== undefined) await assertPrivate(resolve(path), 'TRUST_INVALID');
  return config;
}

/** What serves, and what should. Pinned versions are judged as if they were installed. */
async function decide(
  config: Config,
  { store, state, pins }: StoreAtHand,
  { to, offline = false }: UpdateOptions,
  io: Io,
): Promise<{ readonly version: string; readonly decision: UpdateDecision }> {
  const note = (text: string): void => void io.stderr.write(`${text}\n`);
  const subject = { store, runtime: { ...config.runtime, tensorflow: state.tensorflow }, config };
  const facts = await withInterrupt((signal) => gatherFacts(subject, { offline, signal, note }, io));
  const { tensorflow: version } = state;
  if (to !== undefined)
    return {
      version,
      decision: to === version ? { kind: 'stay', why: 'it serves already' } : { kind: 'update', to, why: `${to} was asked for` },
    };
  const arch = archOfMachine();
  const candidates = pinnedVersions(arch, pins).filter((pinned) => pinned !== version);
  const slots = [version, ...candidates].map((one) => ({ version: one, arch, isInstalled: true, isServing: one === version }));
  const posture = makePosture({ ...facts, slots } satisfies PostureFacts);
  const serving = posture.slots.find(({ isServing }) => isServing);
  if (serving === undefined) throw new AirlockError('INTERNAL');
  return {
    version,
    decision: decideUpdate(
      serving,
      posture.slots.filter((slot) => !slot.isServing),
    ),
  };
}

async function stage(version: string, { store }: StoreAtHand, config: Config, { json }: UpdateOptions, io: Io): Promise<void> {
  const arch = archOfMachine();
  if ((await listSlots(store)).some((slot) => slot.version === version && slot.arch === arch)) return;
  const { pins } = config.runtime;
  // Its own word would be in the way of one JSON document.
  const quiet: Io = { ...io, stdout: new Writable({ write: (_chunk, _encoding, done) => done() }) };
  await install({ version, store, ...(pins === undefined ? {} : { pins }), ...(json === undefined ? {} : { json }) }, quiet);
}

function report(outcome: Outcome, { json }: UpdateOptions, io: Io): void {
  if (json === true) writeJson(io, outcome);
  else if (outcome.outcome === 'nothing to do') io.stdout.write('Nothing to do\n');
  else if (outcome.outcome === 'would update') io.stdout.write(`Would stage, rehearse and promote TensorFlow ${outcome.to}\n`);
}
