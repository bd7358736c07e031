// Relations between the inputs of one signature, checked last, on the tensors as the model will get them. A relation one of whose inputs
// was refused is not looked at: it would only repeat what is wrong. Changes nothing.
import { printable } from '../../core/index.ts';
import { elementCount, formatShape, type Signature } from '../../tensor/index.ts';
import type { ElementPath, RelationCheck, RelationContext } from '../check-types.ts';
import type { Contract, Relation, SignatureRules } from '../contract-types.ts';
import type { BoundRule, Findings } from '../findings.ts';
import { compileImplies, compileOrdered } from './relations-elements.ts';
import { compileRagged, compileSparse } from './relations-parts.ts';
import type { Passed } from './relations-types.ts';

export interface CompiledRelation {
  /** Aliases of the inputs that it is about. */
  readonly tensors: readonly string[];
  readonly check: RelationCheck;
}

/** @throws CONTRACT_INVALID for a relation whose inputs cannot be compared */
export function compileRelations(
  contract: Contract,
  signature: Signature,
  { relations, inputs }: SignatureRules,
): CompiledRelation[] {
  return relations.flatMap((relation): CompiledRelation[] => {
    const mode = relation.mode ?? contract.mode;
    if (mode === 'off') return [];
    const id = printable(`${signature.name}/relations/${relation.id}`, 256);
    const rule: BoundRule = { id, name: 'relation', mode, action: { kind: 'reject' } };
    return [compileRelation(relation, rule, contract.maxViolations, inputs)];
  });
}

function compileRelation(
  relation: Relation,
  rule: BoundRule,
  maxReports: number,
  inputs: SignatureRules['inputs'],
): CompiledRelation {
  const parts = { rule, maxReports, inputs };
  switch (relation.rule) {
    case 'sameShape':
      return { tensors: relation.tensors, check: sameShape(relation.tensors, rule) };
    case 'maxElements':
      return { tensors: relation.tensors, check: maxElements(relation.tensors, relation.limit, rule) };
    case 'ordered':
      return { tensors: [relation.lower, relation.upper], check: compileOrdered(relation, parts) };
    case 'implies':
      return { tensors: [relation.when.tensor, relation.then.tensor], check: compileImplies(relation, parts) };
    case 'sparse':
      return { tensors: [relation.indices, relation.values, relation.denseShape], check: compileSparse(relation, parts) };
    case 'ragged':
      return { tensors: [relation.rowSplits, relation.values], check: compileRagged(relation, parts) };
  }
}

/** `passing` in the order of `aliases`. */
export function checkRelations(
  relations: readonly CompiledRelation[],
  aliases: readonly string[],
  passing: readonly Passed[],
  findings: Findings,
): void {
  if (relations.length === 0) return;
  const byAlias = new Map(aliases.map((alias, index) => [alias, passing[index]]));
  const tensors = new Map(aliases.map((alias, index) => [alias, passing[index].tensor]));
  const whole: ElementPath = () => '';
  const context: RelationContext = { findings, pathOf: (alias) => byAlias.get(alias)?.path ?? whole };
  for (const { tensors: names, check } of relations) {
    if (names.some((alias) => byAlias.get(alias)?.isRefused ?? true)) continue;
    check(tensors, context);
  }
}

function sameShape(aliases: readonly string[], rule: BoundRule): RelationCheck {
  return (tensors, { findings, pathOf }) => {
    const first = tensors.get(aliases[0]);
    if (first === undefined) return;
    const wanted = formatShape(first.shape);
    for (const alias of aliases.slice(1)) {
      const got = formatShape(tensors.get(alias)?.shape ?? null);
      if (got !== wanted)
        findings.report(
          rule,
          () => pathOf(alias)(),
          `the shape of ${printable(aliases[0])}, ${wanted}`,
          () => got,
        );
    }
  };
}

function maxElements(aliases: readonly string[], limit: number, rule: BoundRule): RelationCheck {
  const expected = `at most ${limit} elements in ${printable(aliases.join(', '), 200)} together`;
  return (tensors, { findings, pathOf }) => {
    const sum = aliases.reduce((total, alias) => total + elementCount(tensors.get(alias)?.shape ?? []), 0);
    if (!(sum <= limit))
      findings.report(
        rule,
        () => pathOf(aliases[0])(),
        expected,
        () => `${sum} elements`,
      );
  };
}
