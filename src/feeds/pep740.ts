// Reads what a package index gives as the provenance of a file (PEP 740): attestations in their own form, turned into Sigstore bundles, which is
// what src/provenance verifies. It judges nothing: who the publisher is said to be is the index's word until a bundle was verified.
import { z } from 'zod';
import { AirlockError, printable } from '../core/index.ts';

/** One attestation, unchecked. */
export interface IndexAttestation {
  /** As the index says it: `GitHub tensorflow/tensorflow release.yml`. Printable. */
  readonly claimedPublisher: string;
  /** A Sigstore bundle, v0.3, as JSON. */
  readonly bundle: Buffer;
}

const base64 = (maxChars: number) =>
  z
    .string()
    .min(1)
    .max(maxChars)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/);

// Other keys are let through, as the specification asks: later versions may add some.
const attestation = z.object({
  version: z.literal(1),
  verification_material: z.object({
    certificate: base64(32 * 1024),
    transparency_entries: z
      .array(z.record(z.string().max(64), z.unknown()))
      .min(1)
      .max(8),
  }),
  envelope: z.object({ statement: base64(1024 * 1024), signature: base64(2_048) }),
});

const provenance = z.object({
  version: z.literal(1),
  attestation_bundles: z
    .array(
      z.object({
        publisher: z.record(z.string().max(64), z.unknown()),
        attestations: z.array(attestation).min(1).max(16),
      }),
    )
    .min(1)
    .max(16),
});

const shownFields = ['kind', 'repository', 'workflow', 'environment', 'email'] as const;

function publisherText(publisher: Readonly<Record<string, unknown>>): string {
  const words = shownFields.flatMap((field) => {
    const value = Object.hasOwn(publisher, field) ? publisher[field] : undefined;
    return typeof value === 'string' && value !== '' ? [printable(value, 128)] : [];
  });
  return words.length === 0 ? 'an unnamed publisher' : words.join(' ');
}

/**
 * The attestations of a file, at least one.
 * @throws RUNTIME_ATTESTATION_INVALID for what is no such document: an index that offers provenance and gives none of it hides something
 */
export function readProvenance(bytes: Buffer): readonly IndexAttestation[] {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    value = undefined;
  }
  const result = provenance.safeParse(value);
  if (!result.success) {
    throw new AirlockError('RUNTIME_ATTESTATION_INVALID', {
      message: 'The provenance that the package index offers for this file cannot be read (PEP 740)',
    });
  }
  return result.data.attestation_bundles.flatMap(({ publisher, attestations }) =>
    attestations.map(({ verification_material: material, envelope }) => ({
      claimedPublisher: publisherText(publisher),
      bundle: Buffer.from(
        JSON.stringify({
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          verificationMaterial: { certificate: { rawBytes: material.certificate }, tlogEntries: material.transparency_entries },
          dsseEnvelope: {
            payload: envelope.statement,
            payloadType: 'application/vnd.in-toto+json',
            signatures: [{ sig: envelope.signature }],
          },
        }),
      ),
    })),
  );
}
