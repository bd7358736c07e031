// The door of attestations: statements about a model are made and signed here; src/provenance/attestations reads them.
export { attestationStatement, releaseStatement } from './make-statement.ts';
