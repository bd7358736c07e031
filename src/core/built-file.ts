// Where the build has a file that is run and not imported: the entries of processes.
import { fileURLToPath } from 'node:url';

/**
 * The path of the built file `name` beside the module of this URL (`import.meta.url`). For a module that runs from source, as in tests,
 * it is the one in dist: Node 20 cannot run TypeScript.
 */
export function builtFile(moduleUrl: string, name: string): string {
  const builtModule = moduleUrl.endsWith('.ts') ? moduleUrl.replace(/^(.*)\/src\//, '$1/dist/') : moduleUrl;
  return fileURLToPath(new URL(name, builtModule));
}
