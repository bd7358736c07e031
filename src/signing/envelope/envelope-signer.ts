// What makes signatures: a key in a file, or a command that has the key elsewhere. The rest of this folder sees this interface only.
import type { PublicKey } from '../../provenance/signers/index.ts';

export interface EnvelopeSigner {
  /** Of the key that signs; each signature is checked with it before it is used. */
  readonly publicKey: PublicKey;
  /** DER, the leaf first; empty where verifiers know the key itself. */
  readonly certificates: readonly Buffer[];
  /**
   * Signs the pre-authentication encoding of an envelope with ECDSA and the hash of the key's curve.
   * @returns the signature in DER
   * @throws SIGNING_FAILED
   */
  sign(preAuthEncoding: Buffer): Promise<Buffer>;
}
