// Reads a page of a package index in JSON (PEP 691, with the fields of PEP 700 and 740). The page is hostile input: bounded by who fetched
// it, and each entry is checked by simple-file.ts. Unknown keys are ignored, as the specification asks.
import { AirlockError } from '../core/index.ts';
import { checkFile } from './simple-file.ts';
import { type IndexFile, maxIndexFiles } from './simple-types.ts';

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function refuse(why: string): AirlockError {
  return new AirlockError('FEED_UNAVAILABLE', { message: `The package index answered with a page that cannot be used: ${why}` });
}

/**
 * The files of a page that can be used, in its order. `base` is the address that the page came from.
 * @throws FEED_UNAVAILABLE for what is no such page, has another major version of the interface, or more than 50,000 files
 */
export function readSimpleJson(bytes: Buffer, base: URL): readonly IndexFile[] {
  let page: unknown;
  try {
    page = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse('it is no JSON');
  }
  const { meta, files } = fieldsOf(page);
  const version = fieldsOf(meta)['api-version'];
  // PEP 629: another major version means something else by the same words.
  if (typeof version !== 'string' || !/^1\.\d{1,4}$/.test(version)) throw refuse('it has no api-version 1');
  if (!Array.isArray(files)) throw refuse('it has no list of files');
  if (files.length > maxIndexFiles) throw refuse(`it has more than ${maxIndexFiles} files`);
  return files.flatMap((entry: unknown) => {
    const { filename, url, hashes, size, yanked, provenance, ...rest } = fieldsOf(entry);
    const { sha256 } = fieldsOf(hashes);
    const raw = { name: filename, url, sha256, bytes: size, published: rest['upload-time'], yanked, provenance };
    return checkFile(raw, base) ?? [];
  });
}
