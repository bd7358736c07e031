// States how files were built: an in-toto statement with one subject for each, as builders of TensorFlow's libraries make it for `airlock runtime import`.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { predicateTypes } from '../../provenance/attestations/index.ts';
import { statementType } from '../../provenance/format/index.ts';
import { type EnvelopeSigner, signEnvelope } from '../envelope/index.ts';
import { hashData } from './hash-data.ts';
import { assertPredicate } from './make-statement.ts';

export interface AttestFilesOptions {
  readonly directory: string;
  /** Only files with these names are stated; all that are there. */
  readonly names: readonly string[];
  /** SLSA provenance v1. */
  readonly predicate: Readonly<Record<string, unknown>>;
  readonly signer: EnvelopeSigner;
  readonly signal?: AbortSignal;
}

/**
 * A bundle that states how the files of a folder were built.
 * @throws USAGE for a predicate that no reader takes, or a folder without such files; SIGNING_FAILED, CANCELLED
 */
export async function attestFiles({ directory, names, predicate, signer, signal }: AttestFilesOptions): Promise<Buffer> {
  assertPredicate('slsa', predicate);
  const found = await readdir(directory).catch((cause: unknown) => {
    throw new AirlockError('USAGE', { message: 'The folder of the libraries cannot be read', detail: directory, cause });
  });
  const present = names.filter((name) => found.includes(name)).sort();
  if (present.length === 0)
    throw new AirlockError('USAGE', { message: `The folder has none of ${names.join(', ')}`, detail: directory });
  const subject = await hashData(
    present.map((name) => join(directory, name)),
    signal,
  );
  const statement = { _type: statementType, subject, predicateType: predicateTypes.slsa, predicate };
  return await signEnvelope(Buffer.from(JSON.stringify(statement)), signer);
}
