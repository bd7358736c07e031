// `airlock runtime update`: check, stage, rehearse and promote as one command, for a timer. It goes on by itself only where a rehearsal saw no difference; anywhere else
// it stops, says which person has to decide what, and leaves what serves as it is. With --json each way out prints one document, whatever the exit code.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../../../config/index.ts';
import { AirlockError, errorSpec, printable } from '../../../core/index.ts';
import { type DataAge, decideUpdate, makePosture, type PostureFacts, type UpdateDecision } from '../../../posture/index.ts';
import { assertPrivate } from '../../../provenance/index.ts';
import type { Rehearsal } from '../../../rehearsal/index.ts';
import {
  archOfMachine,
  assertOwnStore,
  findSlot,
  listSlots,
  pinnedVersions,
  verifySlot,
  withUpdateLock,
} from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { gatherFacts } from './gather-facts.ts';
import { install } from './install.ts';
import { promoteTo } from './promote.ts';
import { assertSame, rehearsalText, rehearseShown } from './rehearse.ts';
import { type StoreAtHand, storeOf } from './rollout-shared.ts';
import { writeJson } from './shared.ts';
import { assertNothingUnderWay, assertNotOlder, assertNotTried } from './update-guards.ts';

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
    .option('--to <version>', 'this newer version, instead of the lowest pinned one that is free of what is wrong')
    .option('--identity <file>', 'key of `airlock record keys`: recorded requests are replayed too')
    .option('--offline', 'ask no package index what is newer; what has to be installed is still downloaded')
    .option('--check-only', 'say what would be done, and do nothing')
    .option('--json', 'print the outcome as one JSON document, also when it stops')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing to do, done, or asked of the next server that starts; 1 a person has to decide, it went back, or another change is under way; 2, 3 the command line or the configuration is wrong; 4 the machine lacks something (network, disk, rights), try again; 5 there was nothing to rehearse with.\n\nExample, for a timer that runs as the user of the server:\n  airlock runtime update /etc/airlock/airlock.yaml --identity /etc/airlock/recordings.key --json',
    )
    .action((path: string, options: UpdateOptions) => update(path, options, io));
}

/** What is known so far, for whoever reads the end of it. */
interface Told {
  from: string | null;
  to: string | null;
  why: string | null;
  /** Absolute path of the report for a person. */
  report: string | null;
  /** How old what was judged by is; null where nothing had to be judged. */
  advisoryData: Pick<DataAge, 'read' | 'ageDays' | 'isOld'> | null;
  readonly notes: string[];
}

type Outcome = 'nothing to do' | 'would update' | 'promoted' | 'asked';

async function update(path: string, options: UpdateOptions, io: Io): Promise<void> {
  const told: Told = { from: null, to: null, why: null, report: null, advisoryData: null, notes: [] };
  const tell = (outcome: Outcome | 'stopped', error: object | null): void => {
    if (options.json === true) writeJson(io, { outcome, ...told, error });
  };
  try {
    tell(await carryOut(path, options, told, io), null);
  } catch (thrown) {
    const { code, message } = AirlockError.from(thrown);
    tell('stopped', { code, message, exitCode: errorSpec(code).exit });
    throw thrown;
  }
}

async function carryOut(path: string, options: UpdateOptions, told: Told, io: Io): Promise<Outcome> {
  const config = await readConfig(path);
  const job = async (): Promise<Outcome> => {
    const at = await storeOf({ config: path });
    told.from = at.state.tensorflow;
    assertNothingUnderWay(at.state);
    return goOn(path, config, at, options, told, io);
  };
  if (options.checkOnly === true) return job();
  assertOwnStore(config.store);
  return withUpdateLock(config.store, job);
}

async function goOn(path: string, config: Config, at: StoreAtHand, options: UpdateOptions, told: Told, io: Io): Promise<Outcome> {
  const say = (text: string): void => {
    if (options.json !== true) io.stdout.write(`${text}\n`);
  };
  const from = at.state.tensorflow;
  const decision = await decide(config, at, options, told, io);
  told.why = decision.why;
  say(`check     TensorFlow ${from}: ${decision.why}`);
  if (decision.kind === 'stay') {
    say('Nothing to do');
    return 'nothing to do';
  }
  if (decision.kind === 'ask')
    throw new AirlockError('RUNTIME_VULNERABLE', {
      message: `A person has to decide: ${decision.why}; \`airlock runtime pin\` adds a release`,
    });
  const { to, why } = decision;
  told.to = to;
  assertNotTried(at.store, to);
  if (options.checkOnly === true) {
    say(`Would stage, rehearse and promote TensorFlow ${to}`);
    return 'would update';
  }
  await stage(to, at, config, options, io);
  say(`stage     TensorFlow ${to} is installed and verified`);
  const rehearsal = await rehearseShown(config, to, { ...options, from }, io);
  told.report = rehearsal.htmlPath;
  say(`rehearse  ${rehearsalText(rehearsal).trimEnd().replaceAll('\n', '\n          ')}`);
  try {
    assertSame(rehearsal);
  } catch (thrown) {
    const { code, message } = AirlockError.from(thrown);
    throw new AirlockError(code, {
      message: `A person has to decide: ${message}. Read ${printable(rehearsal.htmlPath, 400)}; \`airlock runtime promote ${to} --accept-changes REASON\` takes it all the same`,
    });
  }
  assertRealTraffic(rehearsal, to);
  return promote(path, config, { from, to, why }, say, io);
}

