// Operations that are dangerous by being run, whatever their arguments. The argument is named where it is known, so that a person sees which
// address, token or device is meant.
import type { Severity } from '../../core/index.ts';
import type { Body } from '../graph/index.ts';
import { argumentUses } from './argument-use.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { pathArgument, pathWords } from './path-origin.ts';
import { named, reportHazard } from './report-hazard.ts';

const maxShownParts = 3;

/** Judges an operation of the table of what is dangerous to run. */
export function judgeRun(c: Case, body: Body, node: number, risk: OpRisk, severity: Severity = risk.severity): void {
  const uses = argumentUses(c, body, node, risk.at);
  const [first] = uses;
  const shown = uses.slice(0, maxShownParts).map(pathWords).join(' ');
  const isRequest = uses.some(({ origin }) => origin === 'request');
  reportHazard(c, body, node, {
    ruleId: risk.ruleId,
    severity: isRequest && severity === 'high' ? 'critical' : severity,
    message: `${named(body, node)} ${risk.verb} ${shown === '' ? risk.object : shown}`,
    ...(first === undefined ? {} : { argument: pathArgument(first.name, first) }),
    ...(risk.effect === undefined ? {} : { effect: risk.effect }),
  });
}

/** A collective of one member completes by itself; of any other size it waits for machines. */
export function judgeCollective(c: Case, body: Body, node: number, risk: OpRisk): void {
  const uses = argumentUses(c, body, node, risk.at);
  const isAlone = uses.length > 0 && uses.every(({ value }) => value === '1');
  judgeRun(c, body, node, risk, isAlone ? 'low' : risk.severity);
}

const localTarget =
  /^(?:\/job:localhost)?(?:\/replica:0)?(?:\/task:0)?(?:\/?(?:device:)?(?:cpu|gpu|xla_cpu|xla_gpu):(?:\d{1,4}|\*))?$/i;

/** True for the name of a device of the process itself. */
export function isLocalDevice(device: string): boolean {
  return device.length <= 256 && localTarget.test(device);
}

/** RemoteCall runs a function on the device that a string names; a device of the process itself is what multi-device iterators use. */
export function judgeRemoteCall(c: Case, body: Body, node: number): void {
  const [target] = c.values.namedInput(body, node, 'target');
  const devices = target?.constants?.flatMap(({ strings }) => (strings ?? []).map((bytes) => bytes.toString('utf8')));
  const [first] = devices ?? [];
  const isLocal = devices?.every(isLocalDevice) === true;
  const isRequest = target?.origins.has('request') === true;
  const words = first ?? (isRequest ? 'what the request says' : 'what the graph computes');
  reportHazard(c, body, node, {
    ruleId: 'network/remote-call',
    severity: isLocal ? 'low' : isRequest ? 'critical' : 'high',
    message: `${named(body, node)} runs a function on the device ${words === '' ? '""' : words}`,
    argument: {
      name: 'target',
      ...(first === undefined ? {} : { value: first }),
      origin: isRequest ? 'request' : isLocal ? 'constant-inside' : 'remote',
    },
  });
}

const shortSleepSeconds = 1;

function sleepSeconds(numbers: readonly number[], op: string): number {
  const longest = numbers.reduce((most, one) => Math.max(most, one), 0);
  return op.endsWith('Dataset') ? longest / 1_000_000 : longest;
}

/** Operations that sleep for as long as an input says. */
export function judgeSleep(c: Case, body: Body, node: number): void {
  const op = body.op(node);
  const name = op.endsWith('Dataset') ? 'sleep_microseconds' : 'sleep_seconds';
  const [value] = c.values.namedInput(body, node, name);
  const numbers = value?.constants?.flatMap((constant) => constant.numbers ?? []);
  const isRequest = numbers === undefined && value?.origins.has('request') === true;
  const seconds = numbers === undefined ? undefined : sleepSeconds(numbers, op);
  const severity: Severity = isRequest ? 'high' : seconds === undefined || seconds >= shortSleepSeconds ? 'medium' : 'low';
  const long =
    seconds === undefined
      ? isRequest
        ? 'for as long as the request says'
        : 'for a time that the graph computes'
      : `${seconds} s`;
  reportHazard(c, body, node, {
    ruleId: 'hang/sleep',
    severity: seconds !== undefined && seconds > 3600 ? 'high' : severity,
    message: `${named(body, node)} sleeps ${long}`,
    argument: {
      name,
      ...(seconds === undefined ? {} : { value: `${seconds} s` }),
      ...(isRequest ? { origin: 'request' as const } : {}),
    },
  });
}
