// Statements about a model, as bytes to be signed. Each is read back by the very code that will judge it: what our own server could not read
// is never signed. The same facts give the same bytes.
import { AirlockError, printable } from '../../core/index.ts';
import {
  type PredicateType,
  predicateTypes,
  readPredicate,
  releaseOf,
  releasePurl,
  subjectOf,
} from '../../provenance/attestations/index.ts';
import { parseStatement, statementType } from '../../provenance/format/index.ts';
import type { Manifest } from '../../provenance/index.ts';

const maxNameLength = 128;
const maxVersion = 2n ** 63n - 1n;

/** @throws USAGE for a name that no model can have, or a version outside of 0 to 2^63-1 */
export function assertRelease(model: string, version: bigint): void {
  const isPlain = model.length <= maxNameLength && printable(model, maxNameLength) === model && !/[/:]/.test(model);
  if (!isPlain || model === '') {
    const message = `A model's name has 1 to ${maxNameLength} printable characters without / and :, and this one is "${printable(model)}"`;
    throw new AirlockError('USAGE', { message });
  }
  if (version < 0n || version > maxVersion)
    throw new AirlockError('USAGE', { message: 'A version is a whole number from 0 to 2^63-1' });
}

/** @throws USAGE with a violation per mistake */
export function assertPredicate(type: PredicateType, predicate: Readonly<Record<string, unknown>>): void {
  const { violations } = readPredicate(type, predicate);
  if (violations === undefined) return;
  const [{ path, expected, got }] = violations;
  const where = path === '' ? '' : ` at ${path}`;
  throw new AirlockError('USAGE', {
    message: `This cannot be stated as ${type}${where}: expected ${expected}, got ${got}`,
    violations,
  });
}

/**
 * JSON of the statement that the files of `manifest` are `model` in `version`. `subjectName` is for people.
 * @throws USAGE as assertRelease
 */
export function releaseStatement(manifest: Manifest, subjectName: string, model: string, version: bigint): Buffer {
  assertRelease(model, version);
  const payload = statement('release', manifest, subjectName, { purl: releasePurl({ model, version }) });
  const stated = releaseOf(parseStatement(payload));
  // A name that two texts could stand for would be read as another one or not at all.
  if (stated?.model === model && stated.version === version) return payload;
  throw new AirlockError('SIGNING_FAILED', { message: 'The statement does not say what it should' });
}

/**
 * JSON of a statement about the files of `manifest`. `subjectName` is for people.
 * @param predicate JSON as the reader of its type wants it, see docs/attestations.md; fields that are not known are kept
 * @throws USAGE as assertPredicate; BUNDLE_INVALID for what the parser of statements refuses
 */
export function attestationStatement(
  type: PredicateType,
  manifest: Manifest,
  subjectName: string,
  predicate: Readonly<Record<string, unknown>>,
): Buffer {
  const payload = statement(type, manifest, subjectName, predicate);
  // As verifiers will read it, from the very bytes.
  assertPredicate(type, parseStatement(payload).predicate);
  return payload;
}

function statement(
  type: keyof typeof predicateTypes,
  manifest: Manifest,
  subjectName: string,
  predicate: Readonly<Record<string, unknown>>,
): Buffer {
  const subject = [subjectOf(manifest, subjectName)];
  return Buffer.from(JSON.stringify({ _type: statementType, subject, predicateType: predicateTypes[type], predicate }));
}
