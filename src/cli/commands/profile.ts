// `airlock profile`: what each operation of a model takes, by running it in its jail with TensorFlow's tracing on, and the limits that follow from that.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { modelNameOf } from '../../config/index.ts';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';
import { OpProfile, type ProfiledSignature, profileHtml, type RunProfile, suggestLimits } from '../../profile/index.ts';
import { defaultTensorflow } from '../../scanner/index.ts';
import type { OpenedWorker } from '../../serving/index.ts';
import type { Io } from '../io.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { openMeasured } from '../open-measured.ts';
import { type ProfileRequest, readRequests, zeroRequest } from '../profile-requests.ts';
import { profileJson, profileText } from '../profile-text.ts';
import { addTrustOptions, assertTrustGiven, type TrustOptions } from '../trust-options.ts';
import { type UnsafeLevel, unsafeSandboxOption } from '../unsafe-sandbox-option.ts';
import { withInterrupt } from '../with-interrupt.ts';

interface ProfileCommandOptions extends TrustOptions {
  readonly requests?: string;
  readonly signature?: string;
  readonly runs: number;
  readonly batch: number;
  readonly top: number;
  readonly html?: string;
  readonly json?: boolean;
  readonly store: string;
  readonly tensorflow: string;
  readonly tags: string;
  readonly timeout: number;
  readonly memory: number;
  readonly unsafeSandbox?: UnsafeLevel;
  readonly unsafeUnscanned?: boolean;
}

/** Before anything is counted: the first runs compile and allocate what later ones find. */
const warmUpRuns = 3;
const clearLine = '\r\u001b[2K';

export function addProfileCommand(program: Command, io: Io): void {
  const command = program
    .command('profile')
    .description('say what each operation of a model takes, in time and memory, by running it in its jail')
    .argument('<model>', 'a SavedModel, or a folder of versions, of which the newest is taken');
  addTrustOptions(command)
    .option('--requests <file.jsonl>', 'bodies of REST predict requests, one in each line; default zeros')
    .option('--signature <name>', 'without --requests: only this one; default all')
    .option('--runs <count>', 'traced runs of each signature', wholeNumberBetween(1, 100_000), 50)
    .option('--batch <rows>', 'without --requests: the first size of inputs where any is taken', wholeNumberBetween(1, 65_536), 1)
    .option('--top <count>', 'how many operations and nodes to print', wholeNumberBetween(1, 1_000), 12)
    .option('--html <file>', 'also write a report with a flame view and a time line')
    .option('--json', 'the same as JSON')
    .option('--store <folder>', 'where the TensorFlow runtimes are', '.airlock')
    .option('--tensorflow <version>', 'the TensorFlow that runs it', defaultTensorflow)
    .option('--tags <tags>', 'tags of the MetaGraph, with commas between them', 'serve')
    .option('--timeout <seconds>', 'how long a run may take', wholeNumberBetween(1, 3_600), 60)
    .option('--memory <MiB>', 'how much memory the worker may take', wholeNumberBetween(128, 1_048_576), 4_096)
    .addOption(unsafeSandboxOption())
    .option('--unsafe-unscanned', 'load the model without scanning it')
    .addHelpText(
      'after',
      '\nExample:\n  airlock profile examples/digits --key examples/release.pub --batch 32 --html digits.html',
    )
    .action((model: string, options: ProfileCommandOptions) => profile(model, options, io));
}

async function profile(path: string, options: ProfileCommandOptions, io: Io): Promise<void> {
  assertTrustGiven(options, 'for the model');
  const all = new OpProfile();
  const signatures = await withInterrupt(async (signal) => {
    if (io.isTerminal) io.stderr.write('Loading the model …');
    const opened = await openMeasured(path, options).finally(() => io.isTerminal && io.stderr.write(clearLine));
    try {
      return await run({ opened, requests: requestsFor(opened, options, io), count: options.runs, all, io, signal });
    } finally {
      await opened.close();
    }
  });
  const limits = suggestLimits(all);
  if (options.html !== undefined) writeReport(options.html, path, options, signatures);
  const json = options.json === true;
  io.stdout.write(
    json ? `${JSON.stringify(profileJson(signatures, limits), undefined, 2)}\n` : profileText(signatures, options.top, limits),
  );
}

