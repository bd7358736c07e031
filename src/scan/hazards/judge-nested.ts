// Graphs that lie in strings. Where an operation runs the string, everything in it happens; where none does, something outside of the model
// would have to, which is said one level lower. A string that is made while the model runs cannot be analysed, and that is a finding by itself.

import type { Body } from '../graph/index.ts';
import { type NestedProgram, readComputedGraph } from '../graph/index.ts';
import { judgeLoops, judgeSizes, openValues } from '../values/index.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard } from './report-hazard.ts';

const maxComputed = 16;
const maxDepth = 5;

/** The bytes that the string may be; undefined when that is not known. */
function graphsOf(c: Case, body: Body, node: number): readonly Buffer[] | undefined {
  const [value] = c.values.namedInput(body, node, 'graph_def');
  const { constants } = value ?? {};
  if (constants === undefined || !constants.every(({ strings }) => strings !== undefined)) return undefined;
  return constants.flatMap(({ strings }) => strings ?? []);
}

function reportString(c: Case, body: Body, node: number): void {
  const [value] = c.values.namedInput(body, node, 'graph_def');
  const isRequest = value?.origins.has('request') === true;
  const why = isRequest ? 'that the request brings' : 'that the model makes while it runs';
  reportHazard(c, body, node, {
    ruleId: 'code-execution/graph-from-string',
    severity: isRequest ? 'critical' : 'high',
    message: `${named(body, node)} imports and runs a graph out of a string ${why}, which cannot be analysed,`,
    argument: { name: 'graph_def', origin: isRequest ? 'request' : 'computed' },
  });
}

/** Judges DatasetFromGraph; gives the graphs that only running the model would have made. */
export function judgeGraphFromString(c: Case, body: Body, node: number): readonly NestedProgram[] {
  const graphs = graphsOf(c, body, node);
  const index = c.context.ops.get('DatasetFromGraph')?.inputs.findIndex(({ name }) => name === 'graph_def') ?? 0;
  const creators = c.resources.creatorsAt(body, node, index);
  // What stands as it is in a constant was read with the program.
  const isRead =
    creators.length > 0 &&
    creators.every((ref) => ref.body.op(ref.node) === 'Const') &&
    c.program.nested.some(({ isRun }) => isRun);
  if (graphs === undefined && !isRead) {
    reportString(c, body, node);
    return [];
  }
  const [value] = c.values.namedInput(body, node, 'graph_def');
  // A long string is a constant that is not held as a value; the graph was read where it stands.
  const isMade = graphs === undefined && [...(value?.origins ?? [])].some((origin) => origin !== 'constant');
  if (isMade) reportString(c, body, node);
  else {
    reportHazard(c, body, node, {
      ruleId: 'code-execution/embedded-graph',
      severity: 'medium',
      message: `${named(body, node)} imports and runs a graph that stands in a string of the model`,
      argument: { name: 'graph_def', origin: 'constant-inside' },
    });
  }
  if (isRead || graphs === undefined) return [];
  return graphs.slice(0, maxComputed).flatMap((bytes) => {
    const nested = readComputedGraph(bytes, { body, node }, c.program, c.context);
    return nested === undefined ? [] : [nested];
  });
}

/** Judges the graphs in strings of a program, with what `judge` does for every graph. */
export function judgeNested(
  c: Case,
  computed: readonly NestedProgram[],
  judge: (nested: Omit<Case, 'resources' | 'budget'>) => void,
): void {
  const all = [...c.program.nested, ...computed];
  if (all.length > 0 && c.depth >= maxDepth) {
    c.context.unreadable(c.program.file, 'graphs lie in strings of graphs too deep');
    return;
  }
  for (const nested of all) {
    const { program, isRun } = nested;
    const values = openValues(program, c.context);
    if (isRun) {
      judgeLoops(program, values, c.context);
      judgeSizes(program, values, c.context);
    }
    judge({
      program,
      values,
      context: c.context,
      folder: { ...c.folder, kind: 'graph-def' },
      depth: c.depth + 1,
      isHeld: c.isHeld || !isRun,
    });
  }
}
