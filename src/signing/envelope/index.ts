// The door of envelope: signatures over statements, and who makes them. Only signing code comes here; no server does.
export { chainWarnings, checkChain, keyOfCertificate } from './certificate-chain.ts';
export { type Curve, derFromRaw, scalarBytes } from './ecdsa-signature.ts';
export type { EnvelopeSigner } from './envelope-signer.ts';
export { type KeySignerOptions, keySigner } from './key-signer.ts';
export { isEncryptedKey, type PrivateKey, readPrivateKey } from './private-key.ts';
export { signEnvelope } from './sign-envelope.ts';
