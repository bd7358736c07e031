// `airlock keys generate | inspect`: key pairs for signing. Prints; everything that decides is in src/signing.
import { type Command, Option } from 'commander';
import { AirlockError, printable } from '../../core/index.ts';
import { generateKeys, type InspectedKey, inspectKey, readPublicFile } from '../../signing/index.ts';
import type { Io } from '../io.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { type PassphraseOptions, readNewPassphrase, readPassphrase } from '../passphrase.ts';

interface GenerateCommandOptions extends PassphraseOptions {
  readonly out: string;
  readonly curve: 'P-256' | 'P-384' | 'P-521';
  readonly unsafeNoPassphrase?: boolean;
  readonly json?: boolean;
}

interface InspectCommandOptions extends PassphraseOptions {
  readonly json?: boolean;
}

/** Adds `airlock keys`. Its actions throw AirlockError and set no exit code. */
export function addKeysCommands(program: Command, io: Io): void {
  const keys = program.command('keys').description('Make and look at keys for signing models');
  withPassphrase(
    keys.command('generate').description('Make a key pair: the private key in FILE, the public one beside it with .pub'),
  )
    .requiredOption('--out <file>', 'the private key to write, as release.pem; must not be there')
    .addOption(new Option('--curve <name>', 'curve of the key').choices(['P-256', 'P-384', 'P-521']).default('P-256'))
    .option('--unsafe-no-passphrase', 'do not encrypt the private key: whoever gets the file can sign')
    .addHelpText('after', '\nExample:\n  airlock keys generate --out release.pem')
    .action((options: GenerateCommandOptions) => generate(options, io));
  withPassphrase(keys.command('inspect').description('Say what a key or certificate is, and its names in bundles and policies'))
    .argument('<file>', 'a public key, a private key, or certificates')
    .addHelpText('after', '\nExample:\n  airlock keys inspect release.pub')
    .action((file: string, options: InspectCommandOptions) => inspect(file, options, io));
}

function withPassphrase(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'file with the passphrase; without it AIRLOCK_PASSPHRASE counts, or you are asked')
    .option('--passphrase-fd <number>', 'descriptor to read the passphrase from', wholeNumberBetween(0, 1_048_575))
    .option('--json', 'print the result as JSON');
}

async function generate(options: GenerateCommandOptions, io: Io): Promise<void> {
  const { out, curve, unsafeNoPassphrase = false, json } = options;
  const passphrase = unsafeNoPassphrase ? undefined : await readNewPassphrase(options, io);
  if (passphrase === undefined && !unsafeNoPassphrase) {
    throw new AirlockError('USAGE', {
      message: 'Give a passphrase (--passphrase-file, --passphrase-fd, AIRLOCK_PASSPHRASE), or --unsafe-no-passphrase',
    });
  }
  const { publicKey, privateFile, publicFile } = await generateKeys({ file: out, curve, passphrase });
  const { hint, keyId } = publicKey;
  if (json === true) {
    io.stdout.write(`${JSON.stringify({ privateFile, publicFile, curve, hint, keyId, encrypted: !unsafeNoPassphrase })}\n`);
    return;
  }
  const lines = [
    `Private key: ${printable(privateFile, 4_096)}${unsafeNoPassphrase ? ' (not encrypted)' : ''}`,
    `Public key:  ${printable(publicFile, 4_096)}`,
    `  hint   ${hint}`,
    `  key id ${keyId}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
}

async function inspect(file: string, options: InspectCommandOptions, io: Io): Promise<void> {
  const found = await inspectKey(await readPublicFile(file, 'key'), () => readPassphrase(options, io, 'Passphrase of the key'));
  if (options.json === true) io.stdout.write(`${JSON.stringify(found.map(asJson), undefined, 2)}\n`);
  else io.stdout.write(found.map(asText).join('\n'));
}

function asJson({ kind, publicKey, encrypted, certificate }: InspectedKey): object {
  const { curve = null, hint = null, keyId = null } = publicKey ?? {};
  return { kind, curve, hint, keyId, encrypted, certificate };
}

function asText({ kind, publicKey, encrypted, certificate }: InspectedKey): string {
  const lines = [`${kind}${encrypted === true ? ', encrypted' : ''}`];
  if (publicKey !== undefined)
    lines.push(`  curve   ${publicKey.curve}`, `  hint    ${publicKey.hint}`, `  key id  ${publicKey.keyId}`);
  else if (encrypted === true) lines.push('  give its passphrase to see more');
  else lines.push('  its key cannot sign models');
  if (certificate !== undefined) {
    const { subject, issuer, names, notBefore, notAfter, isAuthority, usages } = certificate;
    lines.push(`  subject ${subject}`, `  issuer  ${issuer}`);
    if (names !== '') lines.push(`  names   ${names}`);
    lines.push(`  valid   ${notBefore} to ${notAfter}`);
    lines.push(`  usage   ${isAuthority ? 'certificate authority' : usages.map(nameOfUsage).join(', ') || 'not restricted'}`);
  }
  return `${lines.join('\n')}\n`;
}

function nameOfUsage(oid: string): string {
  return oid === '1.3.6.1.5.5.7.3.3' ? 'code signing' : oid;
}
