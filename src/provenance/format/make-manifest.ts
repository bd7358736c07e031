// The manifest of files that are about to be signed, in the order that model-signing 1.1.1 has, so that both give one model one
// root. Knows no keys and reads no files; and makes nothing that readManifest would refuse.
import { AirlockError } from '../../core/index.ts';
import type { Manifest, ManifestFile } from '../provenance-types.ts';
import { isHex } from './fields.ts';
import { completeManifest, componentKey, digestBytes, findNameProblem, maxIgnored } from './manifest.ts';
import { maxFiles } from './parse-statement.ts';

/** What goes into a manifest besides the files. */
export interface MakeManifestOptions {
  /** What the files' digests are. Default sha256, the only one that the Python tool's command line reads. */
  readonly hashType?: Manifest['hashType'];
  /** Paths that were left out and stay unsigned, at most 256; relative to the model. */
  readonly ignored: readonly string[];
}

/** @throws SIGNING_FAILED when there is no file, there are more than 100,000, or names or digests could not be read back. */
export function makeManifest(files: readonly ManifestFile[], options: MakeManifestOptions): Manifest {
  const { hashType = 'sha256', ignored } = options;
  if (files.length === 0) throw failed('files', 'at least one file', 'none');
  if (files.length > maxFiles) throw failed('files', `at most ${maxFiles} files`, `${files.length}`);
  if (ignored.length > maxIgnored) throw failed('ignored', `at most ${maxIgnored} ignored paths`, `${ignored.length}`);
  const problem = findNameProblem(
    files.map(({ name }) => name),
    ignored,
  );
  if (problem !== undefined) throw failed(`${problem.list}[${problem.index}]`, problem.expected, problem.got);
  const bad = files.findIndex(({ digest }) => !isHex(digest, digestBytes[hashType]));
  if (bad >= 0) throw failed(`files[${bad}].digest`, `${digestBytes[hashType]} bytes in lowercase hex`, 'something else');
  const keyed = files.map((file) => ({ file, key: componentKey(file.name) }));
  const sorted = keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return completeManifest(
    sorted.map(({ file }) => file),
    hashType,
    ignored,
  );
}

function failed(path: string, expected: string, got: string): AirlockError {
  const message = `The model could not be signed: ${path} must be ${expected}, and is ${got}`;
  return new AirlockError('SIGNING_FAILED', { message, violations: [{ path, rule: 'manifest', expected, got }] });
}
