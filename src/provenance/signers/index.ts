// The door of signers: public keys, certificates and keyless identities, and whether one of them made a signature.
export { type Certificate, readCertificates } from './certificate.ts';
export { certificateName } from './certificate-name.ts';
export { loadSigner } from './load-signer.ts';
export { type PublicKey, publicKeyFromSpki, readPublicKey } from './public-key.ts';
