// Why a request is refused for its cost, in the words of who sent it: what was predicted, what is allowed, which operations cost most, and which size of which input to
// make smaller. Names in it were chosen by the author of the model and are made printable.

import { AirlockError, printable, type Violation, violationError } from '../../core/index.ts';
import { numberText, type RequestCost } from '../../cost/index.ts';
import { mebibyte } from '../mebibytes.ts';
import type { LimitedNodes } from './cost-limits.ts';

export type CostRule = 'maxCost' | 'maxRequestMemoryMiB' | 'memoryMiB' | 'ops' | 'nodes';

const maxNamed = 3;

/** `allowed` is in operations or bytes, as the rule has it. */
export function tooDear(cost: RequestCost, rule: 'maxCost' | 'maxRequestMemoryMiB' | 'memoryMiB', allowed: number): AirlockError {
  const isMemory = rule !== 'maxCost';
  const expected = isMemory
    ? `at most ${mibText(allowed)} of memory`
    : `at most ${numberText(allowed)} floating-point operations`;
  const predicted = isMemory ? mibText(cost.peakBytes) : numberText(cost.flops);
  const measure = (one: RequestCost): number => (isMemory ? one.peakBytes : one.flops);
  const top = isMemory ? '' : topText(cost);
  return violationError('COST_EXCEEDED', violationOf(cost, measure, rule, expected, `${predicted}${top}`));
}

/** `milliseconds` is undefined where nothing was measured. */
export function tooDearNodes(cost: RequestCost, nodes: LimitedNodes, milliseconds: number | undefined): AirlockError {
  const { memoryBytes } = cost.totalsOf(nodes);
  const isMemory = memoryBytes > nodes.maxBytes;
  const measure = (one: RequestCost): number => {
    const totals = one.totalsOf(nodes);
    return isMemory ? totals.memoryBytes : totals.flops + totals.bytes;
  };
  const what = nodes.rule === 'ops' ? `for all ${printable(nodes.name)}` : `for ${printable(nodes.name, 128)}`;
  const expected = isMemory ? `at most ${mibText(nodes.maxBytes)} ${what}` : `at most ${nodes.maxMs} ms ${what}`;
  const got = isMemory ? mibText(memoryBytes) : `${numberText(milliseconds ?? 0)} ms`;
  return violationError('COST_EXCEEDED', violationOf(cost, measure, nodes.rule, expected, got));
}

/** @param cost undefined where nothing is known of the signature. */
export function costUnknown(cost: RequestCost | undefined): AirlockError {
  const [gap] = cost?.signature.gaps ?? [];
  const reasons = {
    op: 'its cost is not known',
    shape: 'its sizes depend on data',
    loop: 'how often it runs depends on data',
    recursion: 'it calls itself',
  } as const;
  const got = gap === undefined ? 'one of which nothing is known' : `${printable(gap.op)}: ${reasons[gap.why]}`;
  return new AirlockError('COST_UNKNOWN', {
    violations: [{ path: '', rule: 'unknownCost', expected: 'a cost that can be bounded before the request runs', got }],
  });
}

function violationOf(
  cost: RequestCost,
  measure: (cost: RequestCost) => number,
  rule: CostRule,
  expected: string,
  predicted: string,
): Violation {
  const index = dominating(cost, measure);
  if (index === undefined) return { path: '', rule, expected, got: predicted };
  const { input, axis } = cost.signature.variables[index];
  const size = numberText(cost.values[index]);
  const place =
    typeof axis === 'number' ? `axis ${axis} of size ${size}` : `${axis === 'bytes' ? 'bytes' : 'longest string'} ${size}`;
  return { path: printable(input), rule, expected, got: `${predicted} (${place})` };
}

/** The size that makes the cost smallest when it is halved; undefined when none changes it. */
function dominating(cost: RequestCost, measure: (cost: RequestCost) => number): number | undefined {
  let found: number | undefined;
  let least = measure(cost);
  cost.values.forEach((value, index) => {
    // What is one already cannot be made smaller and still be a request.
    if (value <= 1) return;
    const values = Array.from(cost.values);
    values[index] = Math.floor(value / 2);
    const halved = measure(cost.signature.costOf(values));
    if (halved < least) {
      least = halved;
      found = index;
    }
  });
  return found;
}

function topText(cost: RequestCost): string {
  const shares = new Map<string, number>();
  for (const { op, share } of cost.top()) shares.set(op, (shares.get(op) ?? 0) + share);
  const named = [...shares].sort(([, a], [, b]) => b - a).slice(0, maxNamed);
  if (named.length === 0) return '';
  return `, of which ${named.map(([op, share]) => `${printable(op)} ${Math.round(share * 100)} %`).join(', ')}`;
}

function mibText(bytes: number): string {
  return `${numberText(bytes / mebibyte)} MiB`;
}