/** Requests that were made up from a contract say little about what clients send; a person may go on with them, a timer may not. @throws REHEARSAL_NO_TRAFFIC. */
function assertRealTraffic({ models, htmlPath }: Rehearsal, to: string): void {
  const made = models.filter(({ sources: { golden, warmup, recorded } }) => golden + warmup + recorded === 0);
  if (made.length === 0) return;
  const names = made.map(({ name, version }) => `${printable(name, 128)} version ${version}`).join(', ');
  throw new AirlockError('REHEARSAL_NO_TRAFFIC', {
    message: `A person has to decide: ${names} was rehearsed with generated requests only, and nothing differed. Give golden requests or recordings with --identity, or read ${printable(htmlPath, 400)} and run \`airlock runtime promote ${to}\``,
  });
}

async function promote(
  path: string,
  config: Config,
  { from, to, why }: { readonly from: string; readonly to: string; readonly why: string },
  say: (text: string) => void,
  io: Io,
): Promise<Outcome> {
  const now = await storeOf({ config: path });
  // A person may have been faster while it was rehearsed, which takes minutes.
  assertNothingUnderWay(now.state);
  if (now.state.tensorflow !== from)
    throw new AirlockError('PROMOTION_BUSY', {
      message: `TensorFlow ${now.state.tensorflow} serves by now instead of ${from}, which was compared with ${to}`,
    });
  const reason = `update: ${why}`.slice(0, 1_000);
  const patienceMs = config.runtime.rollout.observeMs + silentMs;
  const { isDone, isRunning } = await promoteTo(to, now, { reason, wait: true, patienceMs }, io);
  const notDone = isRunning
    ? 'the server ended or fell silent; it, or the next one, goes on'
    : `no server runs; the next one moves to ${to}`;
  say(`promote   ${isDone ? `TensorFlow ${to} serves` : notDone}`);
  return isDone ? 'promoted' : 'asked';
}

/** A server that has said nothing new for so long, beside the time in which it only observes, is not waited for: one in another container may be gone. */
const silentMs = 900_000;

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

/** What should serve. Pinned versions are judged as if they were installed. */
async function decide(
  config: Config,
  { store, state, pins }: StoreAtHand,
  { to, offline = false }: UpdateOptions,
  told: Told,
  io: Io,
): Promise<UpdateDecision> {
  const { tensorflow: version } = state;
  if (to !== undefined) {
    if (to === version) return { kind: 'stay', why: 'it serves already' };
    assertNotOlder(to, version);
    return { kind: 'update', to, why: `${printable(to)} was asked for` };
  }
  const note = (text: string): void => {
    told.notes.push(text);
    io.stderr.write(`${text}\n`);
  };
  const subject = { store, runtime: { ...config.runtime, tensorflow: version }, config };
  const facts = await withInterrupt((signal) => gatherFacts(subject, { offline, signal, note }, io));
  const arch = archOfMachine();
  const candidates = pinnedVersions(arch, pins).filter((pinned) => pinned !== version);
  const slots = [version, ...candidates].map((one) => ({ version: one, arch, isInstalled: true, isServing: one === version }));
  const posture = makePosture({ ...facts, slots } satisfies PostureFacts);
  const { read, ageDays, isOld } = posture.advisoryData;
  told.advisoryData = { read, ageDays, isOld };
  // What was published since then is not among what was judged.
  if (isOld) note(`The advisory data is of ${read}, ${ageDays} days old: \`airlock advisories update\` brings newer`);
  const serving = posture.slots.find(({ isServing }) => isServing);
  if (serving === undefined) throw new AirlockError('INTERNAL');
  return decideUpdate(
    serving,
    posture.slots.filter((slot) => !slot.isServing),
  );
}

/** Installs it, or verifies what is installed: libraries that were built come from no index. */
async function stage(
  version: string,
  { store, pins }: StoreAtHand,
  config: Config,
  { json }: UpdateOptions,
  io: Io,
): Promise<void> {
  const arch = archOfMachine();
  if ((await listSlots(store)).some((slot) => slot.version === version && slot.arch === arch)) {
    const slot = await findSlot(store, version, arch, pins);
    return withInterrupt((signal) => verifySlot(slot, { signal }));
  }
  const { pins: file } = config.runtime;
  // Its own word would be in the way of one JSON document.
  const quiet: Io = { ...io, stdout: new Writable({ write: (_chunk, _encoding, done) => done() }) };
  await install(
    { version, store, ...(file === undefined ? {} : { pins: file }), ...(json === undefined ? {} : { json }) },
    quiet,
  );
}
