// Says which loops never end, run too long, or run as long as a request likes; and which datasets are read without end. Loops of ordinary models
// (over time steps, over a batch, with a maximum of iterations) say nothing.
import { type Body, bodiesOf, type Call, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { whileOps } from './call-arguments.ts';
import { Growth } from './growth.ts';
import { drainsDataset, judgeDataset } from './judge-datasets.ts';
import { countText, type Judgement, judge, sayExhausted, sizeText } from './judgement.ts';
import { elementBounds } from './lattice.ts';
import { ListWriters } from './list-growth.ts';
import { isLoop, type Loop, loopAt } from './loop.ts';
import { type Bound, LoopCondition } from './loop-condition.ts';
import type { Place } from './trace.ts';
import type { Values } from './value-types.ts';

// A loop that doubles something is over with this many rounds, one way or the other.
const maxDoublings = 28;
const maxNesting = 64;

function findingOf(bound: Bound): Omit<Judgement, 'body' | 'node'> | undefined {
  switch (bound.kind) {
    case 'endless':
      return { ruleId: 'hang/endless-loop', severity: 'high', says: `loops for ever: ${bound.why}` };
    case 'long':
      return { ruleId: 'hang/long-loop', severity: 'high', says: `loops ${countText(bound.iterations)} times` };
    case 'request':
      return {
        ruleId: 'hang/request-bounded-loop',
        severity: 'medium',
        says: `loops as often as a request says: it chooses ${bound.limit} of the counter`,
        argument: { name: 'limit', origin: 'request' },
      };
    case 'unknown':
      return { ruleId: 'hang/unknown-loop', severity: 'low', says: `may loop for ever: ${bound.why}` };
    default:
      return undefined;
  }
}

/** `ConcatV2 "while/concat"`: what makes the next value of a variable. */
function whatGrows({ body, edge }: Place): string {
  let { node } = edge;
  for (let step = 0; step < 8 && node >= body.argCount && body.op(node) === 'Identity'; step++)
    node = body.inputs(node)[0]?.node ?? -1;
  return node < 0 ? 'its body' : `${body.op(node)} "${body.name(node)}"`;
}

class LoopJudge {
  readonly #program: Program;
  readonly #values: Values;
  readonly #context: ScanContext;
  readonly #growth: Growth;
  /** Rounds of each loop, by body and node, where they are known. */
  readonly #rounds = new Map<Body, Map<number, number>>();
  readonly #repeats = new Map<Body, number>();
  readonly #counted: Loop[] = [];

  constructor(program: Program, values: Values, context: ScanContext) {
    this.#program = program;
    this.#values = values;
    this.#context = context;
    this.#growth = new Growth(program, values, 0);
  }

  run(): void {
    for (const body of bodiesOf(this.#program)) {
      for (let node = body.argCount; node < body.nodeCount; node++) {
        const op = body.op(node);
        if (isLoop(op)) this.#judgeLoop(body, node);
        else if (op === 'For') this.#judgeFor(body, node);
        else if (drainsDataset(op)) judgeDataset(this.#program, this.#values, this.#context, body, node, op);
      }
    }
    this.#judgeLists();
    this.#judgeNesting();
  }

  #judgeLoop(body: Body, node: number): void {
    const loop = loopAt(this.#program, body, node);
    if (loop === undefined) return;
    const bound = new LoopCondition(this.#program, this.#values, this.#context, loop).bound();
    this.#keep(body, node, bound);
    this.#report(body, node, bound);
    this.#judgeGrowth(loop, bound);
    if (bound.kind === 'bounded' && bound.iterations !== undefined) this.#counted.push(loop);
  }

  #keep(body: Body, node: number, bound: Bound): void {
    if (bound.kind !== 'bounded' || bound.iterations === undefined) return;
    const rounds = this.#rounds.get(body) ?? new Map<number, number>();
    rounds.set(node, bound.iterations);
    this.#rounds.set(body, rounds);
  }

  #report(body: Body, node: number, bound: Bound): void {
    const finding = findingOf(bound);
    if (finding !== undefined) judge(this.#program, this.#context, { body, node, ...finding });
  }

  /** A variable that is in its next value twice: 2, 4, 8 … times as large. */
  #judgeGrowth(loop: Loop, bound: Bound): void {
    const rounds = bound.kind === 'bounded' ? bound.iterations : undefined;
    if (rounds !== undefined && rounds < maxDoublings) return;
    for (const [variable, { next }] of loop.variables) {
      if (next === undefined || next.caller !== undefined) continue;
      const copies = this.#growth.ofArgument(next.body, variable, next.edge);
      if (copies < 2) continue;
      judge(this.#program, this.#context, {
        body: loop.body,
        node: loop.node,
        ruleId: 'memory/loop-growth',
        severity: rounds === undefined && bound.kind === 'unknown' ? 'medium' : 'high',
        says: `makes its variable ${variable} with ${whatGrows(next)} ${copies} times as large in each round${rounds === undefined ? '' : `, ${countText(rounds)} times`}`,
      });
      return;
    }
  }

  /** Lists that are too large when a loop has run as often as it does. When all loops are known, since one may lie in another. */
  #judgeLists(): void {
    const writers = new ListWriters(this.#program, this.#values, (body, node) => this.#rounds.get(body)?.get(node) ?? 1);
    const budget = this.#context.limits.memoryBudgetBytes;
    for (const loop of this.#counted) {
      const { body, node } = loop;
      const all = [...loop.variables.keys()].map((variable) => writers.ofVariable(loop, variable));
      for (const growth of [...all, writers.ofStacks(loop)]) {
        const total = (growth?.bytesPerRound ?? 0) * (growth?.rounds ?? 0);
        if (growth === undefined || !(total > budget)) continue;
        const says = `writes ${sizeText(growth.bytesPerRound)} to a list in each round, ${countText(growth.rounds)} times: ${sizeText(total)}`;
        judge(this.#program, this.#context, { body, node, ruleId: 'memory/list-growth', severity: 'high', says });
        break;
      }
    }
  }

  #judgeFor(body: Body, node: number): void {
    const [start, limit, delta] = [0, 1, 2].map((index) => {
      const value = this.#values.input(body, node, index);
      return { value, ...(value === undefined ? { min: undefined, max: undefined } : elementBounds(value)) };
    });
    const { maxIterations } = this.#context.limits;
    if (limit.value?.origins.has('request') && limit.max === undefined) {
      this.#report(body, node, { kind: 'request', limit: 'the limit' });
      return;
    }
    if (start.max === undefined || limit.min === undefined || delta.max === undefined || delta.max === 0) return;
    const iterations = Math.max(0, Math.ceil((limit.min - start.max) / delta.max));
    const bound: Bound = iterations > maxIterations ? { kind: 'long', iterations } : { kind: 'bounded', iterations };
    this.#keep(body, node, bound);
    this.#report(body, node, bound);
  }

  /** How often a body runs at least, for one run of what it is called from in the end: loops in loops. */
  #repeatsOf(body: Body, depth: number): number {
    const known = this.#repeats.get(body);
    if (known !== undefined) return known;
    if (depth > maxNesting) return 1;
    this.#repeats.set(body, 1);
    const most = this.#program.callsTo(body).reduce((worst, call) => Math.max(worst, this.#repeatsOfCall(call, depth)), 1);
    this.#repeats.set(body, most);
    return most;
  }

  #repeatsOfCall({ caller, attr }: Call, depth: number): number {
    const op = caller.body.op(caller.node);
    const rounds =
      (whileOps.has(op) || op === 'For') && attr === 'body' ? (this.#rounds.get(caller.body)?.get(caller.node) ?? 1) : 1;
    return Math.max(rounds, 1) * this.#repeatsOf(caller.body, depth + 1);
  }

  #judgeNesting(): void {
    const { maxIterations } = this.#context.limits;
    for (const [body, loops] of this.#rounds) {
      const outer = body.function === undefined ? 1 : this.#repeatsOf(body, 0);
      if (outer <= 1) continue;
      for (const [node, rounds] of loops) {
        const all = outer * rounds;
        if (all <= maxIterations) continue;
        const says = `loops ${countText(rounds)} times within loops that run it ${countText(outer)} times: ${countText(all)} rounds`;
        judge(this.#program, this.#context, { body, node, ruleId: 'hang/long-loop', severity: 'high', says });
      }
    }
  }
}

/** Judges how long a program may run. */
export function judgeLoops(program: Program, values: Values, context: ScanContext): void {
  new LoopJudge(program, values, context).run();
  sayExhausted(program, values, context);
}
