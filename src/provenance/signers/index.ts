// The door of signers: public keys, certificates and keyless identities, and whether one of them made a signature.
export { type Certificate, readCertificates } from './certificate.ts';
export { keySigner } from './key-signer.ts';
export { loadSigner } from './load-signer.ts';
export { type PublicKey, readPublicKey } from './public-key.ts';
