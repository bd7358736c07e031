// Patterns of a backdoor in the graph itself: an answer that is replaced when the input holds one particular pattern, or from one day on. A
// guess, and marked as one: weights can hide the same without any of this.
import type { Body, Edge, NodeRef } from '../graph/index.ts';
import { type Choice, choicesNear } from './backdoor-choices.ts';
import { type TriggerFound, triggerOf } from './backdoor-triggers.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard } from './report-hazard.ts';
import { type Place, walkBack } from './walk-back.ts';

const maxModel = 3_000;
const maxTime = 2_000;
const learned =
  /^(?:_?(?:Fused)?MatMul|BatchMatMul\w*|SparseMatMul|Conv\w+|DepthwiseConv\w+|Einsum|ReadVariableOp|Variable(?:V2)?|ResourceGather\w*|FusedBatchNorm\w*|BiasAdd|XlaCallModule|\w*LSTM\w*|\w*GRU\w*)$/;

function isModel(c: Case, place: Place): boolean {
  if (c.values.of(place.body, place.edge).origins.has('variable')) return true;
  for (const { body, edge } of walkBack(c.program, place, maxModel)) if (learned.test(body.op(edge.node))) return true;
  return false;
}

// What only takes a shape does not depend on the content.
const shapeOnly: ReadonlySet<string> = new Set(['ZerosLike', 'OnesLike', 'Shape', 'ShapeN', 'Size', 'Rank']);
const content = /^(?:Placeholder\w*|_Arg|ReadVariableOp|Variable(?:V2)?|ParseExample\w*|IteratorGetNext)$/;

function isFixed(c: Case, place: Place): boolean {
  for (const { body, edge } of walkBack(c.program, place, maxModel, (ref) => !shapeOnly.has(ref.body.op(ref.node)))) {
    const op = body.op(edge.node);
    const isOuter = op === '_Arg' && c.program.callsTo(body).length > 0;
    if ((content.test(op) && !isOuter) || learned.test(op)) return false;
  }
  return true;
}

/** True when a strong trigger chooses between a model's answer and another one, or a weak one between that and a fixed one. */
function isBackdoor(c: Case, choice: Choice, found: TriggerFound): boolean {
  const { alternatives } = choice;
  if (alternatives.length === 0) {
    return (
      found.isStrong &&
      c.program.main.nodeCount > 0 &&
      isModel(c, { body: choice.at.body, edge: { node: choice.at.node, output: 0 } })
    );
  }
  if (!alternatives.some((place) => isModel(c, place))) return false;
  return found.isStrong || alternatives.filter((place) => isFixed(c, place)).length === 1;
}

function outputsOf(c: Case): readonly Place[] {
  const { main, signatures, roots } = c.program;
  const nodes = new Set<number>();
  for (const { body, trigger, nodes: own } of roots)
    if (trigger === 'inference' && body === main) for (const node of own) nodes.add(node);
  const places: Place[] = [];
  for (const { outputs } of signatures) {
    for (const { name } of outputs) {
      const colon = name.lastIndexOf(':');
      const node = main.find(colon === -1 ? name : name.slice(0, colon));
      if (node === undefined || !nodes.delete(node)) {
        if (node === undefined) continue;
      }
      places.push({ body: main, edge: { node, output: Number(name.slice(colon + 1)) || 0 } });
    }
  }
  for (const node of nodes) places.push({ body: main, edge: { node, output: 0 } });
  return places.slice(0, 64);
}

/** Judges choices near the outputs. */
export function judgeTriggers(c: Case): void {
  const seen = new Map<Body, Set<number>>();
  for (const output of outputsOf(c)) {
    for (const choice of choicesNear(c.program, output)) {
      const { body, node } = choice.at;
      const nodes = seen.get(body) ?? new Set<number>();
      seen.set(body, nodes);
      if (nodes.has(node)) continue;
      nodes.add(node);
      const found = triggerOf(c, choice.condition);
      if (found === undefined || !isBackdoor(c, choice, found)) continue;
      reportHazard(c, body, node, {
        ruleId: 'backdoor/trigger-value',
        severity: 'medium',
        message: `${named(body, node)} replaces the answer where ${found.what} (${named(found.at.body, found.at.node)})`,
        argument: { name: 'condition', value: found.what },
      });
    }
  }
}

/** Comparisons with the clock that a request reaches. */
export function judgeClock(c: Case): void {
  const clocks = c.resources.nodesOf('Timestamp');
  if (clocks.length === 0) return;
  const isClock = ({ body, node }: NodeRef): boolean => body.op(node) === 'Timestamp';
  const reported = new Set<string>();
  for (const op of clockComparisons) {
    for (const { body, node } of c.resources.nodesOf(op).slice(0, maxTime)) {
      for (const edge of body.inputs(node)) {
        if (!reaches(c, { body, edge }, isClock) || reported.has(named(body, node))) continue;
        reported.add(named(body, node));
        reportHazard(c, body, node, {
          ruleId: 'backdoor/time-trigger',
          severity: 'medium',
          message: `${named(body, node)} compares the clock of the machine, so that the model changes its behaviour at some time,`,
        });
      }
    }
  }
}

export const clockComparisons: readonly string[] = ['Less', 'LessEqual', 'Greater', 'GreaterEqual', 'Equal', 'NotEqual'];

function reaches(c: Case, start: { body: Body; edge: Edge }, wanted: (ref: NodeRef) => boolean): boolean {
  for (const { body, edge } of walkBack(c.program, start, 200)) if (wanted({ body, node: edge.node })) return true;
  return false;
}
