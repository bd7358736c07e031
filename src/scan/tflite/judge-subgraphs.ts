// How the subgraphs of a model run each other: subgraphs that run themselves, loops that do not end, and small files that unfold to endless
// work. It reads what call-graph.ts and loop-reader.ts know and never runs anything.
import type { CallGraph } from './call-graph.ts';
import { sizeText } from './judge-tensors.ts';
import type { LoopBound } from './loop-bound.ts';
import { type Loop, LoopReader } from './loop-reader.ts';
import type { Judging } from './say.ts';
import { operatorText, subgraphText, tensorText } from './say-text.ts';
import { callsOf } from './subgraph-calls.ts';
import type { TensorValues } from './tensor-values.ts';
import { bytesOf, type Subgraph, type TfliteOperator } from './tflite-model.ts';

/** Calls inside each other, past which interpreters that prepare by recursion run out of stack. */
const maxCallDepth = 2000;
/** What one operator is taken to cost, in iterations of a loop: a composition may be this much larger than one loop. */
const compositionFactor = 100;

function loopOf({ model }: Judging, holder: Subgraph, operator: TfliteOperator): Loop | undefined {
  const builtin = operator.code?.builtin;
  if (builtin !== 'WHILE' && builtin !== 'STABLEHLO_WHILE') return undefined;
  const [condition, body] = callsOf(operator).map((call) => model.subgraphs[call.subgraph]);
  return condition === undefined || body === undefined ? undefined : { holder, operator, condition, body };
}

function judgeRecursion({ model, sayer }: Judging, { cycles }: CallGraph): void {
  for (const members of cycles) {
    const subgraphs = members.flatMap((index) => model.subgraphs[index] ?? []);
    const subgraph = subgraphs.find((member) => sayer.isReached(member)) ?? subgraphs[0];
    if (subgraph === undefined) continue;
    const caller = subgraph.operators.find((operator) => callsOf(operator).some((call) => members.includes(call.subgraph)));
    const way = members.length > 1 ? ` by way of ${members.length - 1} others` : '';
    const by = caller === undefined ? '' : ` (${operatorText(subgraph, caller)})`;
    const message = `${subgraphText(subgraph)} runs itself${way}${by}: the interpreter prepares it by recursion and the stack overflows`;
    sayer.say('crash/recursive-subgraph', message, {
      place: caller === undefined ? { subgraph } : { subgraph, operator: caller },
      trigger: sayer.isReached(subgraph) ? 'load' : 'none',
      severity: sayer.isReached(subgraph) ? 'critical' : 'low',
      advisories: ['CVE-2021-29591'],
    });
  }
}

function sayBound({ sayer, context }: Judging, { holder, operator }: Loop, bound: LoopBound): void {
  const place = { subgraph: holder, operator };
  const text = operatorText(holder, operator);
  if (bound.kind === 'endless') sayer.say('hang/tflite-endless-loop', `${text} never ends: ${bound.why}`, { place });
  if (bound.kind === 'request') {
    const message = `${text} runs as often as a request says: ${bound.why}`;
    sayer.say('hang/tflite-request-loop', message, { place, argument: { name: 'limit', origin: 'request' } });
  }
  if (bound.kind === 'bounded' && bound.iterations > context.limits.maxIterations) {
    const message = `${text} runs ${bound.iterations} times: ${bound.why}`;
    sayer.say('hang/tflite-long-loop', message, { place, argument: { name: 'limit', value: String(bound.iterations) } });
  }
}

/** By how much one iteration multiplies the variable: two when the body joins it to itself. */
function growthOf(reader: LoopReader, body: Subgraph, at: number, values: TensorValues): number {
  const input = body.inputs[at];
  const output = body.outputs[at];
  const producer = output === undefined ? undefined : reader.producersOf(body).get(reader.trace(body, output));
  if (input === undefined || producer === undefined) return 1;
  const builtin = producer.code?.builtin;
  const operands = producer.inputs.map((operand) => reader.trace(body, operand));
  if (builtin === 'CONCATENATION' || builtin === 'PACK')
    return Math.max(1, operands.filter((operand) => operand === input).length);
  if (builtin !== 'TILE' || operands[0] !== input) return 1;
  return (values.of(body, producer.inputs[1] ?? -1).constant?.numbers ?? []).reduce((product, times) => product * times, 1);
}

