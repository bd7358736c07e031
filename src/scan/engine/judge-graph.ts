// Everything that is said about one graph, in one order: what it can do, what it may cost, what published vulnerabilities it reaches. The readers of
// the formats know nothing of each other and hand their graphs here.
import { collectUses } from '../advisories/index.ts';
import type { Program } from '../graph/index.ts';
import { type FolderFacts, judgeProgram } from '../hazards/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { judgeLoops, judgeSizes, openValues } from '../values/index.ts';
import { judgeConstants } from './judge-constants.ts';

export function judgeGraph(program: Program, folder: FolderFacts, context: ScanContext): void {
  const values = openValues(program, context);
  judgeProgram(program, values, context, folder);
  judgeSizes(program, values, context);
  judgeLoops(program, values, context);
  judgeConstants(program, context);
  collectUses(program, values, context);
}

/** For the inventory. */
export function graphFacts(programs: readonly Program[]): Record<string, string | number> {
  let nodes = 0;
  let functions = 0;
  const signatures = new Set<string>();
  const versions = new Set<string>();
  for (const program of programs) {
    nodes += program.main.nodeCount;
    functions += program.functions.size;
    for (const body of program.functions.values()) nodes += body.nodeCount;
    for (const { name } of program.signatures) if (!name.startsWith('__saved_model')) signatures.add(name);
    if (program.tensorflowVersion !== '') versions.add(program.tensorflowVersion);
  }
  return {
    nodes,
    functions,
    ...(signatures.size === 0 ? {} : { signatures: [...signatures].slice(0, 8).join(' ') }),
    ...(versions.size === 0 ? {} : { tensorflow: [...versions].join(' ') }),
  };
}
