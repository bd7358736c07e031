// Reads a contract as somebody would who has to answer for it: what is unbounded, what contradicts itself, what is never enforced, and what
// does not go with the model. A contract with errors may still be valid; nothing here changes what the server does.
import { formatPath } from '../config/index.ts';
import { printable } from '../core/index.ts';
import type { Signature } from '../tensor/index.ts';
import type { Contract, DimExpression, SignatureRules } from './contract-types.ts';
import type { AddFinding, LintFinding } from './lint-finding.ts';
import { contractDifferences } from './lint-fit.ts';
import { lintDims, lintTensor } from './lint-tensor.ts';

function joined(place: string, path: string): string {
  return path === '' ? place : `${place}${place === '' ? '' : '.'}${printable(path, 2_000)}`;
}

function adderAt(place: string, findings: LintFinding[]): AddFinding {
  return (severity, id, path, text) => findings.push({ severity, path: joined(place, path), text, id });
}

/** True when no two sizes of these dimensions can be equal. */
function neverEqual(a: DimExpression, b: DimExpression): boolean {
  return a.kind === 'fixed' && b.kind === 'fixed' && a.size !== b.size;
}

function lintRelations({ inputs, relations }: SignatureRules, place: string, findings: LintFinding[]): void {
  for (const [index, relation] of relations.entries()) {
    if (relation.rule !== 'sameShape') continue;
    const shapes = relation.tensors.map((alias) => inputs.get(alias)?.shape).filter((shape) => shape !== undefined);
    const [first, ...rest] = shapes;
    const isImpossible = rest.some(
      (shape) => shape.length !== first.length || shape.some((dim, axis) => neverEqual(dim, first[axis])),
    );
    if (isImpossible)
      adderAt(place, findings)(
        'error',
        'impossible-relation',
        `relations[${index}]`,
        'these inputs can never have the same shape',
      );
  }
}

function lintMode({ mode, sampleFraction }: Contract, add: AddFinding): void {
  if (mode === 'off' || mode === 'shadow')
    add('warning', 'never-enforced', 'mode', `mode ${mode}: rules refuse nothing unless their own mode says otherwise`);
  if (sampleFraction === 0) add('note', 'sample-of-nothing', 'sampleFraction', '0: rules of mode sample refuse nothing');
}

function lintModel(contract: Contract, signatures: readonly Signature[], findings: LintFinding[]): void {
  for (const { path, expected, got } of contractDifferences(contract, signatures))
    findings.push({ severity: 'error', path, text: `expected ${expected}, got ${got}`, id: 'model-mismatch' });
  for (const { name, outputs, unsupported } of signatures) {
    const rules = contract.signatures.get(name);
    const place = formatPath(['signatures', name]);
    if (rules === undefined && unsupported === undefined) {
      const text = 'the model has this signature, and the contract does not: it cannot be called';
      findings.push({ severity: 'warning', path: place, text, id: 'signature-missing' });
    }
    for (const { alias } of rules === undefined ? [] : outputs)
      if (!rules?.outputs.has(alias))
        findings.push({
          severity: 'warning',
          path: formatPath(['signatures', name, 'outputs', alias]),
          text: 'nothing is checked of this output',
          id: 'output-without-rules',
        });
  }
}

/**
 * What is worth a second look, errors first, then in the order of the file. With the signatures of a model also what does not go with it.
 * Never throws for a contract that parseContract gave.
 */
export function lintContract(contract: Contract, signatures?: readonly Signature[]): LintFinding[] {
  const findings: LintFinding[] = [];
  const add = adderAt('', findings);
  lintMode(contract, add);
  lintDims(contract, add);
  for (const [name, signature] of contract.signatures) {
    const place = formatPath(['signatures', name]);
    for (const kind of ['inputs', 'outputs'] as const)
      for (const [alias, rules] of signature[kind])
        lintTensor(alias, rules, kind === 'inputs', contract, adderAt(formatPath(['signatures', name, kind, alias]), findings));
    lintRelations(signature, place, findings);
    if (signatures === undefined && signature.outputs.size === 0)
      adderAt(place, findings)('warning', 'output-without-rules', 'outputs', 'nothing is checked of what the model answers');
  }
  if (signatures !== undefined) lintModel(contract, signatures, findings);
  const rank = { error: 0, warning: 1, note: 2 };
  return findings.sort((a, b) => rank[a.severity] - rank[b.severity]);
}
