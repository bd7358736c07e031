// Shapes that only costs need: no larger than so much, where the contents decide how large it is; and operations that no finding is about. The rules
// of src/scan/values come after these.
import {
  addDims,
  contentOf,
  type Dim,
  divideDims,
  formulaOf,
  multiplyDims,
  type NodeView,
  numbersOf,
  productOf,
  shapeFromValue,
  sizeFromValue,
  smallerDim,
  unknownDim,
} from '../values/index.ts';

type Shape = readonly Dim[] | undefined;
/** Undefined: no rule here, or not this output; ask the common rules. */
type ShapeRule = (view: NodeView, output: number) => Shape;

/** Any number of it, and no more. */
export function upTo(dim: Dim): Dim {
  const formula = formulaOf(dim);
  return formula === undefined
    ? { isRequest: false, min: 0, max: undefined }
    : { isRequest: false, min: 0, max: typeof dim === 'number' ? dim : dim.max, upper: formula.size };
}

const shapeAt = (view: NodeView, index: number): Shape => view.inputs[index]?.shape;
const elements = (shape: Shape): Dim => (shape === undefined ? unknownDim : upTo(productOf(shape)));

/** Which elements are there, sorted or as they came: each once at most. */
const unique: ShapeRule = (view, output) => (output === 1 ? shapeAt(view, 0) : [elements(shapeAt(view, 0))]);

const suppressed =
  (hasScores: boolean): ShapeRule =>
  (view, output) => {
    const count = upTo(smallerDim(shapeAt(view, 0)?.[0] ?? unknownDim, sizeFromValue(view.inputs[2])));
    return output === 0 || (hasScores && output === 1) ? [count] : [];
  };

const combined: ShapeRule = (view, output) => {
  const batch = shapeAt(view, 0)?.[0] ?? unknownDim;
  const total = sizeFromValue(view.inputs[3]);
  if (output === 3) return [batch];
  return output === 0 ? [batch, total, 4] : [batch, total];
};

/** What a block of a batch is moved to: as much as there was, with what is padded. */
const batchToSpace: ShapeRule = (view) => {
  const [shape, block, crops] = [shapeAt(view, 0), numbersOf(contentOf(view.inputs[1])), numbersOf(contentOf(view.inputs[2]))];
  if (shape === undefined || block === undefined || crops === undefined) return undefined;
  const all = block.reduce((product, size) => product * size, 1);
  return shape.map((size, axis) => {
    if (axis === 0) return divideDims(size, all);
    const factor = block[axis - 1];
    if (factor === undefined) return size;
    const whole = multiplyDims(size, factor);
    const cropped = (crops[(axis - 1) * 2] ?? 0) + (crops[(axis - 1) * 2 + 1] ?? 0);
    return cropped === 0 ? whole : typeof whole === 'number' ? Math.max(0, whole - cropped) : addDims(whole, -cropped);
  });
};

const spaceToBatch: ShapeRule = (view) => {
  const [shape, block, pads] = [shapeAt(view, 0), numbersOf(contentOf(view.inputs[1])), contentOf(view.inputs[2])?.atoms];
  if (shape === undefined || block === undefined || pads === undefined) return undefined;
  const all = block.reduce((product, size) => product * size, 1);
  return shape.map((size, axis) => {
    if (axis === 0) return multiplyDims(size, all);
    const factor = block[axis - 1];
    if (factor === undefined) return size;
    const [before, after] = [pads[(axis - 1) * 2], pads[(axis - 1) * 2 + 1]];
    if (Buffer.isBuffer(before) || Buffer.isBuffer(after)) return unknownDim;
    return divideDims(addDims(addDims(size, before ?? 0), after ?? 0), factor);
  });
};

const looked: ShapeRule = (view) => shapeAt(view, 1);

/** Dense features have the shape that the attribute says for each example; the others as many values as the bytes can hold. */
const parsed: ShapeRule = (view, output) => {
  const [sparse, dense] = [view.int('num_sparse') ?? view.int('Nsparse') ?? 0, view.types('Tdense') ?? []];
  const at = output - 3 * sparse;
  if (at < 0 || at >= dense.length) return undefined;
  const attr = view.body.attr(view.node, 'dense_shapes');
  const shape = attr?.case === 'list' ? attr.value.shape[at] : undefined;
  if (shape === undefined || shape.unknownRank) return undefined;
  const batch = shapeAt(view, 0) ?? [];
  if (shape.dim.some(({ size }) => size < 0n)) return undefined;
  return [...batch, ...shape.dim.map(({ size }) => Number(size))];
};

