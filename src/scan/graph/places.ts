// What every judge of a program says in the same way: where a node is, all places to look at, and what it lowers that somebody must go out of his way.
import { compareSeverity, lowered, type Severity } from '../../core/index.ts';
import type { Location, Trigger } from '../scan-types.ts';
import type { Body, Program } from './graph-types.ts';

/** All bodies, the main graph first. */
export function bodiesOf(program: Program): readonly Body[] {
  return [program.main, ...program.functions.values()];
}

/** Of a node; without one, of the body. */
export function locationOf(program: Program, body: Body, node?: number): Location {
  const { file, metaGraph } = program;
  return {
    file,
    ...(metaGraph === undefined ? {} : { metaGraph }),
    ...(body.function === undefined ? {} : { function: body.function }),
    ...(node === undefined ? {} : { node: body.name(node), op: body.op(node) }),
  };
}

/**
 * What nobody asks for by itself is worth a level less: functions that are not signatures, and saving. What nothing reaches does not happen at all (a
 * node without an edge to a result is pruned, also a stateful one; verified with TensorFlow 2.21).
 */
export function severityByTrigger(severity: Severity, trigger: Trigger): Severity {
  if (trigger === 'none') return compareSeverity(severity, 'low') > 0 ? 'low' : severity;
  return trigger === 'api' || trigger === 'saver' ? lowered(severity) : severity;
}
