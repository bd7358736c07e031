// A jail that holds nothing, for tests of what supervises a worker.
import type { ModelChunk } from '../../src/model/index.ts';
import type { Jail } from '../../src/sandbox/index.ts';
import { startPlainProcess } from './plain-process.ts';

export function plainJail(): Jail {
  return {
    level: 'none',
    layers: [],
    surroundings: [],
    start: startPlainProcess,
    missing: () => [],
    pathInside: (file) => file,
    close: async () => undefined,
  };
}

/** For a worker that needs no model. */
export async function* noContent(): AsyncGenerator<ModelChunk> {}
