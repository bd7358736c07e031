// Signs a model: hashes its files, states them, reads the statement as a verifier will, has it signed, and only then writes it.
// Must never sign what it could not hash completely, and never write over a signature unasked.
import { lstat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import {
  isCanonicalName,
  isIgnored,
  makeManifest,
  maxBundleBytes,
  parseStatement,
  readManifest,
} from '../provenance/format/index.ts';
import type { Manifest } from '../provenance/index.ts';
import { hashTree } from '../provenance/store/index.ts';
import { manifestIn, modelPlaces, releaseStatement } from './attestations/index.ts';
import { type EnvelopeSigner, signEnvelope } from './envelope/index.ts';
import { ignoredPaths, ignoresSame } from './ignore-paths.ts';
import type { ModelKind } from './model-kind.ts';
import { modelStatement } from './model-statement.ts';
import { assertFree, writeSignature } from './write-signature.ts';

export interface SignModelOptions {
  /** A folder that holds one model, or a model that is one file. */
  readonly path: string;
  readonly signer: EnvelopeSigner;
  /** Default sha256, the only one that the command of the Python tool reads. */
  readonly hashType?: Manifest['hashType'];
  /** Paths inside the model that stay unsigned and are never served. Default none. */
  readonly ignore?: readonly string[];
  /** Leave out `.git`, `.gitattributes`, `.github` and `.gitignore` as the Python tool does. Default true. */
  readonly ignoreGit?: boolean;
  /** Both or none: a release attestation then binds the files to this name and version. */
  readonly release?: { readonly model: string; readonly version: bigint } | undefined;
  /** Default `model.sig` in the folder, or the file's name and `.sig`. Its folder must be there. */
  readonly output?: string | undefined;
  /** Adds a further signature of the same files to `model.sig.d` instead. Default false. */
  readonly add?: boolean;
  /** Replaces signatures that are there. Default false. */
  readonly force?: boolean;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface SignedModel extends ModelKind {
  readonly manifest: Manifest;
  readonly totalBytes: number;
  /** The files that were written; the model signature is the first. */
  readonly written: readonly string[];
  /** What is right and may surprise; printable. */
  readonly warnings: readonly string[];
}

/**
 * @throws MODEL_NOT_FOUND, MODEL_INVALID (no model, only a part of one, links, special files, no files at all), SIGNING_FAILED, BUNDLE_INVALID
 * (more than a bundle may hold), USAGE (a path to ignore is outside; a signature is there already), CANCELLED
 */
export async function signModel(options: SignModelOptions): Promise<SignedModel> {
  const { signer, hashType = 'sha256', release, add = false, force = false, onProgress, signal } = options;
  // What the caller wrote may be a link, such as `latest`; inside the model none is followed.
  const { path, name: subject, kind, isFile, beside } = await modelPlaces(options.path);
  const first = options.output === undefined ? beside.signature : resolve(options.output);
  const { hint } = signer.publicKey;
  const target = add ? join(`${first}.d`, `${hint.slice(0, 16)}.sig`) : first;
  const releaseFile = join(`${first}.d`, `release-${hint.slice(0, 8)}.sigstore.json`);
  // Before hours of hashing, and before anybody touches a token.
  if (!force) for (const file of release === undefined ? [target] : [target, releaseFile]) await assertFree(file);
  const ignored = isFile
    ? []
    : ignoredPaths({ model: path, output: first, paths: options.ignore ?? [], git: options.ignoreGit ?? true });
  const hashed = await hashTree(path, { ignored, hashType, ...(onProgress && { onProgress }), ...(signal && { signal }) });
  if (hashed.files.length === 0) throw new AirlockError('MODEL_INVALID', { message: 'There is no file in the model to sign' });
  const fresh = makeManifest(hashed.files, { hashType, ignored });
  const manifest = add ? await sameManifest(first, fresh) : fresh;
  const statement = modelStatement(manifest, subject);
  // With a verifier's eyes, before anybody is asked to sign it.
  readManifest(parseStatement(statement));
  const signatures = [{ file: target, bytes: await signEnvelope(statement, signer) }];
  if (release !== undefined) {
    const payload = releaseStatement(manifest, subject, release.model, release.version);
    signatures.push({ file: releaseFile, bytes: await signEnvelope(payload, signer) });
  }
  for (const { file, bytes } of signatures) await writeSignature(file, bytes, force);
  const written = signatures.map(({ file }) => file);
  return { kind, isFile, manifest, totalBytes: hashed.totalBytes, written, warnings: surprises(path, written, manifest) };
}

/** The manifest as the first signature has it, so that both are alike to the byte. It was not verified, only compared. */
async function sameManifest(file: string, fresh: Manifest): Promise<Manifest> {
  const name = printable(basename(file), 200);
  const stats = await lstat(file).catch(() => undefined);
  const first = stats?.isFile() && stats.size <= maxBundleBytes ? await manifestIn(file) : undefined;
  if (first === undefined) throw new AirlockError('SIGNING_FAILED', { message: `There is no ${name} to add a signature to` });
  if (first.identity !== fresh.identity)
    throw new AirlockError('SIGNING_FAILED', {
      message: `The files are not the ones that ${name} names, so it cannot be added to`,
    });
  if (!ignoresSame(first.ignored, fresh.ignored)) {
    const names = first.ignored.map((path) => printable(path, 100)).join(', ');
    throw new AirlockError('SIGNING_FAILED', { message: `${name} leaves out other paths: ${names === '' ? 'none' : names}` });
  }
  return first;
}

/** A signature that leaves out none of its neighbours calls them extra files, in the Python tool; ours knows their names. */
function surprises(model: string, written: readonly string[], { ignored }: Manifest): string[] {
  const extra = written.map((file) => relative(model, file)).filter((name) => isCanonicalName(name));
  return extra.some((name) => !isIgnored(name, ignored))
    ? ['The first signature does not leave out model.sig.d: the Python tool will call what lies there extra files']
    : [];
}
