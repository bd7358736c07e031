// `airlock record`: keys for recordings, and which model's requests a running server keeps. It writes orders into the store; the server follows them as far as its own
// configuration allows, and only `show` needs the key that nobody but its owner has.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { AuditLog } from '../../audit/index.ts';
import { type Config, loadConfig } from '../../config/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import {
  isActive,
  listSegments,
  makeRecordingKey,
  newRecordingId,
  type RecordingOrder,
  readOrders,
  readRecordings,
  removeOrder,
  removeSegments,
  type SegmentFile,
  writeOrder,
} from '../../recording/index.ts';
import { assertOwnStore } from '../../runtime/index.ts';
import { askerName } from '../asker-name.ts';
import type { Io } from '../io.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { formatBytes } from '../progress-bar.ts';
import { recordedRequestJson } from '../recorded-request-json.ts';
import { readIdentities } from '../recording-identities.ts';

interface PlaceOptions {
  readonly config: string;
  readonly store?: string;
  readonly json?: boolean;
}

interface StartOptions extends PlaceOptions {
  readonly sample: number;
  readonly for: number;
  readonly maxRequests: number;
}

/** Adds `airlock record`. Its actions throw AirlockError and set no exit code. */
export function addRecordCommands(program: Command, io: Io): void {
  const record = program
    .command('record')
    .description('Keep samples of accepted requests, redacted and encrypted, to rehearse another TensorFlow with');
  record
    .command('keys')
    .description('make a key for recordings: its owner can read them, the server cannot')
    .requiredOption('-o, --output <file>', 'new file for the identity, readable by you only')
    .addHelpText('after', '\nExample:\n  airlock record keys -o recordings.key')
    .action((options: { readonly output: string }) => makeKeys(options.output, io));
  withPlace(record.command('start').description('have a running server record a model').argument('<model>', 'its name'))
    .option('--sample <percent>', 'share of the accepted requests, such as 1%', percent, 1)
    .option('--for <duration>', 'when it ends by itself, such as 30m, 1h or 2d; at most 30d', duration, 3_600_000)
    .option('--max-requests <n>', 'each server ends it after so many', wholeNumberBetween(1, 1_000_000_000), 10_000)
    .addHelpText('after', '\nExample:\n  airlock record start digits --sample 1% --for 1h')
    .action((model: string, options: StartOptions) => start(model, options, io));
  withPlace(record.command('stop').description('end the recording of a model').argument('<model>', 'its name')).action(
    (model: string, options: PlaceOptions) => stop(model, options, io),
  );
  withPlace(record.command('status').description('what is being recorded now')).action((options: PlaceOptions) =>
    list({ ...options, activeOnly: true }, io),
  );
  withPlace(record.command('list').description('all recordings of the store')).action((options: PlaceOptions) =>
    list({ ...options, activeOnly: false }, io),
  );
  withPlace(
    record.command('show').description('print recorded requests as JSON lines').argument('[recording]', 'its id; default all'),
  )
    .requiredOption('--identity <file>', 'file with the identity that `airlock record keys` made')
    .option('--limit <n>', 'requests to print', wholeNumberBetween(1), 10)
    .action((id: string | undefined, options: PlaceOptions & { readonly identity: string; readonly limit: number }) =>
      show(id, options, io),
    );
  withPlace(record.command('delete').description('remove a recording').argument('<recording>', 'its id, or `all`')).action(
    (id: string, options: PlaceOptions) => remove(id, options, io),
  );
}

function withPlace(command: Command): Command {
  return command
    .option('--config <file>', 'the server’s configuration', 'airlock.yaml')
    .option('--store <folder>', 'the store, where there is no configuration at hand')
    .option('--json', 'print the result as JSON');
}

function percent(text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,6})?)%?$/.exec(text) ?? [];
  const value = Number(digits);
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError('expected a share above 0 and at most 100, such as 1%');
  return value;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function duration(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  const valueMs = Number(count) * (unitMs[unit] ?? Number.NaN);
  if (!(valueMs <= 30 * unitMs.d)) throw new InvalidArgumentError('expected a duration of at most 30d such as 30m or 1h');
  return valueMs;
}

