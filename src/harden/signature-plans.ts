// What the contract asks of each signature of one MetaGraph, brought together with what the MetaGraph says: they must fit, as for the server.

import { assertContractFits, type Contract, type SignatureRules } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import type { DataType, WholeMetaGraph } from '../model/index.ts';
import { dtypeName, dtypeOfCode, type Signature, type TensorSpec } from '../tensor/index.ts';
import type { TensorChecks } from './graph-checks.ts';
import { type PlannedRule, planTensor } from './plan-checks.ts';

export interface PlannedTensor {
  readonly alias: string;
  /** `serving_default_x:0`, exactly as the signature has it. */
  readonly tensorName: string;
  readonly type: DataType;
  /** Absent when the contract says nothing of this output. */
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

/**
 * The plan of each signature that the contract names and the MetaGraph has, sorted by name.
 * @throws CONTRACT_MISMATCH as `assertContractFits`: also when an input of the model has no rules in the contract;
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
  const inputs = plainTensors(name, 'input', definition.inputs, rules);
  const outputs = plainTensors(name, 'output', definition.outputs, rules);
  // The server asks the same before it serves a model: what it refuses is not built in either, an input without rules included.
  assertContractFits({ ...contract, signatures: new Map([[name, rules]]) }, [signatureOf(name, inputs, outputs)]);
  const rows: RuleRow[] = [];
  const planned = (side: 'input' | 'output', tensors: readonly PlainTensor[]): PlannedTensor[] =>
    tensors.map(({ alias, tensorName, type }) => {
      const tensorRules = (side === 'input' ? rules.inputs : rules.outputs).get(alias);
      if (tensorRules === undefined) return { alias, tensorName, type };
      const { checks, rules: plannedRules } = planTensor(contract, `${name}/${side}s/${alias}`, tensorRules);
      for (const row of plannedRules) rows.push({ ...row, signature: name, side, tensor: alias });
      return { alias, tensorName, type, checks };
    });
  const plan = { name, inputs: planned('input', inputs), outputs: planned('output', outputs), rows };
  for (const [index, relation] of rules.relations.entries()) {
    const ruleId = `${name}/relations/${relation.id === '' ? index : relation.id}`;
    const reason = 'it is checked by the server only';
    const isWatched = ['off', 'shadow'].includes(relation.mode ?? contract.mode);
    rows.push({ rule: 'relation', ruleId, reason, isWatched, signature: name, side: 'input', tensor: relation.rule });
  }
  return plan;
}

interface PlainTensor {
  readonly alias: string;
  readonly tensorName: string;
  readonly type: DataType;
  readonly shape: readonly number[] | null;
}

/** Sorted by name. Outputs that are no plain tensor are left aside where the contract says nothing of them. */
function plainTensors(
  name: string,
  side: 'input' | 'output',
  entries: TensorEntries,
  { outputs }: SignatureRules,
): PlainTensor[] {
  const plain: PlainTensor[] = [];
  for (const { key: alias, value } of [...entries].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    if (value?.encoding.case !== 'name') {
      if (side === 'output' && !outputs.has(alias)) continue;
      throw new AirlockError('MODEL_NOT_HARDENABLE', {
        message: `The ${side} "${printable(alias)}" of ${printable(name)} is not one plain tensor (sparse, ragged or composite)`,
      });
    }
    // A reference to a variable becomes its value where it is looked at. None can be fed.
    const type: DataType = side === 'output' && value.dtype > 100 ? ((value.dtype - 100) as DataType) : value.dtype;
    const shape = value.tensorShape?.unknownRank === false ? value.tensorShape.dim.map(({ size }) => Number(size)) : null;
    plain.push({ alias, tensorName: value.encoding.value, type, shape });
  }
  return plain;
}

/** A signature in the words of the server; tensors of types that it does not have are missing from it. */
function signatureOf(name: string, inputs: readonly PlainTensor[], outputs: readonly PlainTensor[]): Signature {
  const specs = (tensors: readonly PlainTensor[]): TensorSpec[] =>
    tensors.flatMap(({ alias, tensorName, type, shape }) => {
      const dtype = dtypeOfCode(type);
      return dtype === undefined ? [] : [{ alias, tensorName, dtype, shape }];
    });
  const signature = { name, methodName: '', inputs: specs(inputs), outputs: specs(outputs) };
  const unknown = inputs.find(({ type }) => dtypeOfCode(type) === undefined);
  if (unknown === undefined) return signature;
  return { ...signature, unsupported: `input "${unknown.alias}" has the data type ${dtypeName(unknown.type)}` };
}
