// What concerns a graph as a whole: functions that call themselves, and whether a server can serve it at all.
import { bodiesOf } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { reportHazard, reportModel, triggersAt } from './report-hazard.ts';

const maxReported = 20;

/** Functions that call themselves: TensorFlow 2.21 inlines until the stack ends and dies of a segmentation fault while it loads the model. */
export function judgeRecursion(c: Case): void {
  for (const names of c.program.recursiveFunctions.slice(0, maxReported)) {
    const [first] = names;
    const body = first === undefined ? undefined : c.program.functions.get(first);
    if (body === undefined) continue;
    const call = names.flatMap((name) => {
      const callee = c.program.functions.get(name);
      return callee === undefined ? [] : c.program.callsTo(callee);
    });
    const caller = call.find(
      ({ caller: { body: from } }) => from.function !== undefined && names.includes(from.function),
    )?.caller;
    const way = names.length === 1 ? 'calls itself' : `calls itself through ${names.slice(1, 4).join(', ')}`;
    const hazard = {
      ruleId: 'crash/recursive-function',
      severity: 'critical' as const,
      effect: 'The process that loads the model dies: every other model that it serves is gone too.',
    };
    const op = caller === undefined ? '' : `, by ${caller.body.op(caller.node)} "${caller.body.name(caller.node)}",`;
    const message = `The function ${first} ${way}${op} and crashes`;
    if (caller === undefined) reportModel(c, { ...hazard, trigger: 'load', message, path: first ?? '' });
    else reportHazard(c, caller.body, caller.node, { ...hazard, message, always: 'load' });
  }
}

// Exporters nest a few dozen; TensorFlow inlines calls one in the other when it loads them.
const maxCallDepth = 1000;

/** Calls in calls, deeper than anything that a tool writes. */
export function judgeCallDepth(c: Case): void {
  for (const { body } of c.program.roots) {
    const depth = c.program.callDepth(body);
    if (!Number.isFinite(depth) || depth <= maxCallDepth) continue;
    const call = c.program.calls.find(({ caller }) => caller.body === body);
    if (call === undefined) return;
    reportHazard(c, body, call.caller.node, {
      ruleId: 'crash/deep-calls',
      severity: 'medium',
      message: `${body.op(call.caller.node)} "${body.name(call.caller.node)}" begins calls that are ${depth} functions deep (${call.callee.function} is the first)`,
      always: 'load',
    });
    return;
  }
}

// TF_GRAPH_DEF_VERSION of TensorFlow 2.21 (core/public/version.h): about one more each day.
const graphVersion = 2474;
const absurdProducer = 20_000;

/** Versions that TensorFlow 2.21 refuses (core/framework/versions.cc), and those that nothing has ever written. */
export function judgeVersions(c: Case): void {
  const { producer, minConsumer, badConsumers } = c.program.versions;
  const problem =
    minConsumer > graphVersion
      ? `min_consumer ${minConsumer}, which TensorFlow 2.21 (graph version ${graphVersion}) refuses`
      : badConsumers.includes(graphVersion)
        ? `bad_consumers with ${graphVersion}, which is TensorFlow 2.21: it refuses the graph`
        : producer < 0 || producer > absurdProducer
          ? `producer ${producer}, which no TensorFlow writes`
          : undefined;
  if (problem === undefined) return;
  reportModel(c, {
    ruleId: 'malformed/graph-version',
    severity: 'medium',
    trigger: 'load',
    message: `The versions of the GraphDef have ${problem}`,
  });
}

/** What keeps a server from serving the model, and harms nobody. */
export function judgeServability(c: Case): void {
  if (c.program.kind !== 'saved-model' || c.depth > 0) return;
  const { signatures, metaGraph } = c.program;
  if (!signatures.some(({ name }) => !name.startsWith('__saved_model_'))) {
    reportModel(c, {
      ruleId: 'servability/no-signature',
      severity: 'low',
      trigger: 'none',
      message: 'The MetaGraph has no signature: a server has nothing to serve',
    });
  }
  if (metaGraph !== undefined && !metaGraph.split(',').includes('serve')) {
    reportModel(c, {
      ruleId: 'servability/no-serve-tag',
      severity: 'info',
      trigger: 'none',
      message: `The MetaGraph has the tags ${metaGraph === '' ? '(none)' : metaGraph} and not "serve": servers do not find it`,
    });
  }
}

// Control operations and many others run on every device without a kernel of their own for CPUs; these need the accelerator that they are named for.
const acceleratorOp = /^_?(?:Cudnn|Nccl|TPU|Infeed|Outfeed|TensorRT|XlaSparseDense)|TPUEmbedding/;

/** Operations that a machine without an accelerator cannot run: said once. */
export function judgeKernels(c: Case): void {
  for (const body of bodiesOf(c.program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (
        !acceleratorOp.test(op) ||
        c.context.ops.get(op)?.hasCpuKernel !== false ||
        !triggersAt(c, body, node).includes('inference')
      )
        continue;
      reportHazard(c, body, node, {
        ruleId: 'servability/no-cpu-kernel',
        severity: 'info',
        message: `${op} "${body.name(node)}" has no implementation for CPUs and fails without an accelerator`,
      });
      return;
    }
  }
}