/** Rows as the partitions say, and each no longer than all values together. */
const raggedToTensor: ShapeRule = (view) => {
  const [asked, values] = [shapeFromValue(view.inputs[0]), shapeAt(view, 1)];
  const attr = view.body.attr(view.node, 'row_partition_types');
  const first = attr?.case === 'list' ? Buffer.from(attr.value.s[0] ?? []).toString('latin1') : '';
  if (asked === undefined || values === undefined) return undefined;
  const isOpen = (dim: Dim | undefined): boolean => dim !== undefined && formulaOf(dim) === undefined;
  const partition = view.inputs[3];
  const rows = first === 'FIRST_DIM_SIZE' ? sizeFromValue(partition) : addDims(partition?.shape?.[0] ?? unknownDim, -1);
  return asked.map((dim, axis) => {
    if (!isOpen(dim)) return dim;
    if (axis === 0) return first === 'VALUE_ROWIDS' ? upTo(values[0] ?? unknownDim) : upTo(rows);
    return upTo(values[0] ?? unknownDim);
  });
};

const lstmBlock: ShapeRule = (view) => shapeAt(view, 1);
const cell: ShapeRule = (view) => {
  const [batch, units] = [shapeAt(view, 0)?.[0], shapeAt(view, 1)?.[1]];
  return batch === undefined || units === undefined ? undefined : [batch, units];
};
const lstmSteps: ShapeRule = (view) => {
  const [steps, batch] = shapeAt(view, 1) ?? [];
  const units = shapeAt(view, 2)?.[1];
  return steps === undefined || batch === undefined || units === undefined ? undefined : [steps, batch, units];
};

const rules: ReadonlyMap<string, ShapeRule> = new Map<string, ShapeRule>([
  ['Where', (view) => [elements(shapeAt(view, 0)), shapeAt(view, 0)?.length ?? unknownDim]],
  ...['Unique', 'UniqueV2', 'UniqueWithCounts', 'UniqueWithCountsV2'].map((op): [string, ShapeRule] => [op, unique]),
  ['NonMaxSuppressionV3', suppressed(false)],
  ['NonMaxSuppressionV4', (view, output) => (view.flag('pad_to_max_output_size') ? undefined : suppressed(false)(view, output))],
  ['NonMaxSuppressionV5', suppressed(true)],
  ['CombinedNonMaxSuppression', combined],
  ['BatchToSpaceND', batchToSpace],
  ['SpaceToBatchND', spaceToBatch],
  ['LookupTableFindV2', looked],
  ['LookupTableFind', looked],
  ['ParseExampleV2', parsed],
  ['ParseExample', parsed],
  ['RaggedTensorToTensor', raggedToTensor],
  ['BlockLSTM', lstmSteps],
  ['BlockLSTMV2', lstmSteps],
  ['LSTMBlockCell', cell],
  ['GRUBlockCell', lstmBlock],
  ['DynamicPartition', (view) => dynamicPart(view)],
  ['MatrixDiagPart', (view) => shapeAt(view, 0)?.slice(0, -1)],
  ['DiagPart', (view) => shapeAt(view, 0)?.slice(0, (shapeAt(view, 0)?.length ?? 0) / 2)],
  ['BroadcastArgs', (view) => longer(view)],
  ['StatelessRandomGetKeyCounter', (_, output) => [output === 0 ? 1 : 2]],
  ['StatelessRandomGetAlg', () => []],
  ['FakeQuantWithMinMaxVarsPerChannel', (view) => shapeAt(view, 0)],
  ['QuantizeV2', (view, output) => (output === 0 ? shapeAt(view, 0) : [])],
  ['Dequantize', (view) => shapeAt(view, 0)],
  ['Bitcast', (view) => bitcast(view)],
  ['VariableShape', (view) => [view.inputs[0]?.held?.shape?.length ?? unknownDim]],
  ['LookupTableSizeV2', () => []],
  ['VarIsInitializedOp', () => []],
  ['ConcatOffset', (view, output) => shapeAt(view, output + 1)],
  ['InvertPermutation', (view) => shapeAt(view, 0)],
  ['CumulativeLogsumexp', (view) => shapeAt(view, 0)],
  ['MatrixSolve', (view) => shapeAt(view, 1)],
  ['MatrixTriangularSolve', (view) => shapeAt(view, 1)],
  ['LowerBound', (view) => shapeAt(view, 1)],
  ['UpperBound', (view) => shapeAt(view, 1)],
  ['TensorListElementShape', () => [8]],
]);

function bitcast(view: NodeView): Shape {
  const [from, to] = [view.inputs[0]?.dtype, view.type('type')];
  return from !== undefined && from === to ? shapeAt(view, 0) : undefined;
}

function longer(view: NodeView): Shape {
  const [a, b] = [shapeAt(view, 0)?.[0], shapeAt(view, 1)?.[0]];
  return typeof a === 'number' && typeof b === 'number' ? [Math.max(a, b)] : undefined;
}

function dynamicPart(view: NodeView): Shape {
  const [data, parts] = [shapeAt(view, 0), shapeAt(view, 1)];
  return data === undefined || parts === undefined ? undefined : [elements(parts), ...data.slice(parts.length)];
}

/** The shape of an output where this folder knows more than the common rules. */
export function costShape(view: NodeView, output: number): Shape {
  return rules.get(view.op)?.(view, output);
}
