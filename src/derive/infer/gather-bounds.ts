// What a graph demands of whole numbers: rows of a table that is looked up, classes of a one-hot vector. An index outside a table is an error on
// a CPU and silently zeros on a GPU (tf.gather's documentation, 2.21), so it has to stop before TensorFlow.

import type { NodeDef, TensorShapeProto } from '../../model/index.ts';
import { attribute, constInteger, sizesOf, tensorOf } from './const-value.ts';
import type { GraphView, Scope } from './graph-view.ts';
import type { InputUse } from './input-uses.ts';

/** Whole numbers that an input may be, and by which node. */
export interface IndexBounds {
  readonly min: number;
  readonly max: number;
  /** False where TensorFlow takes other values too and they mean nothing, and where the lookup may not happen. */
  readonly isDemanded: boolean;
  readonly isPart: boolean;
  readonly node: string;
  readonly op: string;
}

/** Rows of what a table's tensor or resource holds: its first dimension. */
function rowsOf(view: GraphView, scope: Scope, input: string): number | undefined {
  const origin = view.originOf({ scope, name: input });
  if (origin === undefined) return undefined;
  const { node } = origin;
  const shape =
    node.op === 'Const'
      ? tensorOf(node)?.tensorShape
      : node.op === 'VarHandleOp' || node.op === 'VariableV2' || node.op === 'Variable'
        ? (attribute(node, 'shape', 'shape') as TensorShapeProto | undefined)
        : undefined;
  const rows = sizesOf(shape)?.[0];
  return rows === undefined || rows < 1 || !Number.isSafeInteger(rows) ? undefined : rows;
}

function isFirstAxis(view: GraphView, scope: Scope, node: NodeDef): boolean {
  const origin = node.input[2] === undefined ? undefined : view.originOf({ scope, name: node.input[2] });
  return origin !== undefined && constInteger(origin.node) === 0;
}

function rowsAt(view: GraphView, { scope, node, inputIndex }: InputUse): number | undefined {
  const isTable =
    inputIndex === 1 &&
    (node.op === 'Gather' || node.op === 'ResourceGather' || (node.op === 'GatherV2' && isFirstAxis(view, scope, node)));
  return isTable ? rowsOf(view, scope, node.input[0]) : undefined;
}

function depthAt(view: GraphView, { scope, node, inputIndex }: InputUse): number | undefined {
  if (node.op !== 'OneHot' || inputIndex !== 0 || node.input[1] === undefined) return undefined;
  const origin = view.originOf({ scope, name: node.input[1] });
  const depth = origin === undefined ? undefined : constInteger(origin.node);
  return depth === undefined || depth < 1 ? undefined : depth;
}

/** The bounds that one use demands, in the input's own values: what was added on the way is taken off again. */
export function indexBounds(view: GraphView, use: InputUse): IndexBounds | undefined {
  const rows = rowsAt(view, use);
  const count = rows ?? depthAt(view, use);
  if (count === undefined) return undefined;
  return {
    min: 0 - use.offset,
    max: count - 1 - use.offset,
    isDemanded: rows !== undefined && use.scope.runs === 'always',
    isPart: use.isPart,
    node: use.node.name,
    op: use.node.op,
  };
}
