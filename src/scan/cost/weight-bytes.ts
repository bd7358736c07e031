// How much memory the variables and constants of a program take: what a model needs before anybody asks it anything.
import { bodiesOf, type Program } from '../graph/index.ts';
import { bytesPerElement, unknownDim, viewOf } from '../values/index.ts';

const variables: ReadonlySet<string> = new Set(['VarHandleOp', 'Variable', 'VariableV2']);

export function weightBytes(program: Program): number {
  let bytes = 0;
  for (const body of bodiesOf(program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (op === 'Const') bytes += body.attrBytes(node, 'value')?.length ?? 0;
      else if (variables.has(op)) {
        const view = viewOf(body, node, op, [], unknownDim);
        const elements = view.shape('shape')?.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 0), 1) ?? 0;
        bytes += elements * bytesPerElement(view.type('dtype'));
      }
    }
  }
  return Number.isSafeInteger(bytes) ? bytes : Number.MAX_SAFE_INTEGER;
}
