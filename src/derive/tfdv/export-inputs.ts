// What of a contract goes to TFDV, in whatever form: the inputs of one signature as features, and the notes on all that is no feature.
import type { Contract, ExampleRules, FeatureKind, FeatureRules, RuleName, TensorRules } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { type DType, dtypes } from '../../tensor/index.ts';
import { joinPath } from '../changes/index.ts';
import { ExportNotes, noWord } from './export-notes.ts';

export interface ExportOptions {
  /** Default `serving_default`, or the only one. */
  readonly signature?: string;
}

export interface ExportedFeature {
  readonly name: string;
  /** Its place in the contract. */
  readonly path: string;
  readonly rules: FeatureRules;
  /** Of a model's own input: with the shape after the first dimension, which is the batch. */
  readonly tensor?: TensorRules;
}

export interface ExportedInputs {
  readonly features: readonly ExportedFeature[];
  /** The tf.Example that the features are in, and its place. */
  readonly example?: { readonly path: string; readonly rules: ExampleRules };
  /** Those on what was left out so far; the exporter says in them what it wrote. */
  readonly notes: ExportNotes;
}

const kindByType: Readonly<Record<string, FeatureKind>> = { float: 'float', int: 'int64', bool: 'int64', string: 'bytes' };

/** The types that the values of a tf.Example have; for bool the domain says it. */
const exactTypes: ReadonlySet<DType> = new Set<DType>(['DT_INT64', 'DT_FLOAT', 'DT_STRING', 'DT_BOOL']);

function noteTensor(path: string, { onViolation, modes, shape, dtype }: TensorRules, notes: ExportNotes): void {
  notes.place(path);
  if (onViolation.size > 0) notes.lose(`${path}.onViolation`, '', 'what is done with a violation', 'TFDV only reports');
  if (modes.size > 0)
    notes.lose(`${path}.modes`, '', 'modes', 'every rule that is exported counts, also those that only watch here');
  if (exactTypes.has(dtype)) notes.say(`${path}.dtype`);
  else notes.lose(`${path}.dtype`, 'type', 'a type', 'TFDV has INT of 64 bits, FLOAT of 32 and BYTES');
  if (shape?.[0]?.kind === 'fixed')
    notes.lose(`${path}.shape`, '', 'a fixed number of rows', 'a data set has one example per row, and any number of them');
}

/** A mode of off is no rule at all. */
function withoutOff(tensor: TensorRules): TensorRules {
  const off = (rule: RuleName) => tensor.modes.get(rule) === 'off';
  const { min, max, allowed, vocabulary, ...rest } = tensor;
  return {
    ...rest,
    ...(min === undefined || off('min') ? {} : { min }),
    ...(max === undefined || off('max') ? {} : { max }),
    ...(allowed === undefined || off('allowed') ? {} : { allowed }),
    ...(vocabulary === undefined || off('vocabulary') ? {} : { vocabulary }),
  };
}

function denseFeature(name: string, path: string, tensor: TensorRules, notes: ExportNotes): ExportedFeature | undefined {
  const type = dtypes[tensor.dtype].kind;
  const kind = kindByType[type];
  if (kind === undefined) {
    notes.lose(path, '', 'an input of complex numbers', 'TFDV has integers, floats and bytes');
    return undefined;
  }
  noteTensor(path, tensor, notes);
  const { min, max, allowed, vocabulary, string, image, number } = withoutOff(tensor);
  const listed = type === 'bool' ? (allowed ?? [false, true]).map(Number) : allowed;
  const rules: FeatureRules = {
    kind,
    required: true,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(listed === undefined ? {} : { allowed: listed }),
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...(string === undefined ? {} : { string }),
    ...(image === undefined ? {} : { image }),
    ...(number === undefined ? {} : { number }),
  };
  return { name, path, rules, tensor };
}

function noteWhole({ request, dims, mode, signatures }: Contract, exported: string, notes: ExportNotes): void {
  if (Object.keys(request).length > 0) notes.lose('request', '', 'limits of a request', noWord);
  if (dims.size > 0) notes.lose('dims', '', 'named dimensions', noWord);
  if (mode !== 'enforce') notes.lose('mode', '', `the mode ${mode}`, 'every rule that is exported counts');
  for (const [name, { outputs, relations }] of signatures) {
    const path = joinPath('signatures', name);
    if (name !== exported) {
      notes.lose(path, '', 'another signature', 'an export is for one; export it by itself');
      continue;
    }
    if (outputs.size > 0) notes.lose(`${path}.outputs`, '', 'the rules of outputs', 'TFDV is about inputs');
    for (const { id } of relations) notes.lose(joinPath(`${path}.relations`, id), '', 'a relation between inputs', noWord);
  }
}

/**
 * The features that the inputs of one signature are, with the notes on everything else.
 * @throws USAGE when the signature is not there, or none is named and there are several; CONTRACT_INVALID when an input of tf.Example has
 * others beside it, because TFDV has one set of features.
 */
export function exportedInputs(contract: Contract, { signature }: ExportOptions): ExportedInputs {
  const { signatures } = contract;
  const only = signatures.size === 1 ? [...signatures.keys()][0] : 'serving_default';
  const name = signature ?? only;
  const rules = signatures.get(name);
  if (rules === undefined) throw new AirlockError('USAGE', { message: `The contract has no signature ${printable(name)}` });
  const notes = new ExportNotes();
  noteWhole(contract, name, notes);
  const inputs = [...rules.inputs].map(
    ([alias, tensor]) => [alias, joinPath(`${joinPath('signatures', name)}.inputs`, alias), tensor] as const,
  );
  const found = inputs.find(([, , { example }]) => example !== undefined);
  if (found?.[2].example === undefined) {
    const features = inputs.map(([alias, path, tensor]) => denseFeature(alias, path, tensor, notes));
    return { features: features.filter((feature) => feature !== undefined), notes };
  }
  if (inputs.length > 1)
    throw new AirlockError('CONTRACT_INVALID', {
      message: 'A signature with an input of tf.Example and others beside it cannot become one set of features',
    });
  const [, place, { example, ...tensor }] = found;
  const path = `${place}.example`;
  noteTensor(place, tensor, notes);
  // One example per row, whatever the batch is.
  if (tensor.shape?.length === 1) notes.say(`${place}.shape`);
  const features = [...example.features].map(([key, feature]) => {
    const at = joinPath(`${path}.features`, key);
    notes.place(at);
    return { name: key, path: at, rules: feature };
  });
  return { features, example: { path, rules: example }, notes };
}
