// Signs a model: hashes its files, states them, has the statement signed, reads the result back as a verifier would, and only then writes it.
// Must never sign what it could not hash completely, and never write over a signature unasked.
import { readFile, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { dssePayloadType, makeManifest, parseBundle, parseStatement, readManifest } from '../provenance/format/index.ts';
import type { Manifest } from '../provenance/index.ts';
import { hashTree } from '../provenance/store/index.ts';
import { releaseStatement } from './attestations/index.ts';
import { type EnvelopeSigner, signEnvelope } from './envelope/index.ts';
import { ignoredPaths, ignoresSame } from './ignore-paths.ts';
import { type ModelKind, recogniseModel } from './model-kind.ts';
import { modelStatement } from './model-statement.ts';
import { writeSignature } from './write-signature.ts';

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
}

/**
 * @throws MODEL_NOT_FOUND, MODEL_INVALID (no model, only a part of one, links, special files, no files at all), SIGNING_FAILED, BUNDLE_INVALID
 * (more than a bundle may hold), USAGE (a path to ignore is outside; a signature is there already), CANCELLED
 */
export async function signModel(options: SignModelOptions): Promise<SignedModel> {
  const { signer, hashType = 'sha256', release, add = false, force = false, onProgress, signal } = options;
  const given = resolve(options.path);
  // What the caller wrote may be a link, such as `latest`; inside the model none is followed.
  const path = await realpath(given).catch(() => given);
  const kind = await recogniseModel(path);
  const first = options.output === undefined ? defaultOutput(path, kind) : resolve(options.output);
  const ignored = kind.isFile
    ? []
    : ignoredPaths({ model: path, output: first, paths: options.ignore ?? [], git: options.ignoreGit ?? true });
  const hashed = await hashTree(path, { ignored, hashType, ...(onProgress && { onProgress }), ...(signal && { signal }) });
  if (hashed.files.length === 0) throw new AirlockError('MODEL_INVALID', { message: 'There is no file in the model to sign' });
  const fresh = makeManifest(hashed.files, { hashType, ignored });
  const manifest = add ? await sameManifest(first, fresh) : fresh;
  const subject = basename(path) || 'model';
  const hint = signer.publicKey.hint;
  const target = add ? join(`${first}.d`, `${hint.slice(0, 16)}.sig`) : first;
  const signatures = [{ file: target, bytes: await signed(modelStatement(manifest, subject), signer, manifest) }];
  if (release !== undefined) {
    const payload = releaseStatement(manifest, subject, release.model, release.version);
    const file = join(`${first}.d`, `release-${hint.slice(0, 8)}.sigstore.json`);
    signatures.push({ file, bytes: await signEnvelope(payload, signer) });
  }
  for (const { file, bytes } of signatures) await writeSignature(file, bytes, force);
  return { ...kind, manifest, totalBytes: hashed.totalBytes, written: signatures.map(({ file }) => file) };
}

function defaultOutput(path: string, { isFile }: ModelKind): string {
  return isFile ? `${path}.sig` : join(path, 'model.sig');
}

/** The bundle, after a verifier's eyes have read from it the very manifest that was meant. */
async function signed(payload: Buffer, signer: EnvelopeSigner, manifest: Manifest): Promise<Buffer> {
  const bundle = await signEnvelope(payload, signer);
  const { payload: kept, payloadType } = parseBundle(bundle);
  const { identity } = readManifest(parseStatement(kept));
  if (identity === manifest.identity && payloadType === dssePayloadType) return bundle;
  throw new AirlockError('SIGNING_FAILED', { message: 'The signature does not say what it should' });
}

/** The manifest as the first signature has it, so that both are alike to the byte. It was not verified, only compared. */
async function sameManifest(file: string, fresh: Manifest): Promise<Manifest> {
  const name = printable(basename(file), 200);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new AirlockError('SIGNING_FAILED', { message: `There is no ${name} to add a signature to`, cause });
  });
  const first = readManifest(parseStatement(parseBundle(bytes).payload));
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
