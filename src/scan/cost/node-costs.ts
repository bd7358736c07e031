// What is told of single nodes: the dearest, and the rest of each operation together. What is told of a model stays below `maxCostLength` as JSON, however many
// signatures it has and whatever its nodes are called.
import { type CostBound, type CostExpression, maxNodeCosts, type NodeCost } from '../../cost/index.ts';
import { addSizes, evaluateSize, expressionOf, type Size, type SizeValues } from '../values/index.ts';
import type { CostEntry } from './cost-ledger.ts';

/** Of one formula as JSON. */
const maxExpressionLength = 8_192;
/** Operations within operations; the server takes no more than 256. */
const maxExpressionDepth = 200;
export const maxNameLength = 256;

/** A formula to hand out; null when it is too long, too deep or beyond all numbers. */
export function bound(size: Size | undefined): CostBound {
  if (size === undefined) return null;
  const expression = expressionOf(size);
  return isSayable(expression, 0) && JSON.stringify(expression).length <= maxExpressionLength ? expression : null;
}

function isSayable(expression: CostExpression, depth: number): boolean {
  if (typeof expression === 'number') return Number.isFinite(expression);
  if (typeof expression === 'string') return true;
  return depth < maxExpressionDepth && expression.of.every((part) => isSayable(part, depth + 1));
}

interface Rest {
  flops: Size | undefined;
  bytes: Size | undefined;
  memory: number;
  count: number;
  most: CostEntry;
}

/**
 * The dearest, and the rest of each operation together.
 * @param maxLength of all of them as JSON.
 */
export function nodeCosts(entries: readonly CostEntry[], values: SizeValues, maxLength: number): readonly NodeCost[] {
  const weigh = (size: Size | undefined): number => (size === undefined ? 0 : evaluateSize(size, values));
  const ranked = entries
    .map((entry) => ({ entry, flops: weigh(entry.flops), bytes: weigh(entry.bytes) }))
    .sort((a, b) => b.flops - a.flops || b.bytes - a.bytes);
  const nodes: NodeCost[] = [];
  const rest = new Map<string, Rest>();
  let length = 0;
  const add = (cost: NodeCost, most: number): boolean => {
    const own = JSON.stringify(cost).length + 1;
    if (length + own > most) return false;
    length += own;
    nodes.push(cost);
    return true;
  };
  // Each operation may need an entry for its rest.
  const kinds = new Set(entries.map(({ op }) => op)).size;
  const maxSingle = maxNodeCosts - Math.min(kinds, maxNodeCosts / 2);
  for (const { entry } of ranked) {
    if (nodes.length < maxSingle && add(nodeCost(entry), maxLength * (3 / 4))) continue;
    const memory = weigh(entry.memory);
    const known = rest.get(entry.op);
    if (known === undefined) rest.set(entry.op, { flops: entry.flops, bytes: entry.bytes, memory, count: 1, most: entry });
    else {
      known.flops = addSizes(known.flops, entry.flops);
      known.bytes = addSizes(known.bytes, entry.bytes);
      known.count += 1;
      if (memory > known.memory) [known.memory, known.most] = [memory, entry];
    }
  }
  for (const [op, { flops, bytes, most, count }] of rest) {
    if (nodes.length >= maxNodeCosts) break;
    const { memory } = most;
    add(nodeCost({ node: '', function: undefined, op, runs: undefined, flops, bytes, memory }, count), maxLength);
  }
  return nodes;
}

function nodeCost({ node, function: body, op, runs, flops, bytes, memory }: CostEntry, count?: number): NodeCost {
  return {
    node: node.slice(0, maxNameLength),
    ...(body === undefined ? {} : { function: body.slice(0, maxNameLength) }),
    op: op.slice(0, maxNameLength),
    runs: count ?? bound(runs),
    flops: bound(flops),
    bytes: bound(bytes),
    memoryBytes: bound(memory),
  };
}
