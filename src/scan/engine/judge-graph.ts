// Everything that is said about one graph, in one order: what it can do, what it may cost, what published vulnerabilities it reaches. The readers of
// the formats know nothing of each other and hand their graphs here.

import type { Program } from '../graph/index.ts';
import { type FolderFacts, judgeProgram } from '../hazards/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { judgeLoops, judgeSizes, openValues } from '../values/index.ts';
import { collectUses } from './collect-uses.ts';
import { judgeConstants } from './judge-constants.ts';

export function judgeGraph(program: Program, folder: FolderFacts, context: ScanContext): void {
  const values = openValues(program, context);
  judgeProgram(program, values, context, folder);
  judgeSizes(program, values, context);
  judgeLoops(program, values, context);
  judgeConstants(program, context);
  collectUses(program, values, context);
}
