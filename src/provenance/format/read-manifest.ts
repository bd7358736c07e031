// The manifest in a model signature's statement. Reads the form that covers every byte of every file and refuses the others by
// name; never repairs anything: a name that is not canonical is refused, not cleaned, since another reader would clean it
// otherwise.
import type { LegacyForm } from '../../config/index.ts';
import { maxNameBytes } from '../../tensor/index.ts';
import type { Manifest, ManifestFile, Statement } from '../provenance-types.ts';
import { invalid, readClosedObject, readHex, readList, readObject, readText, shown, unsupported } from './fields.ts';
import { completeManifest, digestBytes, findNameProblem, maxIgnored } from './manifest.ts';
import { modelSignatureType, modelSignatureTypeV02 } from './media-types.ts';
import { maxFiles } from './parse-statement.ts';

const serializationPath = 'predicate.serialization';
const resourcesPath = 'predicate.resources';

/**
 * Reads which files a model signature names. `legacy` is what the signer's evidence says: then the statement has that form and no
 * other.
 * @throws BUNDLE_UNSUPPORTED for forms that leave content unsigned or were not opted in to; BUNDLE_INVALID for everything else.
 */
export function readManifest(statement: Statement, legacy?: Extract<LegacyForm, 'v0.2'>): Manifest {
  const expected = legacy === undefined ? modelSignatureType : modelSignatureTypeV02;
  if (statement.predicateType !== expected) {
    const known = statement.predicateType.startsWith('https://model_signing/');
    throw (known ? unsupported : invalid)('predicateType', 'predicateType', expected, shown(statement.predicateType));
  }
  return legacy === undefined ? readCurrent(statement) : readV02(statement);
}

function readCurrent(statement: Statement): Manifest {
  const predicate = readClosedObject(statement.predicate, 'predicate', ['serialization', 'resources']);
  const { hashType, ignored } = readSerialization(predicate.serialization);
  const resources = readList(predicate.resources, resourcesPath, 1, maxFiles);
  const files = resources.map((resource, index) => readResource(resource, `${resourcesPath}[${index}]`, hashType));
  checkNames(files, ignored, (index) => `${resourcesPath}[${index}].name`);
  const manifest = completeManifest(files, hashType, ignored);
  const [subject] = statement.subjects;
  const { sha256 } = readClosedObject(subject.digest, 'subject[0].digest', ['sha256']);
  if (sha256 !== manifest.root)
    throw invalid('subject[0].digest.sha256', 'root', `the root of the resources, ${manifest.root}`, shown(sha256));
  return manifest;
}

function readSerialization(value: unknown): Pick<Manifest, 'hashType' | 'ignored'> {
  const { method, hash_type: hashType } = readObject(value, serializationPath);
  if (method === 'shards') {
    throw unsupported(`${serializationPath}.method`, 'method', 'files', '"shards", which leaves empty files unsigned');
  }
  if (method !== 'files') throw invalid(`${serializationPath}.method`, 'method', 'files', shown(method));
  if (hashType !== 'sha256' && hashType !== 'blake2b') {
    throw unsupported(`${serializationPath}.hash_type`, 'hashType', 'sha256 or blake2b', shown(hashType));
  }
  const fields = readClosedObject(value, serializationPath, ['method', 'hash_type'], ['allow_symlinks', 'ignore_paths']);
  if (fields.allow_symlinks === true) {
    const got = 'true, which leaves what is behind links to folders unsigned';
    throw unsupported(`${serializationPath}.allow_symlinks`, 'symlinks', 'false', got);
  }
  if (fields.allow_symlinks !== undefined && fields.allow_symlinks !== false) {
    throw invalid(`${serializationPath}.allow_symlinks`, 'symlinks', 'false', shown(fields.allow_symlinks));
  }
  if (!Object.hasOwn(fields, 'ignore_paths')) return { hashType, ignored: [] };
  const path = `${serializationPath}.ignore_paths`;
  const list = readList(fields.ignore_paths, path, 0, maxIgnored);
  return { hashType, ignored: list.map((entry, index) => readText(entry, `${path}[${index}]`, maxNameBytes)) };
}

function readResource(value: unknown, path: string, hashType: Manifest['hashType']): ManifestFile {
  const resource = readClosedObject(value, path, ['name', 'algorithm', 'digest']);
  if (resource.algorithm !== hashType) throw invalid(`${path}.algorithm`, 'algorithm', hashType, shown(resource.algorithm));
  return {
    name: readText(resource.name, `${path}.name`, maxNameBytes),
    digest: readHex(resource.digest, `${path}.digest`, digestBytes[hashType]),
  };
}

function checkNames(files: readonly ManifestFile[], ignored: readonly string[], pathOf: (index: number) => string): void {
  const names = files.map(({ name }) => name);
  const problem = findNameProblem(names, ignored);
  if (problem === undefined) return;
  const path = problem.list === 'files' ? pathOf(problem.index) : `${serializationPath}.ignore_paths[${problem.index}]`;
  throw invalid(path, 'name', problem.expected, problem.got);
}

/** One subject per file; nothing is ignored, so everything else in the folder is extra. */
function readV02(statement: Statement): Manifest {
  const predicate = readClosedObject(statement.predicate, 'predicate', [], ['unused']);
  if (Object.hasOwn(predicate, 'unused')) readText(predicate.unused, 'predicate.unused', 256);
  const files = statement.subjects.map(({ name, digest }, index) => {
    const { sha256 } = readClosedObject(digest, `subject[${index}].digest`, ['sha256']);
    return { name, digest: readHex(sha256, `subject[${index}].digest.sha256`, digestBytes.sha256) };
  });
  checkNames(files, [], (index) => `subject[${index}].name`);
  return completeManifest(files, 'sha256', []);
}
