// The door of attestations: statements about a model are made and signed here; src/provenance/attestations reads them.
export { type AttestFilesOptions, attestFiles } from './attest-files.ts';
export { type AttestedModel, type AttestModelOptions, attestModel, type Facts } from './attest-model.ts';
export { describeStatement } from './describe-statement.ts';
export {
  type FoundStatement,
  type FoundStatements,
  findStatements,
  maxStatements,
  statementsAbout,
  type UnreadableStatement,
} from './found-statements.ts';
export { type DataDigest, hashData } from './hash-data.ts';
export { readJsonFile } from './json-file.ts';
export { attestationStatement, releaseStatement } from './make-statement.ts';
export {
  isInside,
  type ModelContent,
  type ModelPlaces,
  manifestIn,
  modelContent,
  modelPlaces,
  type SignaturePlaces,
} from './model-content.ts';
