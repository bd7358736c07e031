// A contract's signature as a TFDV schema, so that the same bounds can be checked on data sets, and the report of all that TFDV cannot say.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Contract, ExampleRules } from '../../contract/index.ts';
import { joinPath } from '../changes/index.ts';
import { exportFeature } from './export-feature.ts';
import { type ExportOptions, exportedInputs } from './export-inputs.ts';
import type { ExportNotes } from './export-notes.ts';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import type { TransferReport } from './transfer-report.ts';

export interface ExportResult {
  readonly schema: Schema;
  readonly report: TransferReport;
}

type SchemaInit = Exclude<MessageInitShape<typeof SchemaSchema>, { $typeName: string }>;

/** Sparse and ragged tensors of features; the bounds on their sizes have no place in a schema. */
function exportStructures(path: string, example: ExampleRules, notes: ExportNotes): SchemaInit {
  if (example.unknownFeatures === 'allow')
    notes.lose(`${path}.unknownFeatures`, '', 'features that are not named', 'TFDV reports every one of them');
  else notes.say(`${path}.unknownFeatures`);
  const sparseFeature = example.sparse.map(({ name, index, value, denseShape, sorted }) => {
    const place = joinPath(`${path}.sparse`, name);
    for (const key of ['index', 'value', 'denseShape', 'sorted']) notes.say(`${place}.${key}`);
    return {
      name,
      indexFeature: index.map((each) => ({ name: each })),
      valueFeature: { name: value },
      denseShape: { dim: denseShape.map((size) => ({ size: BigInt(size) })) },
      ...(sorted ? { isSorted: true } : {}),
    };
  });
  const tensorRepresentation = example.ragged.map(({ name, value, rowLengths }) => {
    const place = joinPath(`${path}.ragged`, name);
    for (const key of ['value', 'rowLengths']) notes.say(`${place}.${key}`);
    const partition = [{ kind: { case: 'rowLength' as const, value: rowLengths } }];
    return {
      key: name,
      value: { kind: { case: 'raggedTensor' as const, value: { featurePath: { step: [value] }, partition } } },
    };
  });
  const groups = tensorRepresentation.length === 0 ? [] : [{ key: '', value: { tensorRepresentation } }];
  return { sparseFeature, tensorRepresentationGroup: groups };
}

/**
 * The inputs of one signature as a schema.
 * @throws USAGE and CONTRACT_INVALID, as `exportedInputs` does.
 */
export function exportTfdvSchema(contract: Contract, options: ExportOptions = {}): ExportResult {
  const { features, example, notes } = exportedInputs(contract, options);
  const init: SchemaInit = {
    ...(example === undefined ? {} : exportStructures(example.path, example.rules, notes)),
    feature: features.map((feature) => exportFeature(feature, notes)),
  };
  return { schema: create(SchemaSchema, init), report: notes.finish(contract) };
}
