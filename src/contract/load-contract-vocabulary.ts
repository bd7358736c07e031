// Reads the vocabulary files that a contract names. They must lie below the folder of the contract, be regular files, be bounded and be
// what the contract's SHA-256 says: a contract must not be a way to read another file of this machine.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { isPlainRelativeName } from '../tensor/index.ts';
import type { Vocabulary } from './contract-types.ts';

const mebibyte = 1024 * 1024;
const maxFileBytes = 64 * mebibyte;
const maxTotalBytes = 256 * mebibyte;

/** A file's bytes, or in words what was expected of it. */
export type VocabularyFile = { readonly bytes: Uint8Array } | { readonly mistake: string };

/** The files by the names that the contract gives them. Never throws for a file that cannot be used; its mistake says why. `limits` are 64 MiB and 256 MiB. */
export async function readVocabularyFiles(
  folder: string,
  names: Iterable<string>,
  limits: { readonly maxFileBytes: number; readonly maxTotalBytes: number } = { maxFileBytes, maxTotalBytes },
): Promise<ReadonlyMap<string, VocabularyFile>> {
  const files = new Map<string, VocabularyFile>();
  let left = limits.maxTotalBytes;
  for (const name of names) {
    const file = await readVocabularyFile(folder, name, Math.min(left, limits.maxFileBytes));
    if ('bytes' in file) left -= file.bytes.length;
    files.set(name, file);
  }
  return files;
}

async function readVocabularyFile(folder: string, name: string, maxBytes: number): Promise<VocabularyFile> {
  const outside = { mistake: 'a file below the folder of the contract, without . and ..' };
  if (isAbsolute(name) || !isPlainRelativeName(name)) return outside;
  try {
    // Resolved first: a symlink may lead to another file of the same folder (as ConfigMaps of Kubernetes do), but not out of it.
    const [root, target] = [await realpath(folder), await realpath(join(folder, name))];
    if (!target.startsWith(root === sep ? root : root + sep)) return outside;
    const handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const { size, isRegular } = await handle.stat().then((stat) => ({ size: stat.size, isRegular: stat.isFile() }));
      if (!isRegular) return { mistake: 'a regular file' };
      if (size > maxBytes) return tooLarge;
      const bytes = Buffer.alloc(size);
      let length = 0;
      while (length < size) {
        const { bytesRead } = await handle.read(bytes, length, size - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return { bytes: bytes.subarray(0, length) };
    } finally {
      await handle.close();
    }
  } catch {
    return { mistake: 'a file that can be read' }; // why not would say something about this machine
  }
}

const tooLarge = { mistake: `a file of at most ${maxFileBytes} bytes, and ${maxTotalBytes} bytes of all vocabularies together` };

/** The lines of a vocabulary, or in words what was expected. A carriage return before the end of a line is not part of it. */
export function vocabularyEntries(vocabulary: Vocabulary, file: VocabularyFile | undefined): ReadonlySet<string> | string {
  if (file === undefined) return 'a file that can be read';
  if ('mistake' in file) return file.mistake;
  if (file.bytes.length > maxFileBytes) return tooLarge.mistake;
  const sha256 = createHash('sha256').update(file.bytes).digest('hex');
  if (sha256 !== vocabulary.sha256) return `a file with the SHA-256 ${vocabulary.sha256}; it has ${sha256}`;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(file.bytes);
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    return new Set(lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)));
  } catch {
    return 'UTF-8 text'; // the decoder's own error says no more than that
  }
}
