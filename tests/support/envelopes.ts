// Signed envelopes for tests, as the parser of bundles gives them.
import { createHash, type KeyObject, sign } from 'node:crypto';
import { dssePayloadType, preAuthEncoding } from '../../src/provenance/format/index.ts';
import type { SignedEnvelope } from '../../src/provenance/provenance-types.ts';

export interface EnvelopeOptions {
  readonly key: KeyObject;
  readonly material: SignedEnvelope['material'];
  readonly payload?: Buffer;
  readonly payloadType?: string;
  /** Default as the curve of the key wants it. */
  readonly hash?: string;
  readonly encode?: (type: string, payload: Uint8Array) => Buffer;
}

const hashes: Readonly<Record<string, string>> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' };

export function signEnvelope(options: EnvelopeOptions): SignedEnvelope {
  const { key, material, payload = Buffer.from('{"a":1}'), encode = preAuthEncoding } = options;
  const hash = options.hash ?? hashes[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const signature = sign(hash, encode(dssePayloadType, payload), { key, dsaEncoding: 'der' });
  const sha256 = createHash('sha256').update(signature).digest('hex');
  return { material, payloadType: options.payloadType ?? dssePayloadType, payload, signature, json: {}, sha256 };
}
