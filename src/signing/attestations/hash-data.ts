// Names and digests of data sets, for statements about what a model was trained on or tested with. Reads each file once and keeps nothing.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { AirlockError, printable } from '../../core/index.ts';
import { withFile } from './bounded-file.ts';

/** A data set as predicates name it. */
export interface DataDigest {
  /** The file's name, without folders: these are nobody's business. */
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/**
 * Hashes files with SHA-256, one after the other.
 * @throws USAGE for what is not a file or not there; CANCELLED
 */
export async function hashData(files: readonly string[], signal?: AbortSignal): Promise<DataDigest[]> {
  const data: DataDigest[] = [];
  for (const file of files) {
    const sha256 = await withFile(file, true, async (handle) => {
      const hash = createHash('sha256');
      for await (const chunk of handle.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false })) {
        if (signal?.aborted === true) throw new AirlockError('CANCELLED');
        hash.update(chunk);
      }
      return hash.digest('hex');
    });
    const name = basename(file);
    if (sha256 === undefined) throw new AirlockError('USAGE', { message: `There is no ${printable(name, 200)}`, detail: file });
    data.push({ name, digest: { sha256 } });
  }
  return data;
}
