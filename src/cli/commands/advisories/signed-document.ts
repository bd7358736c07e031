// A document of advisories as it is carried: inside a signed statement, or bare. The key that counts is named by whoever updates; nothing in the file
// chooses it. Only public keys come here, since a server's code may verify and never signs.
import { z } from 'zod';
import { type AdvisoryDocument, checkedDocument } from '../../../advisories/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { bundleMediaType, parseBundle, statementType } from '../../../provenance/format/index.ts';
import { loadSigner } from '../../../provenance/signers/index.ts';

/** `predicateType` of the statement, so that a signature over anything else is never one over advisories. */
export const advisoriesPredicateType = 'https://tf-airlock/advisories/v1';
export const documentName = 'advisories.json';

const statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z
    .array(
      z.strictObject({ name: z.literal(documentName), digest: z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }) }),
    )
    .length(1),
  predicateType: z.literal(advisoriesPredicateType),
  predicate: z.unknown(),
});

export function isSigned(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'mediaType' in value && value.mediaType === bundleMediaType;
}

/**
 * The document inside a bundle that the owner of `keyFile` signed.
 * @param keyFile PEM of a public key, absolute
 * @throws ADVISORIES_UNTRUSTED when somebody else signed it, or something else was signed; ADVISORIES_INVALID, BUNDLE_INVALID, TRUST_INVALID
 */
export async function openSignedDocument(bytes: Buffer, keyFile: string, nowMs: number): Promise<AdvisoryDocument> {
  const envelope = parseBundle(bytes);
  const signer = await loadSigner('key', { kind: 'key', publicKey: keyFile, accept: [] });
  try {
    signer.verify(envelope, nowMs);
  } catch (thrown) {
    const { code, message } = AirlockError.from(thrown);
    if (code !== 'SIGNER_UNTRUSTED' && code !== 'BUNDLE_UNSUPPORTED') throw thrown;
    throw new AirlockError('ADVISORIES_UNTRUSTED', { message, cause: thrown });
  }
  return documentOf(envelope.payload);
}

/** What is inside, whoever signed it; for `--unsafe-unsigned`. @throws as openSignedDocument */
export function openUnverifiedDocument(bytes: Buffer): AdvisoryDocument {
  return documentOf(parseBundle(bytes).payload);
}

function documentOf(payload: Buffer): AdvisoryDocument {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new AirlockError('ADVISORIES_INVALID', { message: 'What was signed is not JSON', cause });
  }
  const parsed = statement.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new AirlockError('ADVISORIES_UNTRUSTED', {
      message: 'The signature is right, and what it signs is no document of advisories',
      detail: printable(`${path.join('.')}: ${message}`, 200),
    });
  }
  return checkedDocument(parsed.data.predicate, 'The signed document');
}
