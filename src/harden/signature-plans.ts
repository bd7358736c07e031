// What the contract asks of each signature of one MetaGraph, brought together with what the MetaGraph says: types and shapes must agree.

import type { Contract, DimExpression, SignatureRules } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import type { DataType, WholeMetaGraph } from '../model/index.ts';
import { dtypeName } from '../tensor/index.ts';
import { dtypeNumber } from './graph-attributes.ts';
import type { TensorChecks } from './graph-checks.ts';
import { type PlannedRule, planTensor } from './plan-checks.ts';

export interface PlannedTensor {
  readonly alias: string;
  /** `serving_default_x:0`, exactly as the signature has it. */
  readonly tensorName: string;
  readonly type: DataType;
  /** Absent when the contract says nothing of this tensor. */
  readonly checks?: TensorChecks;
}

/** One row of the report. */
export interface RuleRow extends PlannedRule {
  readonly signature: string;
  readonly side: 'input' | 'output';
  readonly tensor: string;
}

export interface SignaturePlan {
  readonly name: string;
  readonly inputs: readonly PlannedTensor[];
  readonly outputs: readonly PlannedTensor[];
  readonly rows: readonly RuleRow[];
}

type SignatureDef = NonNullable<WholeMetaGraph['signatureDef'][number]['value']>;
type TensorEntries = SignatureDef['inputs'];

function mismatch(text: string): AirlockError {
  return new AirlockError('CONTRACT_MISMATCH', { message: text });
}

/**
 * The plan of each signature that the contract names and the MetaGraph has, sorted by name.
 * @throws CONTRACT_MISMATCH when an input or output that the contract names is not there, or has another type or shape;
 * MODEL_NOT_HARDENABLE for an input that is no plain tensor
 */
export function planSignatures(contract: Contract, metaGraph: WholeMetaGraph): SignaturePlan[] {
  const plans: SignaturePlan[] = [];
  for (const name of [...contract.signatures.keys()].sort()) {
    const rules = contract.signatures.get(name);
    const definition = metaGraph.signatureDef.find(({ key }) => key === name)?.value;
    if (rules !== undefined && definition !== undefined) plans.push(planSignature(contract, name, rules, definition));
  }
  return plans;
}

function planSignature(contract: Contract, name: string, rules: SignatureRules, definition: SignatureDef): SignaturePlan {
  const rows: RuleRow[] = [];
  const side = (which: 'input' | 'output', entries: TensorEntries): PlannedTensor[] => {
    const wanted = which === 'input' ? rules.inputs : rules.outputs;
    for (const alias of wanted.keys()) {
      if (entries.some(({ key }) => key === alias)) continue;
      throw mismatch(
        `The contract has rules for the ${which} "${printable(alias)}" of ${printable(name)}, which the model does not have`,
      );
    }
    const planned: PlannedTensor[] = [];
    for (const { key: alias, value } of [...entries].sort((a, b) => (a.key < b.key ? -1 : 1))) {
      const tensorRules = wanted.get(alias);
      const where = `The ${which} "${printable(alias)}" of ${printable(name)}`;
      if (value?.encoding.case !== 'name') {
        if (which === 'output' && tensorRules === undefined) continue;
        throw new AirlockError('MODEL_NOT_HARDENABLE', {
          message: `${where} is not one plain tensor (sparse, ragged or composite)`,
        });
      }
      // A reference to a variable becomes its value where it is looked at. None can be fed.
      const type: DataType = which === 'output' && value.dtype > 100 ? ((value.dtype - 100) as DataType) : value.dtype;
      const plain = { alias, tensorName: value.encoding.value, type };
      if (tensorRules === undefined) {
        planned.push(plain);
        continue;
      }
      if (dtypeNumber(tensorRules.dtype) !== type) {
        throw mismatch(`${where} has the type ${dtypeName(value.dtype)}, and the contract says ${tensorRules.dtype}`);
      }
      const shape = value.tensorShape?.unknownRank === false ? value.tensorShape.dim.map(({ size }) => Number(size)) : undefined;
      if (shape !== undefined && tensorRules.shape !== undefined && !shapesAgree(tensorRules.shape, shape)) {
        throw mismatch(`${where} has a shape in the model that the contract's does not fit`);
      }
      const { checks, rules: plannedRules } = planTensor(contract, `${name}/${which}s/${alias}`, tensorRules);
      for (const row of plannedRules) rows.push({ ...row, signature: name, side: which, tensor: alias });
      planned.push({ ...plain, checks });
    }
    return planned;
  };
  const inputs = side('input', definition.inputs);
  const outputs = side('output', definition.outputs);
  for (const [index, relation] of rules.relations.entries()) {
    const ruleId = `${name}/relations/${relation.id === '' ? index : relation.id}`;
    rows.push({
      rule: 'relation',
      ruleId,
      reason: 'it is checked by the server only',
      signature: name,
      side: 'input',
      tensor: relation.rule,
    });
  }
  return { name, inputs, outputs, rows };
}

function shapesAgree(contract: readonly DimExpression[], model: readonly number[]): boolean {
  if (contract.length !== model.length) return false;
  return contract.every((dim, axis) => dim.kind !== 'fixed' || model[axis] === -1 || dim.size === model[axis]);
}
