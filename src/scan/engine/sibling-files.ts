// The files beside one that was given by itself, for models that are several files: a TensorFlow.js manifest and its weights, the index of a
// checkpoint and its data. Only names are listed, one level deep; what is opened is what the model names.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Source } from '../scan-context.ts';
import { openFile } from '../source/index.ts';

export interface SiblingFiles {
  readonly names: readonly string[];
  open(name: string): Source | undefined;
}

/** A folder with more is somebody's home and not a model. */
const maxNames = 10_000;

/** Empty where the folder may not be listed. Files that cannot be opened are not there. */
export function siblingFiles(path: string): SiblingFiles {
  const folder = dirname(path);
  let names: readonly string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .slice(0, maxNames);
  } catch {
    names = [];
  }
  const known = new Set(names);
  return {
    names,
    // A name from the model is looked up in the list, and never joined to a path as it is.
    open: (name) => (known.has(name) ? openFile(join(folder, name), name) : undefined),
  };
}
