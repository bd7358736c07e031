// A CycloneDX 1.6 bill of materials of one model: its files, the data that it was trained from, how well it did, and where its signature and
// statements lie. The same facts give the same document: no random number and no clock unless they are asked for.
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { type Predicates, releasePurl } from '../../../provenance/attestations/index.ts';
import type { Manifest } from '../../../provenance/index.ts';
import type { FoundStatement } from '../found-statements.ts';
import { type BomFacts, bomFacts } from './bom-facts.ts';
import { assertValidBom } from './check-bom.ts';
import { dataRef, modelCard } from './model-card.ts';

/** The library compares each component with each other one: 10,000 files would take 13 s. Of larger models no file is listed. */
export const maxListedFiles = 1_000;

export interface ModelBomOptions {
  readonly manifest: Manifest;
  /** What the model is called where no release statement says it. */
  readonly name: string;
  /** The model signature, where there is one. */
  readonly signature: FoundStatement | undefined;
  /** Those that are about `manifest`. */
  readonly statements: readonly FoundStatement[];
  /** Whether a given key was seen to have signed all of these; otherwise the document says that it rests on claims. */
  readonly isVerified: boolean;
  /** Of Airlock. */
  readonly toolVersion: string;
  /** Milliseconds since 1970. Default none. */
  readonly timestampMs?: number | undefined;
  /** Gives the document a random serial number. Default false. */
  readonly randomSerial?: boolean;
}

/**
 * The document as JSON, which fits the schema.
 * @throws USAGE when statements contradict each other or cannot be read; SIGNING_FAILED when the schema refuses the document
 */
export async function modelBom(options: ModelBomOptions): Promise<string> {
  const facts = bomFacts(options.statements);
  const model = modelComponent(options, facts);
  const bom = new Models.Bom();
  if (options.randomSerial === true) bom.serialNumber = Contrib.Bom.Utils.randomSerialNumber();
  if (options.timestampMs !== undefined) bom.metadata.timestamp = new Date(options.timestampMs);
  const tool = new Models.Component(Enums.ComponentType.Application, 'airlock', { version: options.toolVersion });
  bom.metadata.tools.components.add(tool);
  bom.metadata.component = model;
  const links = new Map<string, string>();
  for (const data of dataOf(facts)) {
    const component = dataComponent(data);
    bom.components.add(component);
    model.dependencies.add(component.bomRef);
    if (data.uri !== undefined) links.set(dataRef(data.digest.sha256), data.uri);
  }
  const text = JSON.stringify(completed(normalized(bom), facts, links), undefined, 2);
  await assertValidBom(text);
  return `${text}\n`;
}

function normalized(bom: Models.Bom): Serialize.JSON.Types.Normalized.Bom {
  // Sorting would follow the language of this machine; everything was added in an order of its own.
  return new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6).makeForBom().normalize(bom, { sortLists: false });
}

/** Adds what the library has no classes for. */
function completed(bom: Serialize.JSON.Types.Normalized.Bom, facts: BomFacts, links: ReadonlyMap<string, string>): object {
  const card = modelCard(facts);
  const component = { ...bom.metadata?.component, ...(card !== undefined && { modelCard: card }) };
  const components = (bom.components ?? []).map((each) => {
    const url = links.get(each['bom-ref'] ?? '');
    return { ...each, data: [{ type: 'dataset', name: each.name, ...(url !== undefined && { contents: { url } }) }] };
  });
  return { ...bom, metadata: { ...bom.metadata, component }, components };
}

function modelComponent(
  { manifest, name, signature, statements, isVerified }: ModelBomOptions,
  facts: BomFacts,
): Models.Component {
  const { release } = facts;
  const component = new Models.Component(Enums.ComponentType.MachineLearningModel, release?.model ?? name, {
    bomRef: 'model',
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], manifest.root]]),
    ...(release !== undefined && { version: String(release.version), purl: releasePurl(release) }),
  });
  const algorithm = manifest.hashType === 'sha256' ? Enums.HashAlgorithm['SHA-256'] : Enums.HashAlgorithm['BLAKE2b-512'];
  for (const file of manifest.files.length > maxListedFiles ? [] : manifest.files) {
    const bomRef = `file:${file.name}`;
    const hashes = new Models.HashDictionary([[algorithm, file.digest]]);
    component.components.add(new Models.Component(Enums.ComponentType.File, file.name, { bomRef, hashes }));
  }
  const { Attestation, DigitalSignature } = Enums.ExternalReferenceType;
  if (signature !== undefined) component.externalReferences.add(reference(signature, DigitalSignature));
  for (const found of statements) component.externalReferences.add(reference(found, Attestation));
  for (const [key, value] of properties(manifest, facts, isVerified))
    component.properties.add(new Models.Property(`tf-airlock:${key}`, value));
  return component;
}

function reference({ file, sha256, statement }: FoundStatement, type: Enums.ExternalReferenceType): Models.ExternalReference {
  const url = file.split('/').map(encodeURIComponent).join('/');
  const hashes = new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], sha256]]);
  return new Models.ExternalReference(url, type, { hashes, comment: statement.predicateType });
}

/** Everything that the schema has no field for. */
function* properties(manifest: Manifest, facts: BomFacts, isVerified: boolean): Generator<[string, string]> {
  yield ['statements', isVerified ? 'verified with a given key' : 'claims that were not verified'];
  yield ['manifestSha256', manifest.identity];
  yield ['files', String(manifest.files.length)];
  if (manifest.files.length > maxListedFiles) yield ['filesListed', 'no, only in the signature'];
  for (const path of manifest.ignored) yield ['unsignedPath', path];
  const { training, slsa, contract, scans } = facts;
  if (training !== undefined) {
    const { framework, code, trainedAt } = training;
    yield ['trainedAt', new Date(trainedAt).toISOString()];
    yield ['framework', `${framework.name}@${framework.version}`];
    yield ['codeRevision', code.revision];
    if (code.uri !== undefined) yield ['codeUri', code.uri];
    if (code.dirty !== undefined) yield ['codeDirty', String(code.dirty)];
  }
  if (slsa !== undefined) yield ['builder', slsa.runDetails.builder.id];
  if (contract !== undefined) yield ['contractDigest', contract.contract.digest];
  for (const { verdict, scanner } of scans) yield ['scan', `${verdict} by ${scanner.name}@${scanner.version}`];
}

type Data = Predicates['evaluation']['data'];

/** Data sets by their digest, each once. */
function dataOf({ training, evaluations }: BomFacts): readonly Data[] {
  const data = new Map<string, Data>();
  for (const each of [...(training?.data ?? []), ...evaluations.map((evaluation) => evaluation.data)])
    if (!data.has(each.digest.sha256)) data.set(each.digest.sha256, each);
  return [...data.values()];
}

function dataComponent({ name, digest, rows }: Data): Models.Component {
  const hashes = new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], digest.sha256]]);
  const component = new Models.Component(Enums.ComponentType.Data, name, { bomRef: dataRef(digest.sha256), hashes });
  if (rows !== undefined) component.properties.add(new Models.Property('tf-airlock:rows', String(rows)));
  return component;
}
