// What the inventory of a scan says about the programs of one file.
import type { Artifact } from '../scan-types.ts';
import type { Program } from './graph-types.ts';

/** Numbers of MetaGraphs, nodes of main graphs, functions and signatures, and which TensorFlow wrote it where that is said. */
export function programFacts(programs: readonly Program[]): Artifact['facts'] {
  const versions = new Set(programs.map(({ tensorflowVersion }) => tensorflowVersion).filter((version) => version !== ''));
  return {
    metaGraphs: programs.length,
    nodes: programs.reduce((sum, { main }) => sum + main.nodeCount, 0),
    functions: programs.reduce((sum, { functions }) => sum + functions.size, 0),
    signatures: programs.reduce((sum, { signatures }) => sum + signatures.length, 0),
    ...(versions.size === 0 ? {} : { tensorflow: [...versions].join(', ') }),
  };
}
