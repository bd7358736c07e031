// Where a graph decides between two answers: selects, conditionals, TensorFlow 1's merges, and a mask that is multiplied in. Only those that
// stand between a signature's output and the first learned layer count, because further inside choices are ordinary (masks, dropout, padding).
import type { Body, NodeRef, Program } from '../graph/index.ts';
import { type Place, walkBack } from './walk-back.ts';

export interface Choice {
  readonly at: NodeRef;
  readonly condition: Place;
  /** What can come out; empty for a mask. */
  readonly alternatives: readonly Place[];
}

const maxNearOutput = 3_000;

// Operations that only dress a result up.
const dressing: ReadonlySet<string> = new Set(
  (
    'Identity IdentityN StopGradient Reshape Squeeze ExpandDims Cast Softmax LogSoftmax Sigmoid Tanh Relu ArgMax TopKV2 Round Pack ConcatV2 ' +
    'StridedSlice GatherV2 Transpose AsString Mul AddV2 Add Sub Maximum Minimum RealDiv ClipByValue Merge Exit Select SelectV2 _Arg ' +
    'TensorScatterUpdate BiasAdd'
  ).split(' '),
);

function isCall(program: Program, body: Body, node: number): boolean {
  return program.callsFrom(body, node).length > 0;
}

function inputPlace(body: Body, node: number, index: number): Place | undefined {
  const edge = body.inputs(node)[index];
  return edge === undefined ? undefined : { body, edge };
}

function places(body: Body, node: number, from: number): readonly Place[] {
  return body
    .inputs(node)
    .slice(from)
    .map((edge) => ({ body, edge }));
}

/** The condition of the switches that a merge of TensorFlow 1 belongs to. */
function switchCondition(program: Program, body: Body, node: number): Place | undefined {
  for (const start of places(body, node, 0)) {
    for (const { body: at, edge } of walkBack(program, start, 100))
      if (at.op(edge.node) === 'Switch') return inputPlace(at, edge.node, 1);
  }
  return undefined;
}

/** A mask is a condition made a number; what makes it a condition is decided by its sources. */
function maskCondition(program: Program, body: Body, node: number): Place | undefined {
  for (const start of places(body, node, 0)) {
    for (const { body: at, edge } of walkBack(program, start, 12, (ref) =>
      /^(?:Identity|Reshape|ExpandDims|Sub)$/.test(ref.body.op(ref.node)),
    )) {
      if (at.op(edge.node) !== 'Cast') continue;
      const condition = inputPlace(at, edge.node, 0);
      if (condition !== undefined && /Equal|Less|Greater|Logical|All|Any|Match/.test(condition.body.op(condition.edge.node)))
        return condition;
    }
  }
  return undefined;
}

function choiceAt(program: Program, body: Body, node: number, output: number): Choice | undefined {
  const op = body.op(node);
  const at = { body, node };
  if (op === 'Select' || op === 'SelectV2') {
    const condition = inputPlace(body, node, 0);
    return condition === undefined ? undefined : { at, condition, alternatives: places(body, node, 1) };
  }
  if (/^(?:Stateless)?(?:If|Case)$/.test(op)) {
    const condition = inputPlace(body, node, 0);
    const alternatives = program.callsFrom(body, node).flatMap(({ callee }) => {
      const edge = callee.returns[output]?.edge;
      return edge === undefined ? [] : [{ body: callee, edge }];
    });
    return condition === undefined ? undefined : { at, condition, alternatives };
  }
  if (op === 'Merge') {
    const condition = switchCondition(program, body, node);
    return condition === undefined ? undefined : { at, condition, alternatives: places(body, node, 0) };
  }
  if (op === 'Mul') {
    const condition = maskCondition(program, body, node);
    return condition === undefined ? undefined : { at, condition, alternatives: [] };
  }
  return undefined;
}

/** The choices between an output and the model behind it. */
export function choicesNear(program: Program, output: Place): readonly Choice[] {
  const found: Choice[] = [];
  const passes = ({ body, node }: NodeRef): boolean => dressing.has(body.op(node)) || isCall(program, body, node);
  for (const { body, edge } of walkBack(program, output, maxNearOutput, passes)) {
    const choice = choiceAt(program, body, edge.node, edge.output ?? 0);
    if (choice !== undefined) found.push(choice);
    if (found.length === 100) break;
  }
  return found;
}
