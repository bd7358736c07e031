// The door of signing: everything that makes signatures. It holds private keys, so no server imports it; tests/architecture.test.ts says so.
export {
  chainWarnings,
  type EnvelopeSigner,
  isEncryptedKey,
  type KeySignerOptions,
  keySigner,
  signEnvelope,
} from './envelope/index.ts';
export { readBounded, readPublicFile, readSecretFile } from './secret-file.ts';
export { type CommandSignerOptions, commandSigner } from './signer-command.ts';
export { splitCommand } from './split-command.ts';
