// Tells which operations a program has, how they are reached and whether a request decides what goes in. Only operations of TensorFlow are told:
// names that a model makes up could fill the list, and no advisory is about them. Of each operation a bounded number of nodes is looked at closely.
import { type Body, bodiesOf, locationOf, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Values } from '../values/index.ts';

/** Reached nodes of one operation whose inputs are looked at. What goes into further ones is not known, and so is not taken for constant. */
const maxNodesPerOp = 4096;
const kind = 'tensorflow-op';
const jitAttr = '_XlaMustCompile';
const xlaOps: ReadonlySet<string> = new Set(['XlaLaunch', 'XlaLaunchV2', 'XlaCallModule', 'XlaRun', 'XlaCompileOnDemand']);

export function collectUses(program: Program, values: Values, context: ScanContext): void {
  const counts = new Map<string, number>();
  context.use({ kind: 'component', name: 'graph', trigger: 'load', location: locationOf(program, program.main) });
  for (const body of bodiesOf(program)) {
    const jit = body.functionAttr(jitAttr);
    if (jit?.case === 'b' && jit.value)
      context.use({ kind: 'component', name: 'xla', trigger: 'inference', location: locationOf(program, body) });
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (xlaOps.has(op))
        context.use({ kind: 'component', name: 'xla', trigger: 'inference', location: locationOf(program, body, node) });
      const count = counts.get(op) ?? 0;
      if (count === Number.POSITIVE_INFINITY || context.ops.get(op) === undefined) continue;
      const triggers = program.reach.triggersOf(body, node);
      const trigger = triggers.includes('inference') ? 'inference' : (triggers[0] ?? 'none');
      const isClose = trigger !== 'none' && count < maxNodesPerOp;
      const isRequestControlled = isClose ? isControlled(body, node, values) : undefined;
      const location = locationOf(program, body, node);
      context.use({ kind, name: op, trigger, location, ...(isRequestControlled === undefined ? {} : { isRequestControlled }) });
      // Nothing worse can be said of an operation than that a request reaches it with its own data.
      if (trigger === 'inference' && isRequestControlled === true) counts.set(op, Number.POSITIVE_INFINITY);
      else if (isClose) counts.set(op, count + 1);
    }
  }
  for (const { program: inner, isRun } of program.nested) if (isRun) collectUses(inner, values, context);
}

function isControlled(body: Body, node: number, values: Values): boolean {
  return body.inputs(node).some((edge) => {
    const { origins } = values.of(body, edge);
    return origins.has('request') || origins.has('computed');
  });
}
