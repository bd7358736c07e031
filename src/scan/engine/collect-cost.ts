// What requests to a model will cost, where somebody asks. A fault in working it out is no fault of the model: the scan goes on, and nothing is said.
import { costOfProgram } from '../cost/index.ts';
import type { Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';

/** Tag of the graph that servers load. */
const servingTag = 'serve';

export function collectCost(program: Program, context: ScanContext): void {
  if (context.cost === undefined || !program.tags.includes(servingTag)) return;
  try {
    context.cost(costOfProgram(program, context));
  } catch {
    // Names and attributes may be anything; a model without a bound is one that a policy may refuse.
  }
}
