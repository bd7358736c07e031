// What a whole contract means: dimensions that are declared and used, sources that exist, relations between inputs that exist. Every
// mistake is reported, not only the first.
import type { Violation } from '../core/index.ts';
import { dtypes } from '../tensor/index.ts';
import type { Condition, Contract, Relation, SignatureRules, TensorRules } from './contract-types.ts';
import { below, type Report, reporterAt } from './schema-mistakes.ts';
import { checkTensor } from './schema-tensor-checks.ts';
import { boundsAreEmpty, valueMistake } from './schema-values.ts';

const maxTensors = 1_000;
const maxListed = 200;

function* tensorsOf({ signatures }: Contract): Generator<readonly [readonly string[], TensorRules, boolean]> {
  for (const [name, { inputs, outputs }] of signatures) {
    for (const [alias, rules] of inputs) yield [['signatures', name, 'inputs', alias], rules, false];
    for (const [alias, rules] of outputs) yield [['signatures', name, 'outputs', alias], rules, true];
  }
}

function checkDims(contract: Contract, report: Report): void {
  const used = new Set<string>();
  for (const [place, { shape }] of tensorsOf(contract)) {
    for (const [index, dim] of (shape ?? []).entries()) {
      if (dim.kind !== 'symbol') continue;
      used.add(dim.name);
      const limits = contract.dims.get(dim.name);
      const at = [...place, 'shape', index];
      if (limits === undefined) report(at, 'dimension', 'a dimension that dims declares', dim.name);
      else if (dim.multiplier * limits.max + dim.offset < 0) report(at, 'dimension', 'a size that can be 0 or more', dim.offset);
    }
  }
  for (const [name, { min, max, multipleOf = 1 }] of contract.dims) {
    if (!used.has(name)) report(['dims', name], 'dimension', 'a dimension that a shape uses', 'one that none uses');
    if (min > max) report(['dims', name, 'min'], 'order', `at most max, ${max}`, min);
    else if (Math.floor(max / multipleOf) * multipleOf < min)
      report(['dims', name, 'multipleOf'], 'order', `a number that has a multiple from ${min} to ${max}`, multipleOf);
  }
  const dim = contract.cost.quadratic?.dim;
  if (dim !== undefined && !contract.dims.has(dim))
    report(['cost', 'quadratic', 'dim'], 'dimension', 'a dimension that dims declares', dim);
}

function checkSources({ metadata, ...contract }: Contract, report: Report): void {
  const ids = new Set<string>();
  for (const [index, { id }] of metadata.sources.entries()) {
    if (ids.has(id)) report(['metadata', 'sources', index, 'id'], 'unique', 'an id that no other source has', id);
    ids.add(id);
  }
  for (const [place, { derivedFrom }] of tensorsOf({ metadata, ...contract }))
    for (const [rule, id] of derivedFrom)
      if (!ids.has(id)) report([...place, 'derivedFrom', rule], 'source', 'the id of a source in metadata', id);
}

/** The keys of a relation that name one input, and the types that it may have. */
const inputKeys: Readonly<Record<Relation['rule'], Readonly<Record<string, readonly string[] | undefined>>>> = {
  sameShape: {},
  maxElements: {},
  implies: {},
  ordered: { lower: undefined, upper: undefined },
  sparse: { indices: ['DT_INT64'], values: undefined, denseShape: ['DT_INT64'] },
  ragged: { rowSplits: ['DT_INT32', 'DT_INT64'], values: undefined },
};

function checkCondition(condition: Condition, signature: SignatureRules, report: Report): void {
  const tensor = signature.inputs.get(condition.tensor);
  const { min, max, allowed } = condition;
  if (min === undefined && max === undefined && allowed === undefined)
    report([], 'condition', 'min, max or allowed', 'none of them');
  if (tensor === undefined) {
    report(['tensor'], 'input', 'the name of an input', condition.tensor);
    return;
  }
  const isNumber = ['int', 'float'].includes(dtypes[tensor.dtype].kind);
  const values = [['min', min], ['max', max], ...(allowed ?? []).map((value) => ['allowed', value] as const)] as const;
  for (const [key, value] of values) {
    if (value === undefined) continue;
    const expected =
      key !== 'allowed' && !isNumber ? 'no bound on an input that holds no numbers' : valueMistake(value, tensor.dtype);
    if (expected !== undefined) report([key], 'value', expected, value);
  }
  if (boundsAreEmpty(condition, false)) report(['min'], 'order', `at most max, ${max}`, min);
}

function checkRelation(relation: Relation, signature: SignatureRules, report: Report): void {
  const expectInput = (alias: string, at: Report, types?: readonly string[]) => {
    const tensor = signature.inputs.get(alias);
    if (tensor === undefined) at([], 'input', 'the name of an input', alias);
    else if (types !== undefined && !types.includes(tensor.dtype))
      at([], 'dtype', `an input of type ${types.join(' or ')}`, tensor.dtype);
  };
  for (const [key, types] of Object.entries(inputKeys[relation.rule]))
    expectInput(String(relation[key as keyof Relation]), below(report, key), types);
  if (relation.rule === 'implies') {
    checkCondition(relation.when, signature, below(report, 'when'));
    checkCondition(relation.then, signature, below(report, 'then'));
  }
  if (relation.rule === 'sameShape' || relation.rule === 'maxElements') {
    const twice = relation.tensors.find((alias, index) => relation.tensors.indexOf(alias) !== index);
    if (twice !== undefined) report(['tensors'], 'unique', 'each input once', twice);
    for (const [index, alias] of relation.tensors.entries()) expectInput(alias, below(report, 'tensors', index));
  }
  if (relation.rule === 'ordered') {
    const [lower, upper] = [signature.inputs.get(relation.lower), signature.inputs.get(relation.upper)];
    if (lower === undefined || upper === undefined) return;
    if (lower.dtype !== upper.dtype) report(['upper'], 'dtype', `an input of type ${lower.dtype}, as lower`, upper.dtype);
    else if (!['int', 'float'].includes(dtypes[lower.dtype].kind)) report(['lower'], 'dtype', 'an input of numbers', lower.dtype);
  }
}

/** Every mistake in what a contract means, at most 200; empty when there is none. */
export function contractMistakes(contract: Contract): readonly Violation[] {
  const violations: Violation[] = [];
  const report = reporterAt([], violations);
  const tensors = [...tensorsOf(contract)];
  if (contract.signatures.size === 0) report(['signatures'], 'length', 'at least one signature', 'none');
  if (tensors.length > maxTensors) report(['signatures'], 'length', `at most ${maxTensors} inputs and outputs`, tensors.length);
  checkSources(contract, report);
  checkDims(contract, report);
  for (const [place, rules, isOutput] of tensors) checkTensor(rules, isOutput, below(report, ...place));
  for (const [name, signature] of contract.signatures) {
    const ids = new Set<string>();
    for (const [index, relation] of signature.relations.entries()) {
      const at = below(report, 'signatures', name, 'relations', index);
      if (ids.has(relation.id)) at(['id'], 'unique', 'an id that no other relation has', relation.id);
      ids.add(relation.id);
      checkRelation(relation, signature, at);
    }
  }
  return violations.slice(0, maxListed);
}
