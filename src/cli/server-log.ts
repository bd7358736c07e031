// What `airlock serve` says while it runs: JSON lines for machines, short lines for a terminal. Nothing here holds a value of a request;
// texts that others chose were made printable where they entered.
import type { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';
import { printable } from '../core/index.ts';
import { type AirlockServer, type RefusalLine, type ServerHooks, scanSummary, worseningJson } from '../gateway/index.ts';
import { overLimitText } from '../profile/index.ts';
import { counted } from './counted.ts';
import { type LogSink, openLogSink } from './log-sink.ts';

type ServingEvent = Parameters<ServerHooks['onEvent']>[0];

export interface ServerLog extends Required<ServerHooks> {
  note(text: string): void;
  listening(server: AirlockServer): void;
}

/** @param format `json`: one object per line (pino), from `listening` on with `slot`, the digest of the TensorFlow that serves; `text`: for people. */
export function createServerLog(stream: Writable, format: 'json' | 'text'): ServerLog {
  const sink = openLogSink(stream, (lines) => {
    const text = `${counted(lines, 'line')} of this log could not be written and ${lines === 1 ? 'is' : 'are'} lost`;
    const time = new Date().toISOString();
    return format === 'json'
      ? `${JSON.stringify({ level: 50, time, lost: lines, msg: text })}\n`
      : `${time.slice(11, 19)}  ${text}\n`;
  });
  return format === 'json' ? jsonLog(sink) : textLog(sink);
}

function jsonLog(stream: DestinationStream): ServerLog {
  let runtime: (() => AirlockServer['runtime']) | undefined;
  // Which bytes of TensorFlow served when a line was written can be told afterwards from the line alone, also across a promotion.
  const mixin = (): object => {
    const digest = runtime?.()?.digest;
    return typeof digest === 'string' ? { slot: digest } : {};
  };
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin }, stream);
  return {
    note: (text) => logger.info(text),
    listening: (server) => {
      runtime = () => server.runtime;
      logger.info({ url: server.url }, 'listening');
    },
    onEvent: (event) => {
      const { version, ...rest } = event;
      const fields = { ...rest, version: version === undefined ? undefined : String(version) };
      if (event.kind === 'violations') logger.warn(fields, 'contract broken');
      else if (event.kind === 'scanned') logger.info({ ...fields, scanned: scanSummary(event.scanned) }, 'scanned');
      else if (!('error' in event)) logger.info(fields, event.kind);
      else {
        const { code, message, detail } = event.error;
        logger.error({ ...fields, error: { code, message, detail } }, event.kind);
      }
    },
    onRefusal: (line) => logger.warn(line, 'request refused'),
    onWorkerLog: (model, line) => logger.info({ model, line }, 'worker'),
    onWorse: (worse) => logger.error(worseningJson(worse), 'scan worse'),
    onTrouble: (text) => logger.error(text),
    onRollout: (text) => logger.info(`runtime: ${text}`),
    onPosture: (text) => logger.warn(`runtime: ${text}`),
    onImagesBroken: ({ code, message, detail }) => logger.error({ error: { code, message, detail } }, 'decoder of images ended'),
  };
}

function textLog(stream: LogSink): ServerLog {
  const print = (text: string): void => {
    stream.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);
  };
  return {
    note: print,
    listening: (server) => print(`listening on ${server.url}`),
    onEvent: (event) => print(eventText(event)),
    onRefusal: (line) => print(refusalText(line)),
    onWorkerLog: (model, line) => print(`worker of ${model}: ${line}`),
    onWorse: ({ after, newFindings, newAdvisories }) =>
      print(
        `${after.model} version ${after.version} became worse: ${counted(newFindings.length, 'new finding')}, ${newAdvisories.length} published vulnerabilities newly within reach`,
      ),
    onTrouble: print,
    onRollout: (text) => print(`runtime: ${text}`),
    onPosture: (text) => print(`runtime: ${text}`),
    onImagesBroken: ({ code, message, detail = message }) => print(`the decoder of images ended: ${detail} (${code})`),
  };
}

const verbs = { failed: 'did not load', refused: 'is not served', restarting: 'is being restarted' } as const;

