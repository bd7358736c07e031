// Tells which operations of a program published vulnerabilities are about, how they are reached and whether a request decides what goes in. Only
// operations that some advisory names are looked at, so that a graph of any size costs one pass.
import { advisoryData } from '../../advisories/index.ts';
import { type Body, bodiesOf, locationOf, type Program } from '../graph/index.ts';
import type { ScanContext, Use } from '../scan-context.ts';
import type { Location } from '../scan-types.ts';
import type { Values } from '../values/index.ts';

/** Nodes of one operation that are looked at closely; the rest are like them. */
const maxNodesPerOp = 64;
const jitAttr = '_XlaMustCompile';
const xlaOps: ReadonlySet<string> = new Set(['XlaLaunch', 'XlaLaunchV2', 'XlaCallModule', 'XlaRun', 'XlaCompileOnDemand']);

export function collectUses(program: Program, values: Values, context: ScanContext): void {
  const wanted = new Set(advisoryData().tensorflow.flatMap(({ ops = [] }) => ops));
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
      if (!wanted.has(op)) continue;
      const count = (counts.get(op) ?? 0) + 1;
      counts.set(op, count);
      if (count <= maxNodesPerOp) context.use(useOf(op, body, node, program, values, locationOf(program, body, node)));
    }
  }
  for (const { program: inner, isRun } of program.nested) if (isRun) collectUses(inner, values, context);
}

function useOf(op: string, body: Body, node: number, program: Program, values: Values, location: Location): Use {
  const [trigger = 'none'] = program.reach.triggersOf(body, node);
  const inputs = body.inputs(node).map((edge) => values.of(body, edge));
  return {
    kind: 'tensorflow-op',
    name: op,
    trigger,
    location,
    isRequestControlled: inputs.some(({ origins }) => origins.has('request') || origins.has('computed')),
  };
}
