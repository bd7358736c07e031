// Makes a CostModel of JSON that the process which scans sent. A hostile model may have taken that process over, so nothing is believed but what was looked at, and all of
// it is copied. It must never throw, recurse deeper than `maxDepth`, or pass on a number that is no number.
import {
  type CostBound,
  type CostExpression,
  type CostGap,
  type CostModel,
  type CostOperation,
  type CostVariable,
  maxGaps,
  maxNodeCosts,
  type NodeCost,
  type SignatureCost,
} from './cost-model.ts';

const maxSignatures = 1_000;
const maxVariables = 1_024;
/** The rest of each operation comes on top; TensorFlow has some 1,500 of them. */
const maxNodes = maxNodeCosts + 2_048;
const maxNameChars = 4_096;
/** Sizes behind many layers are formulas of formulas. */
const maxDepth = 256;
const maxOperands = 4_096;
/** Numbers, names and operations in all bounds of a model together, and in one: evaluating that many takes a millisecond, and a tenth of one. */
const maxTerms = 200_000;
const maxBoundTerms = 20_000;
const maxAxis = 254;

const operations: ReadonlySet<unknown> = new Set<CostOperation['op']>(['+', '*', 'max', 'min', 'floor/', 'ceil/']);
const reasons: ReadonlySet<unknown> = new Set<CostGap['why']>(['op', 'shape', 'loop', 'recursion']);

type Json = Readonly<Record<string, unknown>>;

/** What is wrong is not told to anybody: there is nobody to correct it. */
class Checker {
  #terms = 0;
  #failed = false;

  model(value: unknown): CostModel | undefined {
    const { format, weightBytes, signatures } = this.object(value);
    if (format !== 1) return undefined;
    const checked: CostModel = {
      format: 1,
      weightBytes: this.size(weightBytes),
      signatures: this.list(signatures, maxSignatures).map((signature) => this.signature(signature)),
    };
    this.demand(isUnique(checked.signatures.map(({ name }) => name)));
    return this.#failed ? undefined : checked;
  }

  signature(value: unknown): SignatureCost {
    const fields = this.object(value);
    const variables = this.list(fields.variables, maxVariables).map((variable) => this.variable(variable));
    const names = new Set(variables.map(({ name }) => name));
    this.demand(names.size === variables.length);
    return {
      name: this.name(fields.name),
      variables,
      flops: this.bound(fields.flops, names),
      bytes: this.bound(fields.bytes, names),
      peakBytes: this.bound(fields.peakBytes, names),
      nodes: this.list(fields.nodes, maxNodes).map((node) => this.node(node, names)),
      gaps: this.list(fields.gaps, maxGaps).map((gap) => this.gap(gap)),
    };
  }

  variable(value: unknown): CostVariable {
    const { name, input, axis } = this.object(value);
    const isAxis = typeof axis === 'number' && Number.isInteger(axis) && axis >= 0 && axis <= maxAxis;
    this.demand(isAxis || axis === 'bytes' || axis === 'longest');
    // One spelling for each size, so that no two variables can stand for the same.
    const size = (isAxis ? axis + 0 : axis) as CostVariable['axis'];
    const checked = { name: this.name(name), input: this.name(input), axis: size };
    // What is no axis may be an object that cannot be made a string of.
    if (this.#failed) return checked;
    this.demand(checked.name === `${checked.input}.${checked.axis}`);
    return checked;
  }

  node(value: unknown, names: ReadonlySet<string>): NodeCost {
    const fields = this.object(value);
    return {
      ...this.#place(fields),
      runs: this.bound(fields.runs, names),
      flops: this.bound(fields.flops, names),
      bytes: this.bound(fields.bytes, names),
      memoryBytes: this.bound(fields.memoryBytes, names),
    };
  }

  gap(value: unknown): CostGap {
    const fields = this.object(value);
    this.demand(reasons.has(fields.why));
    return { ...this.#place(fields), why: fields.why as CostGap['why'] };
  }

  #place({ node, function: body, op }: Json): { readonly node: string; readonly function?: string; readonly op: string } {
    return { node: this.name(node), ...(body === undefined ? {} : { function: this.name(body) }), op: this.name(op) };
  }

  bound(value: unknown, names: ReadonlySet<string>): CostBound {
    const before = this.#terms;
    const bound = value === null ? null : this.expression(value, names, 0);
    this.demand(this.#terms - before <= maxBoundTerms);
    return bound;
  }

  expression(value: unknown, names: ReadonlySet<string>, depth: number): CostExpression {
    this.#terms += 1;
    this.demand(depth <= maxDepth && this.#terms <= maxTerms);
    if (this.#failed) return 0;
    if (typeof value === 'number') {
      this.demand(Number.isFinite(value));
      // JSON has a negative zero, which no size is.
      return value + 0;
    }
    if (typeof value === 'string') {
      this.demand(names.has(value));
      return value;
    }
    const { op, of } = this.object(value);
    this.demand(operations.has(op));
    const operands = this.list(of, maxOperands).map((operand) => this.expression(operand, names, depth + 1));
    this.demand(operands.length > 0);
    if (op === 'floor/' || op === 'ceil/') {
      const [, divisor] = operands;
      this.demand(operands.length === 2 && typeof divisor === 'number' && divisor > 0);
    }
    return { op: op as CostOperation['op'], of: operands };
  }

  demand(holds: boolean): void {
    if (!holds) this.#failed = true;
  }

  object(value: unknown): Json {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
    this.#failed = true;
    return {};
  }

  list(value: unknown, maxLength: number): readonly unknown[] {
    if (Array.isArray(value) && value.length <= maxLength && !this.#failed) return value;
    this.#failed = true;
    return [];
  }

  name(value: unknown): string {
    if (typeof value === 'string' && value.length <= maxNameChars) return value;
    this.#failed = true;
    return '';
  }

  size(value: unknown): number {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value + 0;
    this.#failed = true;
    return 0;
  }
}

function isUnique(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

/**
 * A copy of `value`, which JSON.parse made of untrusted text; undefined when it is no cost model. Names in it are those that the model's author chose: they pass
 * `printable()` before anybody sees them.
 */
export function checkCostModel(value: unknown): CostModel | undefined {
  return new Checker().model(value);
}
