// Makes a statement about a model, has it signed and puts it where verifiers look for it. Must never state anything about files that are not
// there, and never make a signed model look changed to those who verify it.
import { basename, join } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import type { PredicateType } from '../../provenance/attestations/index.ts';
import { isIgnored } from '../../provenance/format/index.ts';
import type { Manifest } from '../../provenance/index.ts';
import type { ReadOptions } from '../../provenance/store/index.ts';
import { type EnvelopeSigner, signEnvelope } from '../envelope/index.ts';
import { writeSignature } from '../write-signature.ts';
import { assertPredicate, assertRelease, attestationStatement, releaseStatement } from './make-statement.ts';
import { type ModelContent, type ModelPlaces, modelContent, modelPlaces } from './model-content.ts';

/** What is stated. */
export type Facts =
  | { readonly type: 'release'; readonly model: string; readonly version: bigint }
  | { readonly type: PredicateType; readonly predicate: Readonly<Record<string, unknown>> };

export interface AttestModelOptions extends ReadOptions {
  /** A folder that holds one model, or a model that is one file. */
  readonly path: string;
  readonly signer: EnvelopeSigner;
  readonly facts: Facts;
  /** The folder that holds `model.sig` and `model.sig.d`; must be there. Default beside the model. */
  readonly output?: string | undefined;
  /** Replaces a statement of the same type and signer. Default false. */
  readonly force?: boolean;
}

export interface AttestedModel extends ModelContent {
  readonly type: Facts['type'];
  /** The file that was written; absolute. */
  readonly file: string;
}

/**
 * Signs one statement and writes it to `model.sig.d/TYPE-HINT.sigstore.json`.
 * @throws USAGE (facts that no reader takes, a statement that is there already, a place that a signature does not leave out),
 * MODEL_NOT_FOUND, MODEL_INVALID, MODEL_TAMPERED, BUNDLE_INVALID, BUNDLE_UNSUPPORTED, SIGNING_FAILED, CANCELLED
 */
export async function attestModel({
  path,
  signer,
  facts,
  output,
  force = false,
  ...reading
}: AttestModelOptions): Promise<AttestedModel> {
  // Before a large model is hashed for nothing.
  if (facts.type === 'release') assertRelease(facts.model, facts.version);
  else assertPredicate(facts.type, facts.predicate);
  const model = await modelPlaces(path, output);
  const content = await modelContent(model, reading);
  assertLeftOut(model, content);
  const payload = statement(facts, content.manifest, model.name);
  const { folder } = model.separate ?? model.beside;
  const file = join(folder, `${facts.type}-${signer.publicKey.hint.slice(0, 8)}.sigstore.json`);
  await writeSignature(file, await signEnvelope(payload, signer), force);
  return { ...content, type: facts.type, file };
}

function statement(facts: Facts, manifest: Manifest, name: string): Buffer {
  return facts.type === 'release'
    ? releaseStatement(manifest, name, facts.model, facts.version)
    : attestationStatement(facts.type, manifest, name, facts.predicate);
}

/**
 * The Python tool calls every file that a signature does not list or leave out an extra one. Ours would not mind, but a statement must not
 * break a signature for others.
 */
function assertLeftOut({ isFile, beside, separate }: ModelPlaces, { manifest, basis }: ModelContent): void {
  const name = basename(beside.folder);
  if (isFile || separate !== undefined || basis === 'files' || isIgnored(name, manifest.ignored)) return;
  throw new AirlockError('USAGE', {
    message: `model.sig does not leave out ${name}, so model-signing would find extra files in the model: keep statements elsewhere with --output DIR, or sign it with airlock sign`,
  });
}
