// `airlock attest show`: which statements lie beside a model. They are shown as what they are, somebody's claims; whether a policy accepts
// them is for `airlock verify`.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirlockError, printable } from '../../core/index.ts';
import { subjectMatches } from '../../provenance/attestations/index.ts';
import type { Manifest, TrustedSigner } from '../../provenance/index.ts';
import { loadSigner } from '../../provenance/signers/index.ts';
import {
  describeStatement,
  type FoundStatement,
  type FoundStatements,
  findStatements,
  manifestIn,
  modelPlaces,
} from '../../signing/attestations/index.ts';
import type { Io } from '../io.ts';

interface ShowOptions {
  readonly signatures?: string;
  readonly publicKey?: string;
  readonly json?: boolean;
}

export function addAttestShowCommand(group: Command, io: Io): void {
  group
    .command('show')
    .description('show which statements lie beside a model; says nothing about whether they are to be trusted')
    .argument('<path>', 'the folder of one model, or a model that is one file')
    .option('--signatures <folder>', 'the folder that holds model.sig and model.sig.d of this model, when it is not the model')
    .option('--public-key <file>', 'say which of them this key has signed (PEM)')
    .option('--json', 'print them as JSON, with all that they say')
    .addHelpText('after', '\nExample:\n  airlock attest show models/digits/3 --public-key release.pub')
    .action((path: string, options: ShowOptions) => run(path, options, io));
}

async function run(path: string, { signatures, publicKey, json }: ShowOptions, io: Io): Promise<void> {
  const model = await modelPlaces(path, signatures);
  const places = model.separate ?? model.beside;
  const found = await findStatements(places, await signerOf(publicKey));
  // A signature that cannot be read is in the list of those already.
  const manifest = await manifestIn(places.signature).catch(() => undefined);
  if (json === true) io.stdout.write(`${JSON.stringify(asJson(found, manifest), undefined, 2)}\n`);
  else io.stdout.write(asText(found, manifest));
}

/** A signer that trusts one public key and no old forms; undefined without a file. @throws KEY_INVALID */
export async function signerOf(file: string | undefined): Promise<TrustedSigner | undefined> {
  if (file === undefined) return undefined;
  try {
    return await loadSigner('key', { kind: 'key', publicKey: resolve(file), accept: [] });
  } catch (thrown) {
    const { message, detail } = AirlockError.from(thrown);
    throw new AirlockError('KEY_INVALID', {
      message: '--public-key: the public key cannot be used',
      detail: detail ?? message,
      cause: thrown,
    });
  }
}

function aboutText({ type, statement }: FoundStatement, manifest: Manifest | undefined): string {
  if (type === 'model') return '';
  if (manifest === undefined) return ', and no model.sig says about what';
  return subjectMatches(statement, manifest) ? ', about the content that model.sig lists' : ', about ANOTHER content';
}

function trustText({ isVerified, claimedBy }: FoundStatement): string {
  if (isVerified === undefined) return `claims to be by ${claimedBy}`;
  return isVerified ? 'signed by the given key' : `NOT signed by the given key; claims to be by ${claimedBy}`;
}

function asText({ statements, unreadable }: FoundStatements, manifest: Manifest | undefined): string {
  if (statements.length + unreadable.length === 0) return 'There are no statements.\n';
  const lines: string[] = [];
  for (const found of statements) {
    lines.push(printable(found.file, 512), `  ${found.type}: ${describeStatement(found)}`);
    lines.push(`  ${trustText(found)}${aboutText(found, manifest)}`);
  }
  for (const { file, problem } of unreadable) lines.push(printable(file, 512), `  cannot be read: ${problem}`);
  lines.push(
    statements.some(({ isVerified }) => isVerified === undefined)
      ? 'NOT VERIFIED: anybody could have written these. airlock verify decides by a policy.'
      : 'The files of the model were not looked at. airlock verify decides by a policy.',
  );
  return `${lines.join('\n')}\n`;
}

function asJson({ statements, unreadable }: FoundStatements, manifest: Manifest | undefined): object {
  return {
    statements: statements.map(({ file, sha256, type, statement, claimedBy, isVerified }) => ({
      file,
      sha256,
      type,
      verified: isVerified ?? false,
      claimedBy,
      predicateType: statement.predicateType,
      subject: statement.subjects,
      fitsModelSignature: manifest === undefined ? null : type === 'model' || subjectMatches(statement, manifest),
      // A list of all files is in the signature itself.
      ...(type !== 'model' && { predicate: statement.predicate }),
    })),
    unreadable,
  };
}