const workersTexts: Readonly<Record<Extract<ServingEvent, { kind: 'workers' }>['change'], string>> = {
  asleep: 'sleeps',
  awake: 'is awake again',
  more: 'has one more worker',
  fewer: 'has one worker less',
  'start failed': 'could not start a worker',
};

function workersText({ change, reason, workers }: Extract<ServingEvent, { kind: 'workers' }>): string {
  return `${workersTexts[change]} (${workers} now): ${reason}`;
}

/** What was done about it; refusals are lines of their own. */
const outcomes: Readonly<Record<Extract<ServingEvent, { kind: 'violations' }>['outcome'], string>> = {
  shadow: 'shadow: let through',
  reject: 'refused',
  log: 'let through',
  clip: 'clipped',
  replace: 'replaced',
  truncate: 'cut',
  pad: 'filled up',
  downsample: 'made smaller',
  select: 'left out',
};

function eventText(event: ServingEvent): string {
  const what = event.version === undefined ? event.model : `${event.model} version ${event.version}`;
  if (event.kind === 'violations')
    return `${what}: ${event.ruleId} broken ${event.count} times since it was last said (${outcomes[event.outcome]})`;
  if (event.kind === 'contractUnused') {
    const { id, revision } = event.contract;
    return `${what} carries the contract ${id} revision ${revision}, and none is configured for it`;
  }
  if (event.kind === 'verified') {
    const { policy, signers, root } = event.provenance;
    const names = signers.map(({ signer }) => signer).join(', ');
    return `${what} is signed by ${names}, as the policy ${policy} asks (root ${root.slice(0, 12)})`;
  }
  if (event.kind === 'scanned') {
    const { verdict, counts, digest } = scanSummary(event.scanned);
    const found = Object.entries(counts).map(([severity, count]) => `${count} ${severity}`);
    return `${what} was scanned: ${verdict}${found.length === 0 ? '' : ` (${found.join(', ')})`} (report ${digest.slice(0, 12)})`;
  }
  if (event.kind === 'workers') return `${what}: ${workersText(event)}`;
  if (event.kind === 'scheduled') return `${what}: ${scheduledText(event.scheduled)}`;
  if (event.kind === 'overLimit') return `${what}: in a traced run ${overLimitText(event.found)}`;
  if (event.kind === 'adjusted') return `${what}: ${adjustmentText(event)}`;
  if (!('error' in event)) return `${what} is ${event.kind}`;
  const { code, message, detail } = event.error;
  return `${what} ${verbs[event.kind]}: ${message} (${code})${detail === undefined ? '' : `\n            ${detail}`}`;
}

function scheduledText(event: Extract<ServingEvent, { kind: 'scheduled' }>['scheduled']): string {
  const where = `signature ${printable(event.signature)}`;
  if (event.kind === 'batchingProven') return `requests of ${where} run together: their rows do not change each other's answers`;
  if (event.kind === 'batchingOff') return `requests of ${where} do not run together any more: ${event.why}`;
  if (event.kind === 'batchSplit') return `a batch of ${event.rows} rows of ${where} failed (${event.code}) and is run in halves`;
  if (event.kind === 'culpritFound') return `the request of ${where} that failed its batch (${event.code}) was found`;
  return `an input of ${where} ended its worker (${event.code}) and is not run again`;
}

/** Several changes within a second are one line. */
function adjustmentText({ from, to, steps, reason }: Extract<ServingEvent, { kind: 'adjusted' }>): string {
  const summed = steps === 1 ? '' : ` in ${steps} steps, the last`;
  return `requests let through at one time: ${from} → ${to}${summed} for ${reason}`;
}

function refusalText(line: RefusalLine): string {
  const target = line.model === undefined ? line.method : `${line.model} ${line.verb}`;
  const where = line.path === undefined ? '' : ` at ${line.path === '' ? 'the body' : line.path} (${line.ruleId ?? line.rule})`;
  const trace = line.traceId === undefined ? '' : ` (trace ${line.traceId})`;
  return `refused ${line.status} ${line.code} ${target}${where}${trace}${line.detail === undefined ? '' : `: ${line.detail}`}`;
}
