// The id that a contract gets when nobody named one. An id has letters, digits, `.`, `_` and `-`, 128 at most.
import { basename, dirname } from 'node:path';

function toId(name: string, otherwise: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 128) || otherwise;
}

/** The model's name: of its folder, or of the one above where the folder is a version. `directory` is absolute. */
export function idOfModel(directory: string): string {
  const name = basename(directory);
  return toId(/^\d+$/.test(name) ? basename(dirname(directory)) : name, 'model');
}

/** The file's name without its ending. */
export function idOfFile(file: string): string {
  return toId(basename(file).replace(/\.[A-Za-z]+$/, ''), 'imported');
}
