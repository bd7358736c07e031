// The time of a node without that of the nodes that it called. TensorFlow inlines functions into the graph where it can, and then no node contains another; a function
// that it had to call as one (PartitionedCall, a While or If of version 2 that was not lowered) shows up as a node over the time of all its body's.

/** Operations that run functions; when one of them ran, what lies within its time was it. */
const calls: ReadonlySet<string> = new Set([
  'PartitionedCall',
  'StatefulPartitionedCall',
  'RemoteCall',
  'SymbolicGradient',
  'If',
  'StatelessIf',
  'Case',
  'StatelessCase',
  'While',
  'StatelessWhile',
  'For',
  'MapDefun',
]);

interface Timed {
  readonly op: string;
  readonly startUs: number;
  readonly durationUs: number;
}

/** Per node, in the order of `nodes`, which is that of their starts. */
export function selfTimes(nodes: readonly Timed[]): Float64Array {
  const selfUs = Float64Array.from(nodes, ({ durationUs }) => durationUs);
  /** Calls that have not ended, outermost first, each with the time up to which what it called is accounted for. */
  const open: { readonly index: number; readonly endUs: number; coveredUs: number }[] = [];
  nodes.forEach(({ op, startUs, durationUs }, index) => {
    const endUs = startUs + durationUs;
    while (open.length > 0 && open[open.length - 1].endUs <= startUs) open.pop();
    const caller = open[open.length - 1];
    if (caller !== undefined) {
      const from = Math.max(startUs, caller.coveredUs);
      const to = Math.min(endUs, caller.endUs);
      if (to > from) {
        selfUs[caller.index] = Math.max(0, selfUs[caller.index] - (to - from));
        caller.coveredUs = to;
      }
    }
    if (calls.has(op) && open.length < maxDepth) open.push({ index, endUs, coveredUs: startUs });
  });
  return selfUs;
}

/** Of calls in each other; what lies deeper counts for the one at this depth. */
const maxDepth = 64;
