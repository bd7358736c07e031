// What only outputs have: as many rows as the request, and what makes an answer say less (rounding, the k largest, nothing at all). Checks
// come first and see the model's own numbers; what leaves is made afterwards. No value of an output ever gets into a finding.

import { printable } from '../../core/index.ts';
import { formatShape, type Tensor } from '../../tensor/index.ts';
import type { CheckContext, ElementPath } from '../check-types.ts';
import { engineContext } from '../compile-context.ts';
import type { Action, Contract, OutputRules } from '../contract-types.ts';
import { type BoundRule, Findings } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import { type Reduction, reductionOf } from './output-reduce.ts';

export { reduceOutput } from './output-reduce.ts';

export interface CompiledOutput {
  readonly matchesBatch: ((tensor: Tensor, batch: number | undefined, context: CheckContext) => void) | undefined;
  readonly reduction: Reduction | undefined;
}

/** @throws CONTRACT_INVALID */
export function compileOutput(contract: Contract, place: string, rules: OutputRules): CompiledOutput {
  const context = engineContext(contract, place, rules);
  const rule = rules.matchesBatch ? context.bind('matchesBatch') : undefined;
  return {
    matchesBatch: rule === undefined ? undefined : (tensor, batch, check) => checkBatch(rule, tensor, batch, check),
    reduction: reductionOf(rules),
  };
}

function checkBatch(rule: BoundRule, { shape }: Tensor, batch: number | undefined, { findings, path }: CheckContext): void {
  if (batch !== undefined && shape[0] === batch) return;
  // Inputs whose first dimensions differ have no batch that an answer could match: what cannot be checked does not get through.
  const expected = batch === undefined ? 'inputs that agree on a batch' : `${batch} rows`;
  findings.report(
    rule,
    () => path(),
    expected,
    () => formatShape(shape),
  );
}

const sayable: ReadonlySet<RuleName> = new Set<RuleName>(['shape', 'maxElements', 'maxBytes', 'matchesBatch']);

/** Findings about an answer: places and rules, and sizes, but no value that the model gave. */
export class OutputFindings extends Findings {
  override report(rule: BoundRule, path: () => string, expected: string, got: () => string): Action | undefined {
    return super.report(rule, path, expected, sayable.has(rule.name) ? got : () => 'something else');
  }
}

/** `scores[3][1]`. */
export function outputPath(alias: string, shape: readonly number[]): ElementPath {
  const name = printable(alias);
  return (flatIndex) => {
    if (flatIndex === undefined) return name;
    const places: number[] = [];
    let rest = flatIndex;
    for (const size of [...shape].reverse()) {
      places.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    return `${name}${places.map((place) => `[${place}]`).join('')}`;
  };
}
