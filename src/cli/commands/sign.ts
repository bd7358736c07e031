// `airlock sign`: signs a model. Prints and reads options; everything that decides is in src/signing.
import type { Command } from 'commander';
import { AirlockError, printable } from '../../core/index.ts';
import { signatureNames } from '../../provenance/format/index.ts';
import { type SignedModel, signModel } from '../../signing/index.ts';
import { counted } from '../counted.ts';
import { withHashingBar } from '../hashing-bar.ts';
import type { Io } from '../io.ts';
import { modelVersion } from '../number-options.ts';
import { formatBytes } from '../progress-bar.ts';
import { addSignerOptions, collect, openSigner, type SignerOptions } from '../signer-options.ts';
import { withInterrupt } from '../with-interrupt.ts';

interface SignCommandOptions extends SignerOptions {
  readonly output?: string;
  readonly ignorePaths?: readonly string[];
  readonly ignoreGitPaths: boolean;
  readonly model?: string;
  readonly modelVersion?: bigint;
  readonly add?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  airlock keys generate --out release.pem
  airlock sign models/digits/3 --key release.pem --model digits --model-version 3
  airlock sign digits.keras --key leaf.pem --certificate leaf.crt --chain intermediate.crt
  airlock sign models/digits/3 --signer './sign-with-pkcs11.sh release' --public-key release.pub`;

/** Adds `airlock sign`. Its action throws AirlockError and sets no exit code. */
export function addSignCommand(program: Command, io: Io): void {
  const command = program
    .command('sign')
    .description('sign the files of a model (OpenSSF Model Signing 1.0)')
    .argument('<path>', 'the folder of one model, as models/digits/3, or a model that is one file');
  addSignerOptions(command)
    .option('-o, --output <file>', 'where the signature goes (default: model.sig in the folder, or FILE.sig beside the file)')
    .option(
      '--ignore-paths <path>',
      'path inside the model that stays unsigned and is never served; may be given several times',
      collect,
    )
    .option('--no-ignore-git-paths', 'sign .git, .gitattributes, .github and .gitignore too')
    .option('--model <name>', 'with --model-version: also state that these files are this model in this version')
    .option('--model-version <number>', 'see --model', modelVersion)
    .option('--add', 'add a further signature of the same files, to model.sig.d')
    .option('--force', 'replace a signature that is there')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((path: string, options: SignCommandOptions) => run(path, options, io));
}

async function run(path: string, options: SignCommandOptions, io: Io): Promise<void> {
  const release = releaseOf(options);
  const signer = await openSigner(options, io);
  const result = await withHashingBar(options.json === true ? undefined : io, (onProgress) =>
    withInterrupt((signal) =>
      signModel({
        path,
        signer,
        release,
        ignore: options.ignorePaths ?? [],
        ignoreGit: options.ignoreGitPaths,
        output: options.output,
        add: options.add === true,
        force: options.force === true,
        signal,
        onProgress,
      }),
    ),
  );
  for (const warning of result.warnings) io.stderr.write(`airlock: warning: ${warning}\n`);
  const { hint } = signer.publicKey;
  if (options.json === true) io.stdout.write(`${JSON.stringify(asJson(result, hint), undefined, 2)}\n`);
  else io.stdout.write(asText(result, hint, release));
}

function releaseOf({ model, modelVersion: version }: SignCommandOptions): { model: string; version: bigint } | undefined {
  if (model === undefined && version === undefined) return undefined;
  if (model === undefined || version === undefined)
    throw new AirlockError('USAGE', { message: '--model and --model-version go together' });
  return { model, version };
}

function asJson({ kind, manifest, totalBytes, written, warnings }: SignedModel, hint: string): object {
  const { hashType, files, ignored, root, identity } = manifest;
  return { kind, files: files.length, totalBytes, hashType, root, identity, ignored, signer: { hint }, written, warnings };
}

function asText(
  { kind, manifest, totalBytes, written }: SignedModel,
  hint: string,
  release: { model: string; version: bigint } | undefined,
): string {
  const { files, ignored, root } = manifest;
  const others = ignored.filter((name) => !signatureNames.includes(name));
  const lines = [
    `Signed: ${kind}, ${counted(files.length, 'file')}, ${formatBytes(totalBytes)}`,
    `  root  ${root}`,
    `  key   ${hint}`,
  ];
  if (others.length > 0) lines.push(`  not signed, and never served: ${others.map((name) => printable(name, 200)).join(', ')}`);
  for (const file of written) lines.push(`  wrote ${printable(file, 4_096)}`);
  lines.push(
    release === undefined
      ? 'The signature is not bound to a name and version: who has it can serve these files as any model that trusts this key. --model and --model-version bind it.'
      : `Bound to ${printable(release.model, 200)}, version ${release.version}.`,
  );
  return `${lines.join('\n')}\n`;
}
