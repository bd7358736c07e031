// Writes the results of a command: all files or an error, and never over something that is there. A half-written contract would be one that
// nobody meant, so each file gets its name when it is complete.
import { link, lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';

/**
 * Writes each file under its path. One that is there already with the same content is left as it is.
 * @throws USAGE when a file is there with other content, or its folder cannot be written; what this call wrote before is kept.
 */
export async function writeNewFiles(files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  for (const [file, content] of files) {
    const draft = `${file}.${process.pid}.tmp`;
    try {
      await writeFile(draft, content, { flag: 'wx' });
      // Unlike a rename, a link fails when the name is taken.
      await link(draft, file);
    } catch (thrown) {
      if (await holds(file, content)) continue;
      const exists = thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
      const name = printable(basename(file), 200);
      throw new AirlockError('USAGE', {
        message: exists ? `${name} exists already: remove it or choose another name` : `${name} could not be written`,
        detail: printable(file, 4_096),
        cause: thrown,
      });
    } finally {
      await rm(draft, { force: true });
    }
  }
}

async function holds(file: string, content: string | Uint8Array): Promise<boolean> {
  const bytes = Buffer.from(content as Uint8Array);
  // A named pipe or a device in its place would be read for ever.
  const stats = await lstat(file).catch(() => undefined);
  if (stats === undefined || !stats.isFile() || stats.size !== bytes.length) return false;
  return (await readFile(file)).equals(bytes);
}
