// How the judges of this folder say what they found: severity and trigger by what reaches the node, and the way there.
import type { Severity } from '../../core/index.ts';
import { type Body, locationOf, type Program, severityByTrigger } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Argument } from '../scan-types.ts';
import type { Values } from './value-types.ts';

export interface Judgement {
  readonly body: Body;
  readonly node: number;
  readonly ruleId: string;
  readonly severity: Severity;
  /** After the operation's and the node's name: `makes a tensor of 8 TiB`. */
  readonly says: string;
  readonly argument?: Argument;
  /** It happens when the graph is loaded, whatever reaches the node. */
  readonly isAtLoad?: boolean;
  readonly effect?: string;
}

/** Of findings that are alike; those after them are counted only, and a way to each of a hundred thousand would cost more than all the rest. */
const maxChains = 200;
const chains = new WeakMap<Program, Map<string, number>>();

function takesChain(program: Program, kind: string): boolean {
  const taken = chains.get(program) ?? new Map<string, number>();
  chains.set(program, taken);
  const count = taken.get(kind) ?? 0;
  if (count < maxChains) taken.set(kind, count + 1);
  return count < maxChains;
}

/** Reports it. What nothing reaches is low, what only a call from Python or the saver reaches is one level lower. */
export function judge(program: Program, context: ScanContext, judgement: Judgement): void {
  const { body, node, isAtLoad = false } = judgement;
  const [worst = 'none'] = program.reach.triggersOf(body, node);
  const trigger = isAtLoad ? 'load' : worst;
  const severity = severityByTrigger(judgement.severity, trigger);
  const op = body.op(node);
  const name = body.name(node);
  const when =
    trigger === 'none' ? '; nothing known reaches it' : isAtLoad && worst === 'none' ? ' as soon as the graph is loaded' : '';
  context.report({
    ruleId: judgement.ruleId,
    severity,
    trigger,
    message: `${op} "${name}" ${judgement.says}${when}`,
    location: locationOf(program, body, node),
    chain:
      worst === 'none' || !takesChain(program, `${judgement.ruleId} ${severity} ${trigger}`)
        ? []
        : program.reach.chainTo(body, node, worst),
    ...(judgement.argument === undefined ? {} : { argument: judgement.argument }),
    ...(judgement.effect === undefined ? {} : { effect: judgement.effect }),
  });
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `8 TiB`, rounded. */
export function sizeText(bytes: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const number = bytes / 1024 ** power;
  return `${number >= 1e6 ? number.toExponential(1) : Number(number.toPrecision(3))} ${units[power]}`;
}

/** `10,000,000`, or `1.0e+18` when it is longer. */
export function countText(count: number): string {
  return Math.abs(count) < 1e15 ? count.toLocaleString('en-US') : count.toExponential(1);
}

const said = new WeakSet<object>();

/** Says once for each program that its values were too many: what was not looked at is not clean. */
export function sayExhausted(program: Program, values: Values, context: ScanContext): void {
  if (!('isExhausted' in values) || values.isExhausted !== true || said.has(values)) return;
  said.add(values);
  context.unreadable(program.file, 'the graph is too large to say what all its tensors cost');
}
