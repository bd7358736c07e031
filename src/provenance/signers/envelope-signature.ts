// Checks an envelope's signature with a key that was chosen before: the payload type, the pre-authentication encoding, the hash
// of the curve. Must never try other hashes, encodings or forms until one fits; the old form is tried only for a signer whose
// entry names it.
import { verify } from 'node:crypto';
import type { LegacyForm } from '../../config/index.ts';
import { dssePayloadType, preAuthEncoding, preAuthEncodingV02 } from '../format/index.ts';
import type { SignedEnvelope } from '../provenance-types.ts';
import type { PublicKey } from './public-key.ts';
import { untrusted } from './signer-error.ts';

/** What a signer's entry allows, as far as the signature itself is concerned. */
export interface SignatureRules {
  readonly signer: string;
  readonly accept: readonly LegacyForm[];
  /** Whose hash the old form used: model-signing 0.2 signed with SHA-256 where it had a certificate, whatever the curve. */
  readonly legacyHash: string;
  readonly notAfterMs: number | undefined;
}

/**
 * Undefined when the signature fits in the current form, `v0.2` when it does in that old form and the rules accept it.
 * SIGNER_UNTRUSTED otherwise, and after `notAfterMs`. ECDSA signatures are strict DER: OpenSSL encodes what it read again and
 * compares.
 */
export function checkSignature(
  envelope: SignedEnvelope,
  key: PublicKey,
  rules: SignatureRules,
  nowMs: number,
): 'v0.2' | undefined {
  if (rules.notAfterMs !== undefined && !(nowMs <= rules.notAfterMs)) {
    throw untrusted(rules.signer, `its signatures count no longer since ${new Date(rules.notAfterMs).toISOString()}`);
  }
  if (envelope.payloadType !== dssePayloadType) {
    throw untrusted(rules.signer, 'the payload is not an in-toto statement');
  }
  const { payload, signature } = envelope;
  const holds = (hash: string, signed: Buffer) => verify(hash, signed, { key: key.key, dsaEncoding: 'der' }, signature);
  if (holds(key.hash, preAuthEncoding(dssePayloadType, payload))) {
    return undefined;
  }
  if (rules.accept.includes('v0.2') && holds(rules.legacyHash, preAuthEncodingV02(dssePayloadType, payload))) {
    return 'v0.2';
  }
  throw untrusted(rules.signer, 'the signature does not fit the payload');
}
