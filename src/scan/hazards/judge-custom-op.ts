// Operations that TensorFlow does not have: each needs a native library loaded into the process, and nobody can say from the graph what it
// does. What is TensorFlow's own is asked of the committed list of operations, never of the host.
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { judgeEngine } from './judge-code.ts';
import { engineOps, libraryOf } from './op-risks-custom.ts';
import { named, reportHazard } from './report-hazard.ts';

// Kernels that graph rewriting puts in (oneDNN, grappler) differ between builds of TensorFlow and only compute.
const internalOp = /^_+(?:Mkl|OneDnn|Fused|Itex|Nop|Unary|Tensor|Quantized)/;

/** True when the operation has to come from outside of TensorFlow. */
export function isCustomOp(c: Case, op: string): boolean {
  return c.context.ops.get(op) === undefined && !c.program.functions.has(op);
}

/** Judges a node with such an operation. */
export function judgeCustomOp(c: Case, body: Body, node: number): void {
  const op = body.op(node);
  if (engineOps.has(op)) {
    judgeEngine(c, body, node);
    return;
  }
  const library = libraryOf(op);
  if (internalOp.test(op)) {
    reportHazard(c, body, node, {
      ruleId: 'custom-op/internal',
      severity: 'low',
      message: `${named(body, node)} is an internal operation that this TensorFlow (${c.context.tensorflow}) does not have; it fails`,
    });
    return;
  }
  reportHazard(c, body, node, {
    ruleId: library === undefined ? 'custom-op/unknown' : 'custom-op/known-library',
    severity: library === undefined ? 'high' : 'medium',
    message:
      library === undefined
        ? `${named(body, node)} is a custom operation that TensorFlow ${c.context.tensorflow} does not have and that runs native code of an unknown library`
        : `${named(body, node)} is a custom operation of ${library} that TensorFlow ${c.context.tensorflow} does not have and that runs native code of that library`,
    argument: { name: 'op', value: op },
  });
}