function judgeGrowth({ sayer, context }: Judging, loop: Loop, bound: LoopBound, reader: LoopReader, values: TensorValues): void {
  if (bound.kind === 'bounded' && bound.iterations === 0) return;
  for (const at of loop.body.inputs.keys()) {
    const growth = growthOf(reader, loop.body, at, values);
    const tensor = loop.holder.tensors[loop.operator.inputs[at] ?? -1];
    if (growth <= 1 || tensor === undefined) continue;
    const iterations = bound.kind === 'bounded' ? bound.iterations : undefined;
    const bytes = iterations === undefined ? undefined : Math.max(1, bytesOf(tensor) ?? 1) * growth ** iterations;
    if (bytes !== undefined && bytes <= context.limits.memoryBudgetBytes) continue;
    const size = bytes === undefined ? 'without a bound that is known' : `to ${sizeText(bytes)} in ${iterations} iterations`;
    const message = `${operatorText(loop.holder, loop.operator)} makes ${tensorText(tensor)} ${growth} times as large in each iteration, ${size}`;
    sayer.say('memory/tflite-sized-by-constant', message, {
      place: { subgraph: loop.holder, operator: loop.operator },
      severity: bytes === undefined ? 'medium' : 'high',
    });
  }
}

/** Steps that a subgraph unfolds to, and how deep calls lie inside each other; loops count as often as is known, at least once. */
function judgeComposition(judging: Judging, graph: CallGraph, bounds: ReadonlyMap<TfliteOperator, LoopBound>): void {
  const { model, sayer, context } = judging;
  const steps = new Map<number, number>();
  const depths = new Map<number, number>();
  const budget = context.limits.maxIterations * compositionFactor;
  const inCycle = new Set(graph.cycles.flat());
  for (const index of graph.calleesFirst) {
    const subgraph = model.subgraphs[index];
    if (subgraph === undefined || inCycle.has(index)) continue;
    let total = 0;
    let depth = 0;
    let isSaid = false;
    for (const operator of subgraph.operators) {
      const bound = bounds.get(operator);
      const times = bound?.kind === 'bounded' ? bound.iterations : 1;
      total++;
      for (const call of callsOf(operator)) {
        const inside = steps.get(call.subgraph) ?? 0;
        isSaid ||= inside > budget;
        // A loop of its own that runs too often has been said.
        isSaid ||= bound?.kind === 'bounded' && bound.iterations > context.limits.maxIterations;
        total += times * inside;
        depth = Math.max(depth, (depths.get(call.subgraph) ?? 0) + 1);
      }
    }
    steps.set(index, total);
    depths.set(index, depth);
    if (!sayer.isReached(subgraph)) continue;
    if (total > budget && !isSaid) {
      const message = `${subgraphText(subgraph)} unfolds to ${total.toExponential(1)} operators through the subgraphs that it runs`;
      sayer.say('hang/tflite-composition', message, { place: { subgraph } });
    }
    if (depth === maxCallDepth) {
      const message = `${subgraphText(subgraph)} runs subgraphs ${depth} deep inside each other: interpreters that prepare them by recursion run out of stack`;
      sayer.say('crash/recursive-subgraph', message, { place: { subgraph }, severity: 'high', trigger: 'load' });
    }
  }
}

/** Judges recursion, loops and composition of all subgraphs. */
export function judgeSubgraphs(judging: Judging, values: TensorValues, graph: CallGraph): void {
  judgeRecursion(judging, graph);
  const reader = new LoopReader(values);
  const bounds = new Map<TfliteOperator, LoopBound>();
  for (const subgraph of judging.model.subgraphs) {
    if (!judging.sayer.isReached(subgraph)) continue;
    for (const operator of subgraph.operators) {
      const loop = loopOf(judging, subgraph, operator);
      if (loop === undefined) continue;
      const bound = reader.read(loop);
      bounds.set(operator, bound);
      sayBound(judging, loop, bound);
      judgeGrowth(judging, loop, bound, reader, values);
    }
  }
  judgeComposition(judging, graph, bounds);
}
