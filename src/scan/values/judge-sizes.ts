// Says which operations take more memory than a model may: sizes that are constant, sizes that a request chooses, growth by repetition. It
// looks only at operations that can do so.
import type { Severity } from '../../core/index.ts';
import { type Body, bodiesOf, type Edge, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { ArgumentOrigin } from '../scan-types.ts';
import { bytesPerElement, narrowRange } from './data-types.ts';
import { chosenElements, fewestElements } from './dims.ts';
import { Growth, isGrowing } from './growth.ts';
import { judgeConstants } from './judge-constants.ts';
import { judgeResources, takesResources } from './judge-resources.ts';
import { countText, judge, sayExhausted, sizeText } from './judgement.ts';
import { elementBounds } from './lattice.ts';
import { placeArgs, viewOf } from './node-view.ts';
import { shapeOf } from './shapes.ts';
import { amplifiers, sizeInputs } from './size-inputs.ts';
import type { Dim, Value, Values } from './value-types.ts';

const gibibyte = 2 ** 30;
const criticalBytes = 64 * gibibyte;
// Amplifiers are everywhere in a graph: beyond this many, a graph is not of layers that somebody wrote.
const maxAmplifiers = 100_000;
const maxInlinedNodes = 50_000_000;
// Data that is repeated this often fits nowhere, however small it is.
const maxCopies = 2 ** 28;

const passingVectors: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Reshape', 'Maximum', 'AddV2']);
const passingSizes: ReadonlySet<string> = new Set([
  ...['Identity', 'Cast', 'Maximum', 'AddV2', 'Reshape', 'Squeeze', 'ExpandDims', 'StridedSlice', 'Pack', 'ConcatV2'],
]);

function shapeText(shape: readonly Dim[] | undefined): string {
  if (shape === undefined) return 'of unknown rank';
  const sizes = shape.slice(0, 8).map((size) => {
    if (typeof size === 'number') return String(size);
    if (size.choice !== undefined) return `${size.min} or ${size.choice}`;
    return size.min > 1 ? `≥${size.min}` : '?';
  });
  return `[${sizes.join(', ')}${shape.length > 8 ? ', …' : ''}]`;
}

function contentText(value: Value | undefined): string | undefined {
  const numbers = value?.constants?.[0]?.numbers;
  if (numbers !== undefined) return numbers.length === 1 ? String(numbers[0]) : `[${numbers.slice(0, 16).join(', ')}]`;
  return value?.partial === undefined ? undefined : shapeText(value.partial.sizes);
}

function originOf(value: Value | undefined): ArgumentOrigin {
  if (value?.origins.has('request')) return 'request';
  if (value?.constants !== undefined) return 'constant-inside';
  return value?.origins.has('variable') ? 'variable' : 'computed';
}

/** What an operation makes: at least, or on one of its ways. */
interface Made {
  readonly value: Value;
  readonly bytes: number;
  /** Sizes that are chosen on the way there, each by itself as far as is known. */
  readonly choices: number;
}

class SizeJudge {
  readonly #program: Program;
  readonly #values: Values;
  readonly #context: ScanContext;
  readonly #growth: Growth;
  readonly #grown = new Set<Body>();
  readonly #large = new Map<Body, Set<number>>();
  #amplifiers = 0;

  constructor(program: Program, values: Values, context: ScanContext) {
    this.#program = program;
    this.#values = values;
    this.#context = context;
    this.#growth = new Growth(program, values);
  }

  run(): void {
    for (const body of bodiesOf(this.#program)) {
      for (let node = body.argCount; node < body.nodeCount; node++) {
        const op = body.op(node);
        judgeConstants(this.#program, this.#context, body, node, op);
        if (op === 'Const') continue;
        const inputs = sizeInputs.get(op);
        const isLarge = (inputs !== undefined || this.#isAmplifier(op)) && this.#judgeSize(body, node, op, inputs);
        if (!isLarge && inputs !== undefined) this.#judgeRequested(body, node, op, inputs);
        if (!isLarge && (isGrowing(op) || this.#growth.isGrowingCall(body, node))) this.#judgeGrowth(body, node);
        if (takesResources(op)) judgeResources(this.#program, this.#values, this.#context, body, node, op);
      }
    }
    this.#judgeComposition();
  }

  #isAmplifier(op: string): boolean {
    return amplifiers.has(op) && ++this.#amplifiers <= maxAmplifiers;
  }

  #nameOf(body: Body, node: number, op: string, input: number): string {
    const args = this.#context.ops.get(op)?.inputs ?? [];
    return placeArgs(body, node, args).find(({ start, count }) => input >= start && input < start + count)?.name ?? String(input);
  }

  #outputBytes(body: Body, node: number, op: string, sizes: readonly number[] | undefined): Made | undefined {
    // RaggedRange gives its values second.
    const value = this.#values.of(body, { node, output: 0 });
    if (op === 'RaggedRange') return this.#raggedRange(body, node, value);
    const least = madeAtLeast(value);
    const budget = this.#context.limits.memoryBudgetBytes;
    if (least !== undefined && least.bytes > budget) return least;
    const chosen = madeOnOneWay(value);
    if (chosen !== undefined && chosen.bytes > budget) return chosen;
    return this.#byAlternative(body, node, op, sizes ?? [], value) ?? least;
  }

  /** Where a size is one of several constants, as branches give them: with the one that makes the most. */
  #byAlternative(body: Body, node: number, op: string, sizes: readonly number[], value: Value): Made | undefined {
    let most: Made | undefined;
    for (const index of sizes) {
      const constants = this.#values.input(body, node, index)?.constants ?? [];
      if (constants.length < 2) continue;
      const inputs = body.inputs(node).map((edge) => this.#values.of(body, edge));
      for (const constant of constants) {
        const given = inputs.map((input, at) =>
          at === index ? { ...input, shape: constant.shape, constants: [constant] } : input,
        );
        const made = madeAtLeast({ ...value, shape: shapeOf(viewOf(body, node, op, given, 0), 0) });
        if (made !== undefined && made.bytes > (most?.bytes ?? 0)) most = { ...made, choices: 1 };
      }
    }
    return most;
  }

  /** One range for each row: limits minus starts, in steps of deltas. */
  #raggedRange(body: Body, node: number, value: Value): Made | undefined {
    const [starts, limits, deltas] = [0, 1, 2].map((index) => this.#values.input(body, node, index)?.constants?.[0]?.numbers);
    if (starts === undefined || limits === undefined || deltas === undefined) return undefined;
    const at = (list: readonly number[], row: number) => (list.length === 1 ? list[0] : (list[row] ?? 0));
    let count = 0;
    for (let row = 0; row < Math.max(starts.length, limits.length, deltas.length); row++) {
      count += Math.max(0, (at(limits, row) - at(starts, row)) / (at(deltas, row) || 1));
    }
    return { value: { ...value, shape: [count] }, bytes: count * 8, choices: 0 };
  }

  /** @returns True when a finding was made. */
  #judgeSize(body: Body, node: number, op: string, sizes: readonly number[] | undefined): boolean {
    const found = this.#outputBytes(body, node, op, sizes);
    const budget = this.#context.limits.memoryBudgetBytes;
    if (found === undefined || !(found.bytes > budget)) return false;
    const edges = body.inputs(node);
    // What is made of something that was found already is the same finding.
    const large = this.#large.get(body) ?? new Set<number>();
    this.#large.set(body, large);
    const isFollower = edges.some((edge) => large.has(edge.node));
    large.add(node);
    if (isFollower) return true;
    const largest = edges.slice(0, 1000).reduce((most, edge) => {
      const value = this.#values.of(body, edge);
      return Math.max(most, madeAtLeast(value)?.bytes ?? 0, madeOnOneWay(value)?.bytes ?? 0);
    }, 0);
    // Whoever merely passes on what is large already is not to blame.
    if (found.bytes < largest * 1.5) return false;
    // What is chosen in two places may never be chosen together.
    const severity: Severity = found.choices > 1 ? 'medium' : found.bytes > criticalBytes ? 'critical' : 'high';
    const way = found.choices > 0 ? ', on one of the ways there,' : '';
    const [input] = sizes ?? [];
    const given = input === undefined ? undefined : this.#values.input(body, node, sizes?.at(-1) ?? input);
    const argument =
      input === undefined
        ? undefined
        : {
            name: this.#nameOf(body, node, op, sizes?.at(-1) ?? input),
            ...(contentText(given) === undefined ? {} : { value: contentText(given) ?? '' }),
            origin: originOf(given),
          };
    judge(this.#program, this.#context, {
      body,
      node,
      ruleId: 'memory/large-tensor',
      severity,
      says: `makes a tensor of ${sizeText(found.bytes)} (shape ${shapeText(found.value.shape)})${way} with one example`,
      ...(argument === undefined ? {} : { argument }),
    });
    return true;
  }

  #judgeRequested(body: Body, node: number, op: string, sizes: readonly number[]): void {
    for (const index of sizes) {
      const value = this.#values.input(body, node, index);
      if (value === undefined || !value.origins.has('request')) continue;
      const largest = this.#largestRequested(value);
      if (largest !== undefined && largest * 8 <= this.#context.limits.memoryBudgetBytes) continue;
      const name = this.#nameOf(body, node, op, index);
      const isOrdinary = this.#isOrdinary(body, node, op, index);
      const bound = largest === undefined ? '' : `, up to ${countText(largest)} elements`;
      judge(this.#program, this.#context, {
        body,
        node,
        ruleId: 'memory/request-sized',
        severity: isOrdinary ? 'low' : 'medium',
        says: `makes a tensor as large as a request says in ${name}${bound}`,
        argument: { name, origin: 'request', ...(contentText(value) === undefined ? {} : { value: contentText(value) ?? '' }) },
      });
      return;
    }
  }

  /** The most elements that a request can ask for; undefined without a bound. */
  #largestRequested(value: Value): number | undefined {
    if (value.partial !== undefined) {
      let product = 1;
      for (const size of value.partial.sizes) {
        if (typeof size === 'number') product *= Math.max(size, 1);
        else if (!size.isRequest) continue;
        else if (size.max === undefined) return undefined;
        else product *= Math.max(size.max, 1);
      }
      return product;
    }
    const max = elementBounds(value).max ?? narrowRange(value.dtype)?.[1];
    if (max === undefined) return undefined;
    const length = value.shape?.length === 1 && typeof value.shape[0] === 'number' ? value.shape[0] : 1;
    return Math.max(max, 1) ** Math.max(1, Math.min(length, 8));
  }

  /**
   * Things that are ordinary although a request chooses a size by them: tf.sequence_mask and tf.repeat count up to the longest of a batch, a
   * sparse or ragged tensor of a request brings its shape or the ends of its rows along.
   */
  #isOrdinary(body: Body, node: number, op: string, index: number): boolean {
    if (op === 'SparseToDense')
      return [0, 2].every((input) => this.#values.input(body, node, input)?.origins.has('request') ?? false);
    if (op === 'RaggedRange') return this.#comesFrom(body, body.inputs(node)[index], 'Sub', passingVectors);
    return (op === 'Range' || op === 'Tile') && this.#comesFrom(body, body.inputs(node)[index], 'Max', passingSizes);
  }

  /** True when all that a request has a part in comes by way of this operation, on tensors and not on scalars. */
  #comesFrom(body: Body, from: Edge | undefined, op: string, passing: ReadonlySet<string>): boolean {
    const stack = from === undefined ? [] : [from];
    let isFound = false;
    for (let steps = 0; stack.length > 0; steps++) {
      const edge = stack.pop();
      if (edge === undefined || steps > 64) return false;
      if (!this.#values.of(body, edge).origins.has('request')) continue;
      const step = body.op(edge.node);
      const isVector = (this.#values.input(body, edge.node, 0)?.shape?.length ?? 1) > 0;
      if (step === op && isVector) isFound = true;
      else if (passing.has(step)) stack.push(...body.inputs(edge.node));
      else return false;
    }
    return isFound;
  }

  #judgeGrowth(body: Body, node: number): void {
    // The first node of a chain that is too much says it for the rest.
    if (this.#grown.has(body)) return;
    const copies = this.#growth.at(body, node);
    if (copies < maxCopies) return;
    this.#grown.add(body);
    judge(this.#program, this.#context, {
      body,
      node,
      ruleId: 'memory/growth',
      severity: 'high',
      says: `gives data that was repeated ${countText(copies)} times on its way there`,
    });
  }

  #judgeComposition(): void {
    const { main } = this.#program;
    const all = this.#program.inlinedNodes(main);
    const roots = this.#program.roots.map(({ body }) => body).filter((body) => body !== main);
    const worst = [main, ...new Set(roots)].find((body) => {
      const count = this.#program.inlinedNodes(body);
      return Number.isFinite(count) && count > maxInlinedNodes;
    });
    if (worst === undefined || worst.nodeCount === 0) return;
    // The call that brings the most, so that there is a node to look at.
    let [most, at] = [0, 0];
    for (const call of this.#program.calls) {
      if (call.caller.body !== worst) continue;
      const count = this.#program.inlinedNodes(call.callee);
      if (Number.isFinite(count) && count > most) [most, at] = [count, call.caller.node];
    }
    judge(this.#program, this.#context, {
      body: worst,
      node: at,
      ruleId: 'memory/composition',
      severity: 'high',
      says: `brings in functions that call each other until the graph has ${countText(Number.isFinite(all) ? Math.max(all, most) : most)} nodes`,
    });
  }
}

function madeAtLeast(value: Value): Made | undefined {
  const elements = fewestElements(value.shape);
  return elements === undefined ? undefined : { value, bytes: elements * bytesPerElement(value.dtype), choices: 0 };
}

function madeOnOneWay(value: Value): Made | undefined {
  const chosen = chosenElements(value.shape);
  return chosen === undefined
    ? undefined
    : { value, bytes: chosen.elements * bytesPerElement(value.dtype), choices: chosen.choices };
}

/** Judges what a program may take of memory and threads; graphs in its strings are programs of their own. */
export function judgeSizes(program: Program, values: Values, context: ScanContext): void {
  new SizeJudge(program, values, context).run();
  sayExhausted(program, values, context);
}
