// What the limits of a model say about the cost of one request, made ready for each of its signatures: which nodes a limit of an operation or of a node is for.
import type { ModelLimits } from '../../config/index.ts';
import type { NodeGroup, SignatureCosts } from '../../cost/index.ts';
import { mebibyte } from '../mebibytes.ts';

/** Each is as in airlock.yaml. */
export type CostLimits = Pick<ModelLimits, 'unknownCost' | 'ops' | 'nodes'> &
  Partial<Pick<ModelLimits, 'maxCost' | 'maxRequestMemoryMiB'>>;

export const noCostLimits: CostLimits = { unknownCost: 'allow', ops: {}, nodes: {} };

/** Nodes with a limit of their own. */
export interface LimitedNodes extends NodeGroup {
  readonly rule: 'ops' | 'nodes';
  /** The type of the operation or the name of the node, as configured. */
  readonly name: string;
  readonly maxMs: number;
  readonly maxBytes: number;
}

/** True when a limit needs the cost of each request. */
export function needsCost({ maxCost, maxRequestMemoryMiB, unknownCost, ops, nodes }: CostLimits): boolean {
  const hasLimits = maxCost !== undefined || maxRequestMemoryMiB !== undefined || unknownCost === 'refuse';
  return hasLimits || Object.keys(ops).length + Object.keys(nodes).length > 0;
}

/** Only those that are in the signature. A node in a function is called by its name, and by that of its function and its own: `f/x`. */
export function limitedNodes({ ops, nodes }: CostLimits, { nodes: known }: SignatureCosts): readonly LimitedNodes[] {
  const groups: LimitedNodes[] = [];
  const add = (rule: LimitedNodes['rule'], limits: CostLimits['ops'], namesOf: (index: number) => readonly string[]): void => {
    for (const [name, { maxMs = Number.POSITIVE_INFINITY, maxMiB = Number.POSITIVE_INFINITY }] of Object.entries(limits)) {
      const indexes = known.flatMap((_, index) => (namesOf(index).includes(name) ? [index] : []));
      if (indexes.length > 0) groups.push({ rule, name, maxMs, maxBytes: maxMiB * mebibyte, indexes });
    }
  };
  add('ops', ops, (index) => [known[index].op]);
  add('nodes', nodes, (index) => {
    const { node, function: body } = known[index];
    return body === undefined ? [node] : [node, `${body}/${node}`];
  });
  return groups;
}
