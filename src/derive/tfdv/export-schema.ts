// A contract's signature as a TFDV schema, so that the same bounds can be checked on data sets, and the report of all that TFDV cannot say.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Contract, ExampleRules, FeatureKind, FeatureRules, RuleName, TensorRules } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { dtypes } from '../../tensor/index.ts';
import { exportFeature, type FeatureInit } from './export-feature.ts';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import { TransferNotes, type TransferReport } from './transfer-report.ts';

export interface ExportOptions {
  /** Default `serving_default`, or the only one. */
  readonly signature?: string;
}

export interface ExportResult {
  readonly schema: Schema;
  readonly report: TransferReport;
}

type SchemaInit = Exclude<MessageInitShape<typeof SchemaSchema>, { $typeName: string }>;

const noWord = 'TFDV has no such rule';

/** Rules of tensors without a counterpart, by the key under which a contract has them. */
const onlyOurs = [
  'maxElements',
  'exclusiveMin',
  'exclusiveMax',
  'softMin',
  'softMax',
  'unique',
  'monotone',
  'sum',
  'rowSum',
  'norm',
  'mean',
  'standardDeviation',
  'zeroFraction',
  'tokens',
  'audio',
] as const satisfies readonly (keyof TensorRules)[];

function loseTensorRules(path: string, tensor: TensorRules, notes: TransferNotes): void {
  for (const key of onlyOurs) if (tensor[key] !== undefined) notes.lose(`${path}.${key}`, '', `the rule ${key}`, noWord);
  if (tensor.maxBytes !== undefined) notes.lose(`${path}.maxBytes`, '', 'the rule maxBytes', noWord);
  if (tensor.onViolation.size > 0) notes.lose(`${path}.onViolation`, '', 'what is done with a violation', 'TFDV only reports');
  if (tensor.modes.size > 0)
    notes.lose(`${path}.modes`, '', 'modes', 'every rule of a schema counts, also those that only watch here');
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

const kindByType: Readonly<Record<string, FeatureKind>> = { float: 'float', int: 'int64', bool: 'int64', string: 'bytes' };

function exportInput(name: string, path: string, tensor: TensorRules, notes: TransferNotes): FeatureInit | undefined {
  const type = dtypes[tensor.dtype].kind;
  const kind = kindByType[type];
  if (kind === undefined) {
    notes.lose(path, '', 'an input of complex numbers', 'TFDV has integers, floats and bytes');
    return undefined;
  }
  loseTensorRules(path, tensor, notes);
  const { min, max, allowed, vocabulary, string, image, number } = withoutOff(tensor);
  // A data set for TFDV has one example per row: the first dimension is the batch.
  const [, ...dims] = tensor.shape ?? [];
  const isFixed = tensor.shape !== undefined && dims.every((dim) => dim.kind === 'fixed');
  if (tensor.shape !== undefined && !isFixed)
    notes.lose(`${path}.shape`, 'shape', 'named or open dimensions', 'TFDV’s shapes are fixed');
  const rules: FeatureRules = {
    kind,
    required: true,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(type === 'bool' ? { allowed: [0, 1] } : allowed === undefined ? {} : { allowed }),
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...(string === undefined ? {} : { string }),
    ...(image === undefined ? {} : { image }),
    ...(number === undefined ? {} : { number }),
  };
  const feature = exportFeature(name, path, rules, notes);
  if (!isFixed) return feature;
  const dim = dims.map(({ size }) => ({ size: BigInt(size) }));
  return { ...feature, shapeType: { case: 'shape', value: { dim } } };
}

function exportExample(path: string, example: ExampleRules, notes: TransferNotes): SchemaInit {
  if (example.unknownFeatures === 'allow')
    notes.lose(`${path}.unknownFeatures`, '', 'features that are not named', 'TFDV reports every one of them');
  const feature = [...example.features].map(([name, rules]) => exportFeature(name, `${path}.features.${name}`, rules, notes));
  const sparseFeature = example.sparse.map(({ name, index, value, denseShape, maxDensity, sorted, unique }) => {
    if (maxDensity !== undefined) notes.lose(`${path}.sparse.${name}.maxDensity`, '', 'the density of a sparse tensor', noWord);
    if (unique) notes.lose(`${path}.sparse.${name}.unique`, '', 'no index twice', noWord);
    return {
      name,
      indexFeature: index.map((each) => ({ name: each })),
      valueFeature: { name: value },
      denseShape: { dim: denseShape.map((size) => ({ size: BigInt(size) })) },
      ...(sorted ? { isSorted: true } : {}),
    };
  });
  const tensorRepresentation = example.ragged.map(({ name, value, rowLengths, maxRows, maxRowLength }) => {
    for (const [key, limit] of Object.entries({ maxRows, maxRowLength }))
      if (limit !== undefined) notes.lose(`${path}.ragged.${name}.${key}`, '', 'the size of a ragged tensor', noWord);
    const partition = [{ kind: { case: 'rowLength' as const, value: rowLengths } }];
    return {
      key: name,
      value: { kind: { case: 'raggedTensor' as const, value: { featurePath: { step: [value] }, partition } } },
    };
  });
  const groups = tensorRepresentation.length === 0 ? [] : [{ key: '', value: { tensorRepresentation } }];
  return { feature, sparseFeature, tensorRepresentationGroup: groups };
}

function reportWhole({ request, dims, mode }: Contract, notes: TransferNotes): void {
  if (Object.keys(request).length > 0) notes.lose('request', '', 'limits of a request', noWord);
  if (dims.size > 0) notes.lose('dims', '', 'named dimensions', noWord);
  if (mode !== 'enforce') notes.lose('mode', '', `the mode ${mode}`, 'every rule of a schema counts');
}

/**
 * The inputs of one signature as a schema.
 * @throws USAGE when the signature is not there, or none is named and there are several; CONTRACT_INVALID when an input of tf.Example has
 * others beside it, because a schema has one set of features.
 */
export function exportTfdvSchema(contract: Contract, { signature }: ExportOptions = {}): ExportResult {
  const notes = new TransferNotes();
  const { signatures } = contract;
  const only = signatures.size === 1 ? [...signatures.keys()][0] : 'serving_default';
  const name = signature ?? only;
  const rules = signatures.get(name);
  if (rules === undefined) throw new AirlockError('USAGE', { message: `The contract has no signature ${printable(name)}` });
  const path = `signatures.${name}`;
  reportWhole(contract, notes);
  for (const other of signatures.keys())
    if (other !== name) notes.lose(`signatures.${other}`, '', 'another signature', 'a schema is for one; export it by itself');
  if (rules.outputs.size > 0) notes.lose(`${path}.outputs`, '', 'the rules of outputs', 'a schema is about inputs');
  for (const { id } of rules.relations) notes.lose(`${path}.relations.${id}`, '', 'a relation between inputs', noWord);
  const inputs = [...rules.inputs];
  const example = inputs.find(([, tensor]) => tensor.example !== undefined);
  let init: SchemaInit;
  if (example?.[1].example !== undefined) {
    if (inputs.length > 1)
      throw new AirlockError('CONTRACT_INVALID', {
        message: 'A signature with an input of tf.Example and others beside it cannot become one schema',
      });
    const where = `${path}.inputs.${example[0]}`;
    loseTensorRules(where, example[1], notes);
    if (example[1].string?.maxBytes !== undefined) notes.lose(`${where}.string.maxBytes`, '', 'the size of an example', noWord);
    init = exportExample(`${where}.example`, example[1].example, notes);
  } else {
    const features = inputs.map(([alias, tensor]) => exportInput(alias, `${path}.inputs.${alias}`, tensor, notes));
    init = { feature: features.filter((feature) => feature !== undefined) };
  }
  return { schema: create(SchemaSchema, init), report: { lost: notes.lost, changed: notes.changed } };
}
