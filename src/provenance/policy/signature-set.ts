// Reads the files that hold the signatures of one version of a model: `model.sig` and what lies in `model.sig.d`. They are hostile until a signer
// has been found for them: how many and how large they are is bounded, and no link is followed. Which of them counts is not decided here.
import { basename, dirname, join } from 'node:path';
import { AirlockError, isAirlockError, printable } from '../../core/index.ts';
import { maxBundleBytes } from '../format/index.ts';
import { openTree, type Tree } from '../store/index.ts';

/** Where a model lies, and where its signatures do when that is another place. */
export interface SignaturePlace {
  readonly modelPath: string;
  readonly model: string;
  readonly version: bigint | undefined;
  /** The policy's `signatures`. */
  readonly folder: string | undefined;
  /** The first bundle itself, where the caller knows it. */
  readonly file?: string | undefined;
}

/** One file of the set, in order: `model.sig` first, then those of `model.sig.d` by the bytes of their names. */
export interface SignatureFile {
  /** Relative and printable. */
  readonly name: string;
  /** What is in it, or why it cannot be read. */
  readonly content: Buffer | string;
}

/** Entries of `model.sig.d`. */
export const maxSignatureFiles = 64;
/** Of all files together: two bundles of the largest models, or as much as it takes to keep a server from doing anything else for a while. */
export const maxSignatureBytes = 4 * maxBundleBytes;

const chunkBytes = 1024 * 1024;

/**
 * The files one after the other, so that no more than one is in memory. None at all where there is no signature.
 * @throws BUNDLE_INVALID when there are more than `maxSignatureFiles` or `maxSignatureBytes`; what openTree throws about the model itself.
 */
export async function* readSignatureSet(place: SignaturePlace): AsyncGenerator<SignatureFile> {
  const opened = await openPlace(place);
  if (opened === undefined) return;
  const { tree, first } = opened;
  try {
    let leftBytes = maxSignatureBytes;
    for (const { path, name, problem } of await listSet(tree, first)) {
      const content = problem ?? (await readFile(tree, path, leftBytes));
      if (content === undefined) continue;
      if (typeof content !== 'string') leftBytes -= content.length;
      yield { name, content };
    }
  } finally {
    await tree.close();
  }
}

interface OpenPlace {
  readonly tree: Tree;
  /** Name of the first file below it; the folder of the others is called the same with `.d`. */
  readonly first: string;
}

async function openPlace({ modelPath, model, version, folder, file }: SignaturePlace): Promise<OpenPlace | undefined> {
  if (file !== undefined) return { tree: await openTree(dirname(file)), first: basename(file) };
  if (folder !== undefined) {
    if (version === undefined || model === '.' || model === '..') {
      const message = 'Signatures that lie in a place of their own are found by the name and the version of the model';
      throw new AirlockError('TRUST_REFUSED', { message });
    }
    const place = join(folder, model, String(version));
    try {
      return { tree: await openTree(place), first: 'model.sig' };
    } catch (thrown) {
      if (isAirlockError(thrown) && thrown.code === 'MODEL_NOT_FOUND') return undefined;
      throw new AirlockError('BUNDLE_INVALID', {
        message: 'The folder of signatures cannot be read',
        cause: thrown,
        detail: place,
      });
    }
  }
  const tree = await openTree(modelPath);
  if (tree.fileBytes === undefined) return { tree, first: 'model.sig' };
  await tree.close();
  return { tree: await openTree(dirname(modelPath)), first: `${basename(modelPath)}.sig` };
}

interface SetEntry {
  readonly path: string;
  readonly name: string;
  readonly problem?: string;
}

async function listSet(tree: Tree, first: string): Promise<SetEntry[]> {
  const folder = `${first}.d`;
  const names: string[] = [];
  const entries: SetEntry[] = [];
  try {
    for await (const portion of tree.list(folder)) {
      for (const { name } of portion) {
        if (name === undefined) entries.push({ path: '', name: folder, problem: 'a name in it is not UTF-8' });
        else names.push(name);
      }
      if (names.length + entries.length > maxSignatureFiles) throw tooMuch(`${maxSignatureFiles} files of signatures`);
    }
  } catch (thrown) {
    if (isAirlockError(thrown)) throw thrown;
    // Most models have none. A link, a file or what may not be read in its place counts as nothing more than that.
    if (Reflect.get(Object(thrown), 'code') !== 'ENOENT')
      entries.push({ path: '', name: folder, problem: 'it is not a folder that can be read' });
  }
  names.sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  const others = names.map((name) => ({ path: `${folder}/${name}`, name: printable(`${folder}/${name}`, 256) }));
  return [{ path: first, name: printable(first, 256) }, ...others, ...entries];
}

/** Undefined when there is no such file. */
async function readFile(tree: Tree, path: string, leftBytes: number): Promise<Buffer | string | undefined> {
  const opened = await tree.openFile(path);
  if (opened === 'missing') return undefined;
  if (typeof opened === 'string') return opened === 'link' ? 'it is a symbolic link' : 'it is not a file that can be read';
  const { handle, sizeBytes } = opened;
  try {
    if (sizeBytes > maxBundleBytes) return `it is larger than ${maxBundleBytes} bytes`;
    if (sizeBytes > leftBytes) throw tooMuch(`${maxSignatureBytes} bytes of signatures`);
    const chunks: Buffer[] = [];
    // To the end of the file, but not further than a bundle may be long: it may grow meanwhile.
    const options = { start: 0, end: maxBundleBytes - 1, highWaterMark: chunkBytes, autoClose: false };
    for await (const chunk of handle.createReadStream(options)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

function tooMuch(what: string): AirlockError {
  return new AirlockError('BUNDLE_INVALID', { message: `There are more than ${what}` });
}
