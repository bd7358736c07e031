// From what a program is read, and the reach of its roots: of a whole file, or of a graph in a string of another one.
import type { GraphBody } from './graph-body.ts';
import type { NodeRef, Program, Root } from './graph-types.ts';
import type { MetaGraphParts } from './meta-graph.ts';
import type { Notes } from './notes.ts';
import { GraphReach, type ReachInput } from './reach.ts';
import { findNestedRoots, findRoots } from './roots.ts';
import type { Span } from './wire-message.ts';

/** What a program is read from. */
export interface ProgramSource {
  readonly bytes: Buffer;
  readonly file: string;
  readonly kind: Program['kind'];
  readonly graph: readonly Span[];
  readonly parts: MetaGraphParts | undefined;
  readonly metaGraphCount: number;
  readonly notes: Notes;
  /** Set when it lies in a string of another one. */
  readonly outer:
    | { readonly program: Program; readonly holder: NodeRef; readonly isRun: boolean; readonly depth: number }
    | undefined;
}

export interface Reached {
  readonly roots: readonly Root[];
  readonly reach: GraphReach;
}

export function reachFrom(
  input: ReachInput,
  source: ProgramSource,
  main: GraphBody,
  functions: ReadonlyMap<string, GraphBody>,
): Reached {
  const { kind, parts, metaGraphCount } = source;
  let known: GraphReach | undefined;
  const roots = [
    ...findRoots({ kind, main, functions, parts, metaGraphCount }, (before, body) => {
      known ??= new GraphReach(input, before);
      return known.isEntered(body);
    }),
  ];
  let reach = known !== undefined && known.rootCount === roots.length ? known : new GraphReach(input, roots);
  // Nodes in a circle that nothing leaves: no sink leads to them, and a person can still fetch them.
  if (parts === undefined) {
    const left = nodesWithout(reach, main);
    if (left.length > 0) {
      roots.push({ trigger: 'inference', label: 'fetch', body: main, nodes: left });
      reach = new GraphReach(input, roots);
    }
  }
  return { roots, reach };
}

function nodesWithout(reach: GraphReach, main: GraphBody): readonly number[] {
  const left: number[] = [];
  for (let node = 0; node < main.nodeCount; node++) if (!reach.isReached(main, node)) left.push(node);
  return left;
}

export function nestedReach(input: ReachInput, main: GraphBody, outer: NonNullable<ProgramSource['outer']>): Reached {
  const { program, holder, isRun } = outer;
  const roots = findNestedRoots(main, isRun ? program.reach.triggersOf(holder.body, holder.node) : ['none']);
  const reach = new GraphReach(input, roots, {
    chainTo: (trigger) => program.reach.chainTo(holder.body, holder.node, trigger),
  });
  return { roots, reach };
}