/** @throws USAGE, SIGNATURE_NOT_FOUND, and what a request is refused for. */
function requestsFor(
  { signatures }: OpenedWorker,
  { requests, signature, batch }: ProfileCommandOptions,
  io: Io,
): readonly ProfileRequest[] {
  if (requests !== undefined) return readRequests(requests, signatures);
  const found: ProfileRequest[] = [];
  signatures.forEach(({ name, unsupported }, index) => {
    if (unsupported !== undefined || (signature !== undefined && name !== signature)) return;
    const request = zeroRequest(signatures, index, batch);
    if (request !== undefined) found.push(request);
    else io.stderr.write(`${printable(name)} is left out: zeros cannot be made for it, so give --requests\n`);
  });
  if (found.length === 0)
    throw new AirlockError('SIGNATURE_NOT_FOUND', {
      message: 'There is no signature to be run; give --requests, or another --signature',
    });
  return found;
}

interface ProfilingRun {
  readonly opened: OpenedWorker;
  readonly requests: readonly ProfileRequest[];
  /** Of each signature; its requests take turns. */
  readonly count: number;
  /** Gets the runs of all signatures. */
  readonly all: OpProfile;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** @throws what a run throws; CANCELLED when it was interrupted before the first; PROFILE_INVALID when no trace was small enough to be sent. */
async function run({ opened, requests, count, all, io, signal }: ProfilingRun): Promise<readonly ProfiledSignature[]> {
  const bySignature = new Map<number, ProfileRequest[]>();
  for (const request of requests) {
    const own = bySignature.get(request.signatureIndex);
    if (own === undefined) bySignature.set(request.signatureIndex, [request]);
    else own.push(request);
  }
  const profiled: ProfiledSignature[] = [];
  for (const [index, own] of bySignature) {
    const { name } = opened.signatures[index];
    const profile = new OpProfile();
    let slowest: RunProfile | undefined;
    const onProfile = (one: RunProfile): void => {
      profile.add(one);
      all.add(one);
      if (slowest === undefined || one.durationUs > slowest.durationUs) slowest = one;
    };
    for (let i = 0; i < warmUpRuns; i++) await opened.run(index, own[i % own.length].inputs);
    for (let i = 0; i < count && !signal.aborted; i++) {
      await opened.run(index, own[i % own.length].inputs, { onProfile });
      if (io.isTerminal && i % 10 === 0) io.stderr.write(`${clearLine}${printable(name, 40)}: run ${i + 1} of ${count}`);
    }
    if (io.isTerminal) io.stderr.write(clearLine);
    if (profile.runs > 0) profiled.push({ name, profile, slowest });
    else if (!signal.aborted)
      io.stderr.write(`${printable(name)} gave no trace: it is larger than is read (16 MiB, or 16,384 runs of nodes)\n`);
  }
  if (profiled.length === 0)
    throw new AirlockError(signal.aborted ? 'CANCELLED' : 'PROFILE_INVALID', { message: 'No run was traced' });
  return profiled;
}

function writeReport(
  file: string,
  path: string,
  { tensorflow, requests, batch, memory }: ProfileCommandOptions,
  signatures: readonly ProfiledSignature[],
): void {
  const what = requests === undefined ? `zeros in batches of ${batch}` : 'requests from a file';
  const facts = [`TensorFlow ${tensorflow}, one thread, ${memory} MiB; ${what}.`];
  try {
    writeFileSync(file, profileHtml(`Profile of ${modelNameOf(resolve(path))}`, facts, signatures));
  } catch (cause) {
    const why = errnoOf(cause) ?? 'unknown reason';
    throw new AirlockError('USAGE', { message: `The report could not be written to ${printable(file, 256)} (${why})`, cause });
  }
}
