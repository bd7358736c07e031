// Features of a TFDV schema as rules of a model's own inputs, by name: for models that take tensors and no tf.Example.
import type { Contract, DimRules, Interval, RuleName, SignatureRules, TensorRules } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { dtypes } from '../../tensor/index.ts';
import type { Draft, FeatureDraft } from './feature-draft.ts';
import type { TransferNotes } from './transfer-report.ts';

/** A feature's rules, and what was filled in from statistics. */
export interface ImportedFeature {
  readonly rules: FeatureDraft;
  /** Names of rules that the statistics gave; all others are the schema's. */
  readonly measured: ReadonlySet<RuleName>;
  /** Of a sequence, where TFX cuts it. */
  readonly truncateAt: number | undefined;
}

function assertKind(name: string, { kind }: FeatureDraft, { dtype }: TensorRules): void {
  const { kind: type } = dtypes[dtype];
  const fits = { bytes: ['string'], float: ['float'], int64: ['int', 'bool'] }[kind].includes(type);
  if (fits) return;
  throw new AirlockError('CONTRACT_MISMATCH', {
    message: `Input ${printable(name)} is ${dtype} in the model, and ${kind} in the schema`,
  });
}

/** The sizes after the first dimension: their product where all are fixed, and the name of a lone open one. */
function rest({ shape }: TensorRules): { readonly fixed?: number; readonly open?: string } {
  const [, ...dims] = shape ?? [];
  if (shape === undefined) return {};
  if (dims.every((dim) => dim.kind === 'fixed')) return { fixed: dims.reduce((product, { size }) => product * size, 1) };
  const [dim] = dims;
  if (dims.length !== 1 || dim.kind !== 'symbol' || dim.multiplier !== 1 || dim.offset !== 0) return {};
  return { open: dim.name };
}

function applyCount(
  name: string,
  count: Interval,
  tensor: TensorRules,
  dims: Map<string, DimRules>,
  notes: TransferNotes,
): boolean {
  const { fixed, open } = rest(tensor);
  const { min = 0, max = Number.POSITIVE_INFINITY } = count;
  if (fixed !== undefined && (fixed < min || fixed > max))
    throw new AirlockError('CONTRACT_MISMATCH', {
      message: `Input ${printable(name)} takes ${fixed} values a row, and the schema has ${min === max ? min : `${min} to ${max}`}`,
    });
  const old = open === undefined ? undefined : dims.get(open);
  if (open !== undefined && old !== undefined) {
    // Several inputs may share the dimension; it has to suit all of them.
    const narrowed = { ...old, min: Math.max(old.min, min), max: Math.min(old.max, max) };
    if (narrowed.min <= narrowed.max) dims.set(open, narrowed);
    return narrowed.min <= narrowed.max;
  }
  if (fixed === undefined)
    notes.lose(name, 'shape_type', 'the number of values', 'the model’s shape has no one dimension for it');
  return false;
}

function importInput(
  name: string,
  { rules, measured, truncateAt }: ImportedFeature,
  base: TensorRules,
  dims: Map<string, DimRules>,
  notes: TransferNotes,
): TensorRules {
  assertKind(name, rules, base);
  const { kind: type } = dtypes[base.dtype];
  const tensor: Draft<TensorRules> = { ...base };
  const set: RuleName[] = [];
  for (const key of ['min', 'max', 'allowed', 'vocabulary', 'image'] as const) {
    if (rules[key] === undefined || type === 'bool') continue;
    Object.assign(tensor, { [key]: rules[key] });
    if (key !== 'image') set.push(key);
  }
  if (rules.string !== undefined && type === 'string') {
    tensor.string = rules.string;
    for (const key of ['pattern', 'maxBytes'] as const) if (rules.string[key] !== undefined) set.push(`string.${key}`);
  }
  if (rules.number !== undefined && base.number !== undefined) tensor.number = { ...base.number, ...rules.number };
  if (rules.count !== undefined) applyCount(name, rules.count, base, dims, notes);
  if (!rules.required) notes.change(name, 'presence', 'a feature that may be missing', 'an input of a model is always there');
  const onViolation = new Map(base.onViolation);
  const { open } = rest(base);
  if (truncateAt !== undefined && open !== undefined) {
    const old = dims.get(open);
    if (old !== undefined && truncateAt >= old.min) {
      dims.set(open, { ...old, max: Math.min(old.max, truncateAt) });
      onViolation.set('shape', { kind: 'truncate', side: 'right' });
    }
  }
  const derivedFrom = new Map(base.derivedFrom);
  for (const rule of set) derivedFrom.set(rule, measured.has(rule) ? 'statistics' : 'schema');
  return { ...tensor, onViolation, derivedFrom };
}

/**
 * The base contract, with what the features say of the inputs of the same name in `signatureName`. Inputs without a feature stay as they are.
 * @throws CONTRACT_MISMATCH when a type or a number of values differs, or no feature has the name of an input.
 */
export function importDense(
  base: Contract,
  signatureName: string,
  features: ReadonlyMap<string, ImportedFeature>,
  notes: TransferNotes,
): Contract {
  const signature = base.signatures.get(signatureName);
  if (signature === undefined)
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The model has no signature ${printable(signatureName)}` });
  const dims = new Map(base.dims);
  const inputs = new Map(signature.inputs);
  let found = 0;
  for (const [name, feature] of features) {
    const input = inputs.get(name);
    if (input === undefined) notes.lose(name, '', 'the feature', 'the model has no input of this name');
    else {
      inputs.set(name, importInput(name, feature, input, dims, notes));
      found++;
    }
  }
  if (found === 0)
    throw new AirlockError('CONTRACT_MISMATCH', { message: 'No feature of the schema has the name of an input of the model' });
  const merged: SignatureRules = { ...signature, inputs };
  return { ...base, dims, signatures: new Map(base.signatures).set(signatureName, merged) };
}
