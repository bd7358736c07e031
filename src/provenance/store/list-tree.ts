// What lies in a model's folder: files with their sizes, and everything that cannot be a signed file. Bounded before anything is kept;
// contents are not read.
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { assertNotCancelled } from './store-error.ts';
import type { EntryProblem, Tree, TreeEntry } from './tree.ts';

export interface ListedFile {
  /** `.` where the model is one file. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** Something that no signature can cover. */
export interface TreeOddity {
  readonly name: string;
  readonly kind: Exclude<EntryProblem, 'missing'> | 'unnameable';
}

export interface TreeListing {
  readonly files: readonly ListedFile[];
  readonly oddities: readonly TreeOddity[];
}

export interface ListOptions {
  /** Names (relative, with `/`) that are not looked at, and nothing below them. Default none. */
  readonly skip?: (name: string) => boolean;
  /** Files and folders together. Default 100,000. */
  readonly maxFiles?: number;
  /** Folders inside each other. Default 32. */
  readonly maxDepth?: number;
  readonly signal?: AbortSignal;
}

/**
 * Goes through everything below an open model. A folder by itself is nothing: signatures do not know folders.
 * @throws MODEL_INVALID when a limit is passed; CANCELLED.
 */
export async function listTree(tree: Tree, options: ListOptions = {}): Promise<TreeListing> {
  if (tree.fileBytes !== undefined) return { files: [{ name: '.', sizeBytes: tree.fileBytes }], oddities: [] };
  const { skip = () => false, maxFiles = 100_000, maxDepth = 32, signal } = options;
  const files: ListedFile[] = [];
  const oddities: TreeOddity[] = [];
  const folders = [''];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder.split('/').length > maxDepth) throw tooMuch(`is nested deeper than ${maxDepth} levels`);
    const take = (entry: TreeEntry): void => {
      const name = join(folder, entry.name ?? entry.rawName);
      if (entry.name === undefined) oddities.push({ name, kind: 'unnameable' });
      else if (skip(name)) return;
      else if (entry.kind === 'file') files.push({ name, sizeBytes: entry.sizeBytes });
      else if (entry.kind === 'folder') folders.push(name);
      else oddities.push({ name, kind: entry.kind });
    };
    try {
      for await (const portion of tree.list(folder)) {
        assertNotCancelled(signal);
        entries += portion.length;
        if (entries > maxFiles) throw tooMuch(`has more than ${maxFiles} files`);
        portion.forEach(take);
      }
    } catch (thrown) {
      if (isAirlockError(thrown)) throw thrown;
      // Also a folder that became a link since its parent was read: what was in it must not look as if it had never been there.
      oddities.push({ name: folder === '' ? '.' : folder, kind: 'unreadable' });
    }
  }
  return { files, oddities };
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function tooMuch(text: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `The model ${text}` });
}
