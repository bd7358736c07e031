// A signer who is one public key. The bundle's hint only says which key to try; what counts is that this key made the signature.

import type { KeySigner } from '../../config/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import type { SignedEnvelope, SignerEvidence, TrustedSigner } from '../provenance-types.ts';
import { checkSignature } from './envelope-signature.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { untrusted } from './signer-error.ts';

/** A signer that accepts what `key` signed; the texts of its errors name it `name`. */
export function keySigner(name: string, config: Pick<KeySigner, 'accept' | 'notAfterMs'>, key: PublicKey): TrustedSigner {
  const rules = { signer: name, accept: config.accept, legacyHash: key.hash, notAfterMs: config.notAfterMs };
  return {
    name,
    kind: 'key',
    accept: config.accept,
    verify(envelope: SignedEnvelope, nowMs: number): SignerEvidence {
      checkHint(name, config, key, envelope);
      const legacy = checkSignature(envelope, key, rules, nowMs);
      return { signer: name, kind: 'key', keyId: key.keyId, ...(legacy !== undefined && { legacy }) };
    },
  };
}

function checkHint(name: string, config: Pick<KeySigner, 'accept'>, key: PublicKey, { material }: SignedEnvelope): void {
  if (material.kind !== 'publicKey') {
    throw untrusted(name, 'it signs with a key, and the bundle has certificates');
  }
  if (material.rawPem !== undefined) {
    if (!config.accept.includes('raw-public-key')) {
      const message = `The bundle has a whole key for a hint, and signer "${printable(name)}" does not accept "raw-public-key"`;
      throw new AirlockError('BUNDLE_UNSUPPORTED', { message });
    }
    if (keyIdOf(material.rawPem) !== key.keyId) {
      throw untrusted(name, 'the bundle holds another public key');
    }
  } else if (material.hint === undefined) {
    throw untrusted(name, 'the bundle does not say which key made it');
  }
  if (material.hint !== undefined && material.hint !== key.hint) {
    throw untrusted(name, `the bundle is for the key ${printable(material.hint, 16)}, not for ${key.hint.slice(0, 16)}…`);
  }
}

function keyIdOf(pem: string): string | undefined {
  try {
    return readPublicKey(Buffer.from(pem)).keyId;
  } catch {
    return undefined;
  }
}
