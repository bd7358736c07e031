// An in-toto Statement about files, as those are attested that become a slot: their names and SHA-256. Means nothing before its envelope was verified.
import { z } from 'zod';
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { dssePayloadType, parseStrictJson, statementType } from '../provenance/format/index.ts';

export interface FileStatement {
  readonly predicateType: string;
  /** SHA-256 by name, lowercase hex. */
  readonly digests: ReadonlyMap<string, string>;
  /** As it was stated; PyPI's publish attestations have null. */
  readonly predicate: unknown;
}

const schema = z.strictObject({
  _type: z.literal(statementType),
  subject: z
    .array(
      z.object({
        name: z.string().min(1).max(512),
        digest: z.record(z.string().max(64), z.string().max(256)),
      }),
    )
    .min(1)
    .max(1_000),
  predicateType: z.string().min(1).max(256),
  predicate: z.unknown().optional(),
});

function refuse(why: string, cause?: unknown): AirlockError {
  return new AirlockError('RUNTIME_ATTESTATION_INVALID', { message: `The attestation does not verify: ${why}`, cause });
}

/** @throws RUNTIME_ATTESTATION_INVALID for what is no such statement, names a file twice, or leaves a SHA-256 out */
export function readFileStatement(payloadType: string, payload: Buffer): FileStatement {
  if (payloadType !== dssePayloadType) throw refuse('it is no in-toto statement');
  let value: unknown;
  try {
    value = parseStrictJson(payload, { maxBytes: 4 * 1024 * 1024, maxTokens: 100_000 });
  } catch (cause) {
    throw refuse(isAirlockError(cause) ? cause.message : 'its statement cannot be read', cause);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw refuse('it is no in-toto statement, version 1');
  const digests = new Map<string, string>();
  for (const { name, digest } of result.data.subject) {
    const sha256 = Object.hasOwn(digest, 'sha256') ? digest.sha256 : '';
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw refuse(`it has no SHA-256 of ${printable(name)}`);
    if (digests.has(name)) throw refuse(`it names ${printable(name)} twice`);
    digests.set(name, sha256);
  }
  return { predicateType: result.data.predicateType, digests, predicate: result.data.predicate };
}
