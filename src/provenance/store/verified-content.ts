// Watches a model's content on its way to a worker: every byte that is loaded, also after a restart, is one that was signed. Holds back the
// last piece of each file until all of it was hashed, so no file is ever delivered whole that is another one.
import { createHash, type Hash } from 'node:crypto';
import { AirlockError, printable } from '../../core/index.ts';
import { isReadByTensorFlow, type ModelChunk } from '../../model/index.ts';
import type { Manifest } from '../provenance-types.ts';

interface CurrentFile {
  readonly name: string;
  readonly hash: Hash;
  held: ModelChunk;
}

/**
 * Passes `chunks` on, as `readModelContent` gives them: the pieces of one file follow each other.
 * @throws MODEL_TAMPERED for a file that the manifest does not name, comes twice or has another content, before its last piece; and after the
 * last file when one is missing that TensorFlow reads.
 */
export async function* verifiedContent(chunks: AsyncIterable<ModelChunk>, manifest: Manifest): AsyncGenerator<ModelChunk> {
  const missing = new Map(manifest.files.map(({ name, digest }) => [name, digest]));
  const algorithm = manifest.hashType === 'sha256' ? 'sha256' : 'blake2b512';
  const finish = (file: CurrentFile): ModelChunk => {
    if (file.hash.digest('hex') !== missing.get(file.name)) throw tampered(file.name, 'other content');
    missing.delete(file.name);
    return file.held;
  };
  let current: CurrentFile | undefined;
  for await (const chunk of chunks) {
    const { name } = chunk;
    if (current?.name === name) {
      yield current.held;
      current.held = chunk;
    } else {
      if (current !== undefined) yield finish(current);
      if (!missing.has(name)) throw tampered(name, 'a file that was not signed, or one that came before');
      current = { name, hash: createHash(algorithm), held: chunk };
    }
    current.hash.update(chunk.chunk);
  }
  if (current !== undefined) yield finish(current);
  const absent = [...missing.keys()].find(isReadByTensorFlow);
  if (absent !== undefined) throw tampered(absent, 'no such file');
}

function tampered(name: string, got: string): AirlockError {
  const path = printable(name, 256);
  return new AirlockError('MODEL_TAMPERED', {
    message: `The model's files are not the ones that were signed: ${path}: ${got}`,
    violations: [{ path, rule: 'modified', expected: 'the file that was signed', got }],
  });
}
