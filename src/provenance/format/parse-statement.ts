// An in-toto Statement v1, from the very bytes that were signed. Reads what all predicates share and leaves the predicate to its
// own reader; never looks at a signature: a statement means something only after its envelope was verified.
import { maxNameBytes } from '../../tensor/index.ts';
import type { Statement } from '../provenance-types.ts';
import { invalid, readClosedObject, readHex, readList, readObject, readText, shown, unsupported } from './fields.ts';
import { modelSignatureTypeV02, statementType } from './media-types.ts';
import { parseStrictJson } from './strict-json.ts';

/** Files in one manifest, and subjects in one statement of model-signing 0.2. */
export const maxFiles = 100_000;

const maxDigests = 8;
const lengths: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 };

type Subject = Statement['subjects'][number];

/**
 * Reads the payload of an envelope whose `payloadType` is an in-toto Statement. There is exactly one subject, save in the
 * statements of model-signing 0.2, which have one per file.
 * @throws BUNDLE_INVALID, with the place in the statement.
 */
export function parseStatement(payload: Buffer): Statement {
  const fields = readClosedObject(parseStrictJson(payload), '', ['_type', 'subject', 'predicateType', 'predicate']);
  if (fields._type !== statementType) throw invalid('_type', 'type', statementType, shown(fields._type));
  const predicateType = readText(fields.predicateType, 'predicateType', 256);
  const isV02 = predicateType === modelSignatureTypeV02;
  const subjects = readList(fields.subject, 'subject', 1, isV02 ? maxFiles : 1);
  return {
    predicateType,
    subjects: subjects.map((subject, index) => readSubject(subject, `subject[${index}]`, isV02)),
    predicate: readObject(fields.predicate, 'predicate'),
  };
}

function readSubject(value: unknown, path: string, isV02: boolean): Subject {
  const subject = readClosedObject(value, path, ['name', 'digest'], isV02 ? ['annotations'] : []);
  if (Object.hasOwn(subject, 'annotations')) checkAnnotations(subject.annotations, `${path}.annotations`);
  return { name: readText(subject.name, `${path}.name`, maxNameBytes), digest: readDigests(subject.digest, `${path}.digest`) };
}

/** model-signing 0.2 says here what its `sha256` really is: of a shard or a folder it would be the digest of other digests. */
function checkAnnotations(value: unknown, path: string): void {
  const { actual_hash_algorithm: algorithm } = readClosedObject(value, path, ['actual_hash_algorithm']);
  if (algorithm !== 'file-sha256') throw unsupported(path, 'algorithm', 'file-sha256', shown(algorithm));
}

function readDigests(value: unknown, path: string): Subject['digest'] {
  const digests = readObject(value, path);
  const names = Object.keys(digests);
  if (names.length < 1 || names.length > maxDigests) throw invalid(path, 'digests', `1 to ${maxDigests}`, `${names.length}`);
  for (const name of names) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw invalid(path, 'algorithm', 'the name of an algorithm', shown(name));
    const length = Object.hasOwn(lengths, name) ? lengths[name] : undefined;
    readHex(digests[name], `${path}.${name}`, length ?? 1, length ?? 128);
  }
  return digests as Subject['digest'];
}