async function makeKeys(output: string, io: Io): Promise<void> {
  const { identity, recipient } = await makeRecordingKey();
  const text = `# recipient: ${recipient}\n${identity}\n`;
  try {
    await writeFile(output, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new AirlockError('USAGE', {
      message: existsSync(output) ? `${printable(output, 200)} exists already` : `${printable(output, 200)} could not be written`,
      cause,
    });
  }
  io.stdout.write(`${recipient}\n`);
  io.stderr.write('Put this recipient into recording.recipients of airlock.yaml; keep the file away from the server.\n');
}

async function storeOf({ config, store }: PlaceOptions): Promise<string> {
  return store ?? (await loadConfig(config)).store;
}

function assertAllowed({ recording, models }: Config, name: string, sample: number): void {
  const refuse = (message: string) => new AirlockError('RECORDING_REFUSED', { message });
  const model = models.find((one) => one.name === name);
  const shown = printable(name, 128);
  if (model === undefined) throw new AirlockError('MODEL_NOT_FOUND', { message: `The configuration has no model ${shown}` });
  if (recording === undefined) throw refuse('The configuration has no recording section, so that nothing may be recorded');
  if (model.recording === undefined) throw refuse(`The model ${shown} has no recording section in the configuration`);
  if (sample > recording.maxSamplePercent)
    throw refuse(`At most ${recording.maxSamplePercent} % of the requests may be recorded (recording.maxSamplePercent)`);
}

/** Whose requests are kept is something that others have to be able to find out later. @throws AUDIT_LOG_FAILED */
function audit(store: string, kind: string, { id, model, samplePercent, until }: RecordingOrder, io: Io): void {
  new AuditLog(join(store, 'audit')).append(kind, { id, model, samplePercent, until, user: askerName(io.env) });
}

async function start(model: string, options: StartOptions, io: Io): Promise<void> {
  const config = await loadConfig(options.config);
  assertAllowed(config, model, options.sample);
  assertOwnStore(config.store);
  const nowMs = Date.now();
  const orders = await readOrders(config.store);
  if (orders.some((order) => order.model === model && isActive(order, nowMs)))
    throw new AirlockError('USAGE', {
      message: `${printable(model, 128)} is being recorded already; \`airlock record stop\` ends that`,
    });
  const order: RecordingOrder = {
    format: 1,
    id: newRecordingId(nowMs),
    model,
    samplePercent: options.sample,
    maxRequests: options.maxRequests,
    startedAt: new Date(nowMs).toISOString(),
    until: new Date(nowMs + options.for).toISOString(),
    by: askerName(io.env),
  };
  // First: what the log does not have is not recorded.
  audit(config.store, 'recording started', order, io);
  await writeOrder(config.store, order);
  if (options.json === true) io.stdout.write(`${JSON.stringify(order)}\n`);
  else
    io.stdout.write(
      `Recording ${order.id}: ${options.sample} % of the accepted requests of ${printable(model, 128)} until ${order.until}, at most ${options.maxRequests}\n`,
    );
}

async function stop(model: string, options: PlaceOptions, io: Io): Promise<void> {
  const store = await storeOf(options);
  const nowMs = Date.now();
  const active = (await readOrders(store)).filter((order) => order.model === model && isActive(order, nowMs));
  for (const order of active) {
    await writeOrder(store, { ...order, stoppedAt: new Date(nowMs).toISOString() });
    audit(store, 'recording stopped', order, io);
  }
  if (options.json === true) io.stdout.write(`${JSON.stringify({ stopped: active.map(({ id }) => id) })}\n`);
  else
    io.stdout.write(active.length === 0 ? 'Nothing was being recorded\n' : `Stopped ${active.map(({ id }) => id).join(', ')}\n`);
}

async function list(options: PlaceOptions & { readonly activeOnly: boolean }, io: Io): Promise<void> {
  const store = await storeOf(options);
  const nowMs = Date.now();
  const segments = await listSegments(store);
  const orders = (await readOrders(store)).filter((order) => !options.activeOnly || isActive(order, nowMs));
  const rows = orders.map((order) => ({ ...order, active: isActive(order, nowMs), ...totals(segments, order.id) }));
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ recordings: rows }, undefined, 2)}\n`);
    return;
  }
  if (rows.length === 0) io.stdout.write(options.activeOnly ? 'Nothing is being recorded\n' : 'There are no recordings\n');
  for (const { id, model, active, samplePercent, startedAt, until, requests, bytes } of rows)
    io.stdout.write(
      `${id}  ${printable(model, 128)}  ${samplePercent} %  ${startedAt}  ${active ? `until ${until}` : 'ended'}  ${requests} requests, ${formatBytes(bytes)}\n`,
    );
}

function totals(segments: readonly SegmentFile[], id: string): { readonly requests: number; readonly bytes: number } {
  const own = segments.filter(({ recording }) => recording === id);
  return {
    requests: own.reduce((sum, { requests }) => sum + requests, 0),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function show(
  id: string | undefined,
  options: PlaceOptions & { readonly identity: string; readonly limit: number },
  io: Io,
): Promise<void> {
  const store = await storeOf(options);
  const identities = await readIdentities(options.identity);
  if (id !== undefined && !(await isThere(store, id))) throw noRecording(id);
  let shown = 0;
  for await (const { meta, signature, inputs } of readRecordings({
    store,
    identities,
    ...(id === undefined ? {} : { recordings: new Set([id]) }),
  })) {
    io.stdout.write(`${recordedRequestJson(meta, { signature, inputs })}\n`);
    if (++shown >= options.limit) break;
  }
}

async function isThere(store: string, id: string): Promise<boolean> {
  const segments = await listSegments(store);
  return segments.some(({ recording }) => recording === id) || (await readOrders(store)).some((order) => order.id === id);
}

function noRecording(id: string): AirlockError {
  return new AirlockError('USAGE', { message: `There is no recording ${printable(id, 64)}` });
}

async function remove(id: string, options: PlaceOptions, io: Io): Promise<void> {
  const store = await storeOf(options);
  const isMeant = (one: string) => id === 'all' || one === id;
  const segments = (await listSegments(store)).filter(({ recording }) => isMeant(recording));
  const orders = (await readOrders(store)).filter((order) => isMeant(order.id));
  if (segments.length === 0 && orders.length === 0) throw noRecording(id);
  // First, so that a server ends it before its next look.
  for (const order of orders) {
    await removeOrder(store, order.id);
    audit(store, 'recording deleted', order, io);
  }
  await removeSegments(store, segments);
  const requests = segments.reduce((sum, one) => sum + one.requests, 0);
  if (options.json === true) io.stdout.write(`${JSON.stringify({ removed: { recordings: orders.length, requests } })}\n`);
  else io.stdout.write(`Removed ${requests} requests\n`);
}
