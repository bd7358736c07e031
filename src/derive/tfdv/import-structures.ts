// Sparse and ragged tensors that a TFDV schema builds from several features.

import type { RaggedFeatures, SparseFeatures } from '../../contract/index.ts';
import { printable } from '../../core/index.ts';
import { stageOf } from './environments.ts';
import type { FeatureDraft } from './feature-draft.ts';
import type {
  FixedShape,
  Schema,
  SparseFeature,
  TensorRepresentation,
  TensorRepresentation_RaggedTensor,
} from './gen/tensorflow_metadata/schema_pb.ts';
import { shapeSize } from './import-counts.ts';
import type { TransferNotes } from './transfer-report.ts';

interface Structures {
  readonly sparse: SparseFeatures[];
  readonly ragged: RaggedFeatures[];
}

/** What a contract takes as the name of a structure. */
const isName = (name: string) => name !== '' && name.length <= 128 && printable(name, 128) === name;

type Features = ReadonlyMap<string, FeatureDraft>;

/** The sizes of a dense shape; from the bounds of the index features when the schema gives none. */
function denseShapeOf(shape: FixedShape | undefined, index: readonly string[], features: Features): number[] | undefined {
  if (shape !== undefined && shape.dim.length === index.length && shapeSize(shape) !== undefined)
    return shape.dim.map(({ size }) => Number(size));
  const sizes = index.map((name) => Number(features.get(name)?.max ?? -1) + 1);
  return sizes.every((size) => size >= 1 && Number.isSafeInteger(size)) ? sizes : undefined;
}

function isSparse(index: readonly string[], value: string | undefined, features: Features): value is string {
  const isIndex = (name: string) => features.get(name)?.kind === 'int64';
  return (
    value !== undefined &&
    features.has(value) &&
    index.length > 0 &&
    index.length <= 32 &&
    index.every(isIndex) &&
    !index.includes(value)
  );
}

function importSparse(feature: SparseFeature, features: Features, into: Structures, notes: TransferNotes): void {
  const path = feature.name ?? '';
  const index = feature.indexFeature.map(({ name }) => name ?? '');
  const value = feature.valueFeature?.name;
  const denseShape = denseShapeOf(feature.denseShape, index, features);
  if (stageOf(feature) !== 'checked') notes.lose(path, '', 'a sparse feature whose stage TFDV does not check', 'no rule');
  else if (!isName(path) || !isSparse(index, value, features))
    notes.lose(path, '', 'a sparse feature', 'its index or value features are not in the contract, or are no integers');
  else if (denseShape === undefined)
    notes.lose(path, '', 'a sparse feature', 'neither dense_shape nor bounds of its indices say how large it is');
  else {
    into.sparse.push({ name: path, index, value, denseShape, sorted: feature.isSorted === true, unique: false });
    for (const [field, set] of [
      ['lifecycle_stage', feature.lifecycleStage],
      ['deprecated', feature.deprecated],
    ] as const)
      if (set !== undefined) notes.lose(path, field, 'a stage of life', 'decides only whether it is checked');
    if (feature.presence !== undefined) notes.lose(path, 'presence', 'presence of a sparse feature', 'TFDV itself dropped it');
    if (feature.denseShape?.dim.some(({ name }) => name !== undefined) === true)
      notes.lose(path, 'dense_shape.dim.name', 'names of dimensions', 'not part of a contract');
  }
}

function importRagged(
  name: string,
  path: string,
  tensor: TensorRepresentation_RaggedTensor,
  features: Features,
  into: Structures,
  notes: TransferNotes,
): void {
  const [partition] = tensor.partition;
  const steps = tensor.featurePath?.step ?? [];
  const rowLengths = partition?.kind.case === 'rowLength' ? partition.kind.value : undefined;
  const isPlain =
    isName(name) && tensor.partition.length === 1 && steps.length === 1 && rowLengths !== undefined && rowLengths !== steps[0];
  if (!isPlain || !features.has(steps[0]) || features.get(rowLengths)?.kind !== 'int64') {
    notes.lose(path, '', 'a ragged tensor', 'only one level whose row lengths are an integer feature can be said');
    return;
  }
  into.ragged.push({ name, value: steps[0], rowLengths });
  if (tensor.rowPartitionDtype !== undefined)
    notes.lose(path, 'ragged_tensor.row_partition_dtype', 'the type of row partitions', 'it concerns the parser of the model');
}

function importRepresentation(
  name: string,
  path: string,
  { kind }: TensorRepresentation,
  features: Features,
  into: Structures,
  notes: TransferNotes,
): void {
  if (kind.case === 'raggedTensor') importRagged(name, path, kind.value, features, into, notes);
  else if (kind.case !== 'sparseTensor')
    notes.lose(path, '', 'how features become tensors', 'it concerns the parser of the model');
  else {
    const { indexColumnNames: index, valueColumnName: value, denseShape: shape, alreadySorted } = kind.value;
    const denseShape = denseShapeOf(shape, index, features);
    if (!isName(name) || !isSparse(index, value, features) || denseShape === undefined) {
      notes.lose(path, '', 'a sparse tensor', 'its features are not in the contract, or it has no size');
      return;
    }
    into.sparse.push({ name, index, value, denseShape, sorted: alreadySorted === true, unique: false });
    notes.change(path, '', 'a sparse tensor of a representation', 'becomes a sparse feature');
  }
}

/** Whatever of `schema` joins features. Names that come twice keep their first meaning. */
export function importStructures(schema: Schema, features: Features, notes: TransferNotes): Structures {
  const structures: Structures = { sparse: [], ragged: [] };
  const names = new Set<string>();
  const isNew = (name: string, path: string) => {
    if (!names.has(name)) return names.add(name);
    notes.lose(path, '', 'a name that is there twice', 'the first one counts');
    return false;
  };
  for (const feature of schema.sparseFeature)
    if (isNew(feature.name ?? '', feature.name ?? '')) importSparse(feature, features, structures, notes);
  for (const group of schema.tensorRepresentationGroup) {
    for (const { key = '', value } of group.value?.tensorRepresentation ?? []) {
      const path = `tensor_representation_group[${group.key ?? ''}].${key}`;
      if (key === '' || value === undefined) notes.lose(path, '', 'a tensor without a name', 'nothing can refer to it');
      else if (isNew(key, path)) importRepresentation(key, path, value, features, structures, notes);
    }
    if (group.key !== undefined && group.key !== '')
      notes.lose(
        `tensor_representation_group[${group.key}]`,
        'key',
        'the name of a group of tensors',
        'all groups count together',
      );
  }
  return structures;
}
