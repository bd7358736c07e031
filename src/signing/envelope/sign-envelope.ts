// One payload, one signature, one Sigstore bundle. What comes out was verified with the signer's public key and read back by the parser
// that verifiers use: nothing is written that Airlock itself would refuse.
import { verify } from 'node:crypto';
import { AirlockError } from '../../core/index.ts';
import { bundleMediaType, dssePayloadType, parseBundle, preAuthEncoding } from '../../provenance/format/index.ts';
import type { EnvelopeSigner } from './envelope-signer.ts';

/**
 * Signs an in-toto statement.
 * @param payload the statement's JSON; these very bytes are signed and kept
 * @returns the bundle as JSON, with a line feed at its end
 * @throws SIGNING_FAILED when the signer fails, or gives a signature that its public key does not fit; BUNDLE_INVALID when the bundle would
 * be beyond what verifiers accept, as with a payload of more than 32 MiB
 */
export async function signEnvelope(payload: Buffer, signer: EnvelopeSigner): Promise<Buffer> {
  const signed = preAuthEncoding(dssePayloadType, payload);
  const signature = await signer.sign(signed);
  const { key, hash, hint } = signer.publicKey;
  if (!verify(hash, signed, { key, dsaEncoding: 'der' }, signature)) {
    throw new AirlockError('SIGNING_FAILED', { message: 'The signature does not fit the public key: another key has signed' });
  }
  const material =
    signer.certificates.length === 0
      ? { publicKey: { hint } }
      : { x509CertificateChain: { certificates: signer.certificates.map((der) => ({ rawBytes: der.toString('base64') })) } };
  const bundle = Buffer.from(
    `${JSON.stringify({
      mediaType: bundleMediaType,
      verificationMaterial: { ...material, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType: dssePayloadType,
        signatures: [{ sig: signature.toString('base64'), keyid: '' }],
      },
    })}\n`,
  );
  parseBundle(bundle);
  return bundle;
}
