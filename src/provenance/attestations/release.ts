// The statement that binds files to the name and the version of a model. A model signature alone does not: a validly signed model could be
// served under another name, or an old version as a new one.
import type { Statement } from '../provenance-types.ts';
import { attestationTypeOf } from './predicate-types.ts';

/** A model's name and version as a release statement gives them. */
export interface Release {
  readonly model: string;
  /** 0 to 2^63-1. */
  readonly version: bigint;
}

/** Room for a name of 128 characters, each of them four bytes long and percent-encoded. */
const maxPurlLength = 2_048;
const maxVersion = 2n ** 63n - 1n;
const form = /^pkg:generic\/([^/@?#]+)@(0|[1-9][0-9]{0,18})$/;

/**
 * `pkg:generic/NAME@VERSION` in its one canonical form: the name's UTF-8 percent-encoded but for letters, digits and `-._~`.
 * @throws URIError for a name with half of a surrogate pair.
 */
export function releasePurl({ model, version }: Release): string {
  return `pkg:generic/${encodeName(model)}@${version}`;
}

/** encodeURIComponent leaves some characters that a purl has encoded. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * Which model in which version a release statement is about; undefined for any other statement, and for a purl that is not in the canonical
 * form, has qualifiers or a subpath: two texts for one name would let one of them slip past a comparison. Does not look at the subject.
 */
export function releaseOf(statement: Statement): Release | undefined {
  const { purl } = statement.predicate;
  if (attestationTypeOf(statement.predicateType) !== 'release' || typeof purl !== 'string') return undefined;
  const parts = purl.length > maxPurlLength ? null : form.exec(purl);
  if (parts === null) return undefined;
  const model = decodeName(parts[1]);
  const release = { model: model ?? '', version: BigInt(parts[2]) };
  return model !== undefined && release.version <= maxVersion && releasePurl(release) === purl ? release : undefined;
}

/** Undefined where percent signs do not make UTF-8. */
function decodeName(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
