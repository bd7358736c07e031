// Where an installed package lies: its native files are named to the jail one by one.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { AirlockError } from './errors.ts';

/** As Node looks for a package: in node_modules of each folder from `start` upwards. @throws ENVIRONMENT_LACKING when there is none. */
export function packageFolder(name: string, start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return candidate;
    if (folder === path.dirname(folder)) break;
  }
  throw new AirlockError('ENVIRONMENT_LACKING', { detail: `the package ${name} is not installed` });
}
