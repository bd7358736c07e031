// Shapes that stand in the graph itself: constants that are small in the file and huge in memory, and shapes that crash whoever reads them.
import type { Body, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { bytesPerElement } from './data-types.ts';
import { judge, sizeText } from './judgement.ts';
import { readTensorFacts } from './tensor-proto.ts';

const maxInt64 = 2n ** 63n - 1n;
const maxRank = 254;
const mebibyte = 2 ** 20;
// A splat of zeros is ordinary (a bias, an empty table); a thousandfold of a quarter of a gigabyte is not.
const splatBytes = 256 * mebibyte;
const splatRatio = 1000;
// An embedding table may be large; a variable of a tebibyte is nobody's.
const variableBytes = 2 ** 40;

interface Fault {
  readonly why: string;
  /** The loader aborts; otherwise it refuses the graph. */
  readonly crashes: boolean;
}

/** Why TensorFlow cannot hold the shape; undefined when it can. Sizes are multiplied in order, so a zero at the end comes too late. */
function fault(shape: readonly bigint[]): Fault | undefined {
  if (shape.length > maxRank) return { why: `has more than ${maxRank} dimensions`, crashes: true };
  if (shape.some((size) => size < 0n)) return { why: 'has a negative size', crashes: false };
  let product = 1n;
  for (const size of shape) {
    product *= size;
    if (product > maxInt64) return { why: 'has more elements than 64 bits can count', crashes: true };
    if (product === 0n) break;
  }
  return undefined;
}

const shown = (shape: readonly bigint[]) => `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', …' : ''}]`;

function judgeFault(
  program: Program,
  context: ScanContext,
  body: Body,
  node: number,
  attr: string,
  shape: readonly bigint[],
  { why, crashes }: Fault,
): void {
  judge(program, context, {
    body,
    node,
    ruleId: crashes ? 'crash/shape-overflow' : 'malformed/shape',
    severity: crashes ? 'critical' : 'medium',
    says: `has the shape ${shown(shape)}, which ${why}: the C++ loader ${crashes ? 'aborts the process' : 'refuses the model'}`,
    argument: { name: attr, value: shown(shape), origin: 'constant-inside' },
    isAtLoad: true,
  });
}

function judgeConst(program: Program, context: ScanContext, body: Body, node: number): void {
  const bytes = body.attrBytes(node, 'value');
  const facts = bytes === undefined ? undefined : readTensorFacts(bytes);
  if (facts?.shape === undefined) return;
  const wrong = fault(facts.shape);
  if (wrong !== undefined) {
    judgeFault(program, context, body, node, 'value', facts.shape, wrong);
    return;
  }
  const inMemory = facts.shape.reduce((all, size) => all * Number(size), 1) * bytesPerElement(facts.dtype);
  const ratio = inMemory / Math.max(facts.valueBytes, 1);
  const isOverBudget = inMemory > context.limits.memoryBudgetBytes && ratio > 4;
  if (!isOverBudget && !(inMemory > splatBytes && ratio > splatRatio)) return;
  judge(program, context, {
    body,
    node,
    ruleId: 'memory/constant-splat',
    severity: isOverBudget ? 'high' : 'medium',
    says: `is ${sizeText(inMemory)} in memory (shape ${shown(facts.shape)}) and ${sizeText(facts.valueBytes)} in the file`,
    argument: { name: 'value', value: shown(facts.shape), origin: 'constant-inside' },
  });
}

const variableOps: ReadonlySet<string> = new Set([
  'VarHandleOp',
  'Variable',
  'VariableV2',
  'TemporaryVariable',
  'Placeholder',
  'ImmutableConst',
]);

function judgeDeclaredShape(program: Program, context: ScanContext, body: Body, node: number, op: string): void {
  const attr = body.attr(node, 'shape');
  if (attr?.case !== 'shape' || attr.value.unknownRank) return;
  const shape = attr.value.dim.map(({ size }) => size);
  const wrong = fault(shape.map((size) => (size === -1n ? 1n : size)));
  if (wrong !== undefined) {
    // Of these the loader looks at the shape before it multiplies.
    judgeFault(program, context, body, node, 'shape', shape, { ...wrong, crashes: false });
    return;
  }
  if (op === 'Placeholder') return;
  const type = body.attr(node, 'dtype');
  const dtype = type?.case === 'type' ? type.value : undefined;
  const inMemory = shape.reduce((all, size) => all * Math.max(Number(size), 1), 1) * bytesPerElement(dtype);
  if (inMemory <= variableBytes) return;
  judge(program, context, {
    body,
    node,
    ruleId: 'memory/large-tensor',
    severity: 'high',
    says: `declares the shape ${shown(shape)}: ${sizeText(inMemory)}`,
    argument: { name: 'shape', value: shown(shape), origin: 'constant-inside' },
  });
}

export function judgeConstants(program: Program, context: ScanContext, body: Body, node: number, op: string): void {
  if (op === 'Const') judgeConst(program, context, body, node);
  else if (variableOps.has(op)) judgeDeclaredShape(program, context, body, node, op);
}
