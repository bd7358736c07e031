// `airlock runtime rehearse`: tries another TensorFlow with the models and requests that are there, and says whether it may take over. Exit code 0 only for `same`.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Config, configForFolder, loadConfig } from '../../../config/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { assertPrivate } from '../../../provenance/index.ts';
import { type Rehearsal, type RehearsalProgress, rehearse } from '../../../rehearsal/index.ts';
import { assertOwnStore } from '../../../runtime/index.ts';
import { counted } from '../../counted.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';
import { wholeNumberBetween } from '../../number-options.ts';
import { readIdentities } from '../../recording-identities.ts';
import { addTrustOptions, assertTrustGiven, type TrustOptions } from '../../trust-options.ts';
import { type UnsafeLevel, unsafeSandboxOption } from '../../unsafe-sandbox-option.ts';
import { withInterrupt } from '../../with-interrupt.ts';

interface RehearseOptions extends TrustOptions {
  readonly from?: string;
  readonly store?: string;
  readonly identity?: string;
  readonly maxRequests?: number;
  readonly html?: string;
  readonly json?: boolean;
  readonly unsafeSandbox?: UnsafeLevel;
}

export function addRehearseCommand(runtime: Command, io: Io): void {
  const command = runtime
    .command('rehearse')
    .description('Replay golden and recorded requests through the old and another TensorFlow, and compare')
    .argument('<version>', 'the TensorFlow to try; install it with `airlock runtime stage`')
    .argument('[path]', 'a configuration, or a folder with a model', 'airlock.yaml')
    .option('--from <version>', 'what to compare with; default what serves')
    .option('--identity <file>', 'key of `airlock record keys`: recorded requests are replayed too')
    .option('--max-requests <n>', 'from each source for each model; default 500', wholeNumberBetween(1, 1_000_000))
    .option('--html <file>', 'write the report here too; it is kept in the store anyway')
    .option('--json', 'print the record as JSON')
    .option('--store <dir>', 'folder of the store; only for a folder')
    .addOption(unsafeSandboxOption('; only for a folder'));
  addTrustOptions(command, '; only for a folder')
    .addHelpText(
      'after',
      '\nExample:\n  airlock runtime rehearse 2.21.0 airlock.yaml --identity recordings.key --html report.html',
    )
    .action((version: string, path: string, options: RehearseOptions) => run(version, path, options, io));
}

async function run(version: string, path: string, options: RehearseOptions, io: Io): Promise<void> {
  const config = await readConfig(path, options);
  // Said now, and not after the minutes of the rehearsal.
  if (options.html !== undefined && existsSync(options.html))
    throw new AirlockError('USAGE', {
      message: `${printable(options.html, 200)} exists already: remove it or choose another name`,
    });
  const rehearsal = await rehearseShown(config, version, options, io);
  if (options.json === true) io.stdout.write(`${JSON.stringify(rehearsal.record, undefined, 2)}\n`);
  else io.stdout.write(rehearsalText(rehearsal));
  if (options.html !== undefined) await writeNewFiles(new Map([[options.html, rehearsal.html]]));
  assertSame(rehearsal);
}

/** Rehearses, and shows on a terminal how far it is. @throws as `rehearse`. */
export async function rehearseShown(
  config: Config,
  version: string,
  options: Pick<RehearseOptions, 'identity' | 'from' | 'maxRequests' | 'json'>,
  io: Io,
): Promise<Rehearsal> {
  assertOwnStore(config.store);
  const identities = options.identity === undefined ? [] : await readIdentities(options.identity);
  const onProgress = options.json === true ? undefined : progressLine(io);
  return withInterrupt((signal) =>
    rehearse({
      config,
      to: version,
      identities,
      signal,
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.maxRequests === undefined ? {} : { maxRequests: options.maxRequests }),
      ...(onProgress === undefined ? {} : { onProgress }),
    }),
  ).finally(() => {
    if (io.isTerminal) io.stderr.write(clearLine);
  });
}

/** @throws REHEARSAL_NO_TRAFFIC, REHEARSAL_DIFFERS. */
export function assertSame({ record, withoutTraffic }: Rehearsal): void {
  if (withoutTraffic.length > 0)
    throw new AirlockError('REHEARSAL_NO_TRAFFIC', {
      message: `There are no requests to rehearse ${withoutTraffic.map((name) => printable(name, 160)).join(', ')} with: give golden requests, a contract, or recordings with --identity`,
    });
  if (record.verdict !== 'same')
    throw new AirlockError('REHEARSAL_DIFFERS', {
      message: `TensorFlow ${record.to} is not the same as ${record.from}: ${record.verdict}`,
    });
}

/** @throws CONFIG_NOT_FOUND, CONFIG_INVALID, USAGE, TRUST_INVALID. */
async function readConfig(path: string, options: RehearseOptions): Promise<Config> {
  if (!existsSync(path))
    throw new AirlockError('CONFIG_NOT_FOUND', {
      message: `There is no ${printable(path, 200)}: give an airlock.yaml, or a folder with a model`,
    });
  const { store, key, unsafeUnsigned, unsafeSandbox } = options;
  if (statSync(path).isDirectory()) {
    assertTrustGiven(options, 'or rehearse with an airlock.yaml');
    return configForFolder(path, {
      ...(store === undefined ? {} : { store }),
      ...(unsafeSandbox === undefined ? {} : { sandbox: { unsafeLevel: unsafeSandbox } }),
      ...(key === undefined ? { unsafeUnsigned: true } : { publicKey: resolve(key) }),
    });
  }
  if ([store, key, unsafeUnsigned, unsafeSandbox].some((option) => option !== undefined))
    throw new AirlockError('USAGE', {
      message: `--store, --key, --unsafe-unsigned and --unsafe-sandbox are for a folder; ${printable(path, 200)} says them itself`,
    });
  const config = await loadConfig(path);
  // Whoever can write it decides whose signatures count.
  if (config.trust !== undefined) await assertPrivate(resolve(path), 'TRUST_INVALID');
  return config;
}

const clearLine = '\r\u001b[2K';
const barChars = 30;
const redrawMs = 100;

function progressLine(io: Io): (progress: RehearsalProgress) => void {
  let drawnMs = Number.NEGATIVE_INFINITY;
  return ({ model, version, done, total }) => {
    const label = `${printable(model, 40)} version ${version}`;
    if (!io.isTerminal) {
      if (done === 0) io.stderr.write(`Rehearsing ${label} with ${counted(total, 'request')}\n`);
      return;
    }
    if (done < total && performance.now() - drawnMs < redrawMs) return;
    drawnMs = performance.now();
    const filled = total === 0 ? 0 : Math.round((barChars * done) / total);
    io.stderr.write(`${clearLine}${label}  [${'#'.repeat(filled)}${'-'.repeat(barChars - filled)}] ${done} of ${total} requests`);
  };
}

export function rehearsalText({ record, models, htmlPath }: Rehearsal): string {
  const lines = [`TensorFlow ${record.from} → ${record.to}: ${record.verdict}`];
  for (const { name, version, verdict, answered, old, now, notes } of models) {
    const times = answered === 0 ? '' : `, median ${old.times.median.toFixed(2)} → ${now.times.median.toFixed(2)} ms`;
    lines.push(`  ${printable(name, 128)} version ${version}: ${verdict}, ${counted(answered, 'request')} compared${times}`);
    lines.push(...notes.map((note) => `    (${printable(note, 500)})`));
  }
  lines.push(...record.reasons.map((reason) => `  - ${printable(reason, 1_000)}`), `Report: ${htmlPath}`);
  return `${lines.join('\n')}\n`;
}
