// Builds a contract into the graphs of a model that was read whole: takes out what an earlier run put in, plans, rewrites each MetaGraph,
// writes the mark, and shows that all of it can be taken out again.

import type { Contract } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import {
  contractNodeName,
  type EmbeddedContract,
  formatEmbeddedContract,
  parseWholeModel,
  type WholeMetaGraph,
  type WholeSavedModel,
  writeWholeModel,
} from '../model/index.ts';
import { type FormResult, hardenFunctions, hasFunctionForm } from './function-form.ts';
import { nodeDef, tensorAttribute, tensorProto, typeAttribute } from './graph-attributes.ts';
import { hardenMainGraph } from './main-form.ts';
import { isPoisonable } from './poison.ts';
import { planSignatures, type RuleRow, type SignaturePlan } from './signature-plans.ts';
import { stripModelGraphs } from './strip-graph.ts';
import { emptyUndo, formatUndo, type UndoRecord, undoNodeName } from './undo-record.ts';

export interface HardenOptions {
  readonly contract: Contract;
  /** SHA-256 of the contract's meaning, as `loadContract` gives it. */
  readonly digest: string;
  /** Float outputs also become NaN where a check fails. Default false. */
  readonly poison?: boolean;
}

export interface MetaGraphReport extends FormResult {
  readonly tags: readonly string[];
  /** `functions`: trampolines, as for TensorFlow 2; `graph`: the main graph, as for TensorFlow 1. */
  readonly form: 'functions' | 'graph';
  /** Signatures of the model that the contract does not name. */
  readonly otherSignatures: readonly string[];
}

export interface HardenReport {
  /** Every rule of the contract once, as it is in the first MetaGraph that has the signature. */
  readonly rules: readonly RuleRow[];
  readonly metaGraphs: readonly MetaGraphReport[];
  /** Outputs that stay as they are in poison mode, because their type has no NaN. */
  readonly notPoisoned: readonly string[];
}

/** What a caller of the hardened model can do that the server would refuse: empty when nothing. Each is safe to show. */
export function openEnds({ rules, metaGraphs }: HardenReport): string[] {
  return [
    ...rules
      .filter(({ reason, isWatched }) => reason !== undefined && !isWatched)
      .map(({ ruleId, reason }) => `${printable(ruleId, 200)} is not built in: ${reason}`),
    ...metaGraphs.flatMap(({ uncovered, otherSignatures }) => [
      ...uncovered.map(({ name, reason }) => `the function ${printable(name, 120)} is not covered: ${reason}`),
      ...otherSignatures.map((name) => `the signature ${printable(name)} is not covered: the contract does not name it`),
    ]),
  ];
}

export interface HardenedModel {
  /** Of saved_model.pb. */
  readonly bytes: Buffer;
  readonly report: HardenReport;
}

/**
 * Builds the checks into `model`, which is changed. The same model and contract always give the same bytes, and so does a model that is
 * hardened already.
 * @throws CONTRACT_MISMATCH when the contract does not fit the model; MODEL_NOT_HARDENABLE when checks cannot be built in
 */
export function hardenGraphs(model: WholeSavedModel, { contract, digest, poison = false }: HardenOptions): HardenedModel {
  stripModelGraphs(model);
  const original = writeWholeModel(model);
  const mark: EmbeddedContract = { version: 1, id: contract.metadata.id, revision: contract.metadata.revision, digest, poison };
  const rules = new Map<string, RuleRow>();
  const metaGraphs: MetaGraphReport[] = [];
  const notPoisoned = new Set<string>();
  const found = new Set<string>();
  for (const metaGraph of model.metaGraphs) {
    const plans = planSignatures(contract, metaGraph);
    for (const plan of plans) {
      found.add(plan.name);
      for (const row of plan.rows) if (!rules.has(row.ruleId)) rules.set(row.ruleId, row);
      if (poison) for (const name of withoutNan(plan)) notPoisoned.add(name);
    }
    metaGraphs.push(hardenMetaGraph(metaGraph, plans, mark));
  }
  for (const name of contract.signatures.keys()) {
    if (found.has(name)) continue;
    throw new AirlockError('CONTRACT_MISMATCH', {
      message: `The model has no signature "${printable(name)}", which the contract names`,
    });
  }
  const bytes = writeWholeModel(model);
  const again = parseWholeModel(bytes);
  if (!stripModelGraphs(again) || !writeWholeModel(again).equals(original)) {
    throw new AirlockError('INTERNAL', { message: 'The checks could not be taken out again: please report this model' });
  }
  return { bytes, report: { rules: [...rules.values()], metaGraphs, notPoisoned: [...notPoisoned] } };
}

function withoutNan({ name, outputs }: SignaturePlan): string[] {
  return outputs.filter(({ type }) => !isPoisonable(type)).map(({ alias }) => `${name}/outputs/${alias}`);
}

function hardenMetaGraph(metaGraph: WholeMetaGraph, plans: readonly SignaturePlan[], mark: EmbeddedContract): MetaGraphReport {
  const undo = emptyUndo();
  const form = hasFunctionForm(metaGraph) ? 'functions' : 'graph';
  const harden = form === 'functions' ? hardenFunctions : hardenMainGraph;
  const result = harden(metaGraph, plans, { poison: mark.poison }, undo);
  addMark(metaGraph, mark, undo);
  const named = new Set(plans.map(({ name }) => name));
  const otherSignatures = metaGraph.signatureDef
    .map(({ key }) => key)
    .filter((name) => !named.has(name) && !name.startsWith('__saved_model_'));
  return { ...result, form, tags: metaGraph.metaInfoDef?.tags ?? [], otherSignatures };
}

/** In front of all nodes, so that who looks for it need not read the graph. */
function addMark({ graphDef }: WholeMetaGraph, mark: EmbeddedContract, undo: UndoRecord): void {
  const text = (name: string, value: string) =>
    nodeDef(name, 'Const', [], {
      dtype: typeAttribute('DT_STRING'),
      value: tensorAttribute(tensorProto('DT_STRING', [value], [])),
    });
  graphDef?.node.unshift(text(contractNodeName, formatEmbeddedContract(mark)), text(undoNodeName, formatUndo(undo)));
}
