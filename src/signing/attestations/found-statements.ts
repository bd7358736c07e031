// The statements that lie beside a model, for people to look at. Anybody can write such files; unless a signer is given, nothing here was
// verified, and no program may decide by it. What a server accepts is decided in src/provenance/policy.
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AttestationType } from '../../config/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { attestationTypeOf, subjectMatches } from '../../provenance/attestations/index.ts';
import {
  dssePayloadType,
  maxBundleBytes,
  modelSignatureType,
  parseBundle,
  parseStatement,
} from '../../provenance/format/index.ts';
import type { Manifest, SignedEnvelope, Statement, TrustedSigner } from '../../provenance/index.ts';
import { readBoundedFile } from './bounded-file.ts';
import type { SignaturePlaces } from './model-content.ts';

export interface FoundStatement {
  /** Relative to where the signatures lie: `model.sig.d/scan-0a1b2c3d.sigstore.json`. As the disk has it, not printable. */
  readonly file: string;
  /** Of the file, hex; for references only. */
  readonly sha256: string;
  /** What the signed bytes say that it is; `other` for predicate types that are not known. */
  readonly type: AttestationType | 'model' | 'other';
  readonly statement: Statement;
  /** Who claims to have signed: the first digits of a key's hint, or what kind of certificate is there. */
  readonly claimedBy: string;
  /** Whether the given signer made the signature; undefined when none was given. */
  readonly isVerified: boolean | undefined;
}

/** A file that is no statement. */
export interface UnreadableStatement {
  readonly file: string;
  /** Printable. */
  readonly problem: string;
}

export interface FoundStatements {
  /** The model signature first, the rest by name. */
  readonly statements: readonly FoundStatement[];
  readonly unreadable: readonly UnreadableStatement[];
}

/** More files than this beside one model are not read. */
export const maxStatements = 64;

/**
 * Reads every bundle in `places`, 64 at most.
 * @param signer whose signatures are to be told apart from others; default none is verified
 * @throws USAGE when there are more files than that
 */
export async function findStatements(
  { signature, folder }: SignaturePlaces,
  signer?: TrustedSigner,
  nowMs: number = Date.now(),
): Promise<FoundStatements> {
  const names = await readdir(folder).catch(() => []);
  if (names.length > maxStatements)
    throw new AirlockError('USAGE', {
      message: `There are more than ${maxStatements} files in ${printable(basename(folder), 200)}`,
    });
  const others = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => join(basename(folder), name));
  const statements: FoundStatement[] = [];
  const unreadable: UnreadableStatement[] = [];
  for (const file of [basename(signature), ...others]) {
    try {
      const found = await readStatement(join(signature, '..', file), file, signer, nowMs);
      if (found !== undefined) statements.push(found);
    } catch (thrown) {
      unreadable.push({ file, problem: AirlockError.from(thrown).message });
    }
  }
  return { statements, unreadable };
}

async function readStatement(
  path: string,
  file: string,
  signer: TrustedSigner | undefined,
  nowMs: number,
): Promise<FoundStatement | undefined> {
  const bytes = await readBoundedFile(path, { maxBytes: maxBundleBytes, followLink: false });
  if (bytes === undefined) return undefined;
  const envelope = parseBundle(bytes);
  if (envelope.payloadType !== dssePayloadType) throw new AirlockError('BUNDLE_UNSUPPORTED');
  const statement = parseStatement(envelope.payload);
  const { predicateType } = statement;
  const type = predicateType === modelSignatureType ? 'model' : (attestationTypeOf(predicateType) ?? 'other');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    file,
    sha256,
    type,
    statement,
    claimedBy: claimOf(envelope),
    isVerified: signer && isSignedBy(signer, envelope, nowMs),
  };
}

function isSignedBy(signer: TrustedSigner, envelope: SignedEnvelope, nowMs: number): boolean {
  try {
    signer.verify(envelope, nowMs);
    return true;
  } catch {
    return false;
  }
}

function claimOf({ material }: SignedEnvelope): string {
  if (material.kind === 'publicKey') return material.hint === undefined ? 'a key' : `the key ${material.hint.slice(0, 16)}`;
  return material.kind === 'certificates' ? 'a certificate' : 'a keyless signature';
}

/** Those that are about the content of `manifest`, and were made by the given signer if there was one; the model signature is not among them. */
export function statementsAbout({ statements }: FoundStatements, manifest: Manifest): FoundStatement[] {
  return statements.filter(
    ({ type, statement, isVerified }) => type !== 'model' && isVerified !== false && subjectMatches(statement, manifest),
  );
}
