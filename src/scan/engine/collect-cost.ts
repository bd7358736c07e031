// What requests to a model will cost, where somebody asks. A fault in working it out is no fault of the model: the scan goes on, and nothing is said.
import { costOfProgram } from '../cost/index.ts';
import type { Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { bytesPerElement } from '../values/index.ts';

/** Tag of the graph that servers load. */
const servingTag = 'serve';

/** Type and shape of what the checkpoint has. */
type Restored = Iterable<{ readonly dtype: number; readonly shape: readonly number[] }>;

function bytesOf(restored: Restored): number {
  let bytes = 0;
  for (const { dtype, shape } of restored) bytes += shape.reduce((all, size) => all * size, bytesPerElement(dtype));
  return bytes;
}

/** @param restored What the model's checkpoint has; empty where there is none. */
export function collectCost(program: Program, context: ScanContext, restored: Restored): void {
  if (context.cost === undefined || !program.tags.includes(servingTag)) return;
  try {
    context.cost(costOfProgram(program, context, undefined, bytesOf(restored)));
  } catch {
    // Names and attributes may be anything; a model without a bound is one that a policy may refuse.
  }
}
