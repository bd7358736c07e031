// Who signs, as every command that makes signatures asks for it: a key in a file, with or without its certificate, or a command that has
// the key elsewhere. Reads the files and asks for a passphrase; what a signer may be is decided in src/signing.
import type { Command } from 'commander';
import { AirlockError, printable } from '../core/index.ts';
import { readCertificates } from '../provenance/signers/index.ts';
import {
  chainWarnings,
  commandSigner,
  type EnvelopeSigner,
  isEncryptedKey,
  keySigner,
  readPublicFile,
  readSecretFile,
  splitCommand,
} from '../signing/index.ts';
import type { Io } from './io.ts';
import { wholeNumberBetween } from './number-options.ts';
import { type PassphraseOptions, readPassphrase } from './passphrase.ts';

export interface SignerOptions extends PassphraseOptions {
  readonly key?: string;
  readonly certificate?: string;
  readonly chain?: readonly string[];
  readonly signer?: string;
  readonly publicKey?: string;
  readonly signerEnv?: readonly string[];
  readonly signerTimeout?: number;
}

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds the options of SignerOptions to a command. */
export function addSignerOptions(command: Command): Command {
  return command
    .option('--key <file>', 'private key (PEM: PKCS#8, encrypted PKCS#8 or SEC1; P-256, P-384 or P-521)')
    .option(
      '--passphrase-file <file>',
      'file with the passphrase of the key; without it AIRLOCK_PASSPHRASE counts, or you are asked',
    )
    .option('--passphrase-fd <number>', 'descriptor to read the passphrase from', wholeNumberBetween(0, 1_048_575))
    .option('--certificate <file>', 'certificate of the key (PEM or DER), for signatures that are trusted by certificate')
    .option('--chain <file>', 'issuer of the certificate, then its issuer, and so on; may be given several times', collect)
    .option('--signer <command>', 'command that signs instead of a key in a file, in plain words or as a JSON array')
    .option('--public-key <file>', 'public key of what --signer signs with (PEM); not needed with --certificate')
    .option('--signer-env <name>', 'environment variable that --signer may see besides PATH; may be given several times', collect)
    .option('--signer-timeout <seconds>', 'how long --signer may take (default: 120)', wholeNumberBetween(1, 86_400));
}

/**
 * The signer that the options name. Doubts about its certificates go to stderr.
 * @throws USAGE when the options do not name exactly one; KEY_INVALID when a key or certificate cannot be used
 */
export async function openSigner(options: SignerOptions, io: Io, nowMs: number = Date.now()): Promise<EnvelopeSigner> {
  const { key, signer, publicKey, certificate, chain = [] } = options;
  if ((key === undefined) === (signer === undefined)) throw usage('Say who signs: --key FILE or --signer COMMAND, one of them');
  if (chain.length > 0 && certificate === undefined) throw usage('--chain goes with --certificate');
  const certificates = await readChain(certificate === undefined ? [] : [certificate, ...chain]);
  for (const warning of chainWarnings(certificates, nowMs)) io.stderr.write(`airlock: warning: ${warning}\n`);
  if (key !== undefined) {
    if (publicKey !== undefined) throw usage('--public-key goes with --signer');
    return openKey(key, certificates, options, io);
  }
  if (publicKey === undefined && certificate === undefined)
    throw usage('--signer needs --public-key FILE or --certificate FILE, so that its signature can be checked');
  return commandSigner({
    command: splitCommand(signer ?? ''),
    publicKey: publicKey === undefined ? undefined : await readPublicFile(publicKey, 'public key'),
    certificates,
    env: environmentOf(options.signerEnv ?? [], io),
    timeoutMs: options.signerTimeout === undefined ? undefined : options.signerTimeout * 1000,
  });
}

async function openKey(file: string, certificates: readonly Buffer[], options: SignerOptions, io: Io): Promise<EnvelopeSigner> {
  const pem = await readSecretFile(file, 'key');
  const passphrase = isEncryptedKey(pem) ? await readPassphrase(options, io, 'Passphrase of the key') : undefined;
  return keySigner({ pem, passphrase, certificates });
}

async function readChain(files: readonly string[]): Promise<Buffer[]> {
  const chains: Buffer[][] = [];
  // One after the other: each may be a pipe.
  for (const file of files) chains.push(readCertificates(await readPublicFile(file, 'certificate')).map(({ der }) => der));
  return chains.flat();
}

function environmentOf(names: readonly string[], io: Io): Record<string, string> {
  const values = ['PATH', ...names].map((name): [string, string | undefined] => [name, io.env[name]]);
  const missing = values.find(([name, value]) => value === undefined && name !== 'PATH');
  if (missing !== undefined) throw usage(`--signer-env: the variable ${printable(missing[0])} is not set`);
  return Object.fromEntries(values.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function usage(message: string): AirlockError {
  return new AirlockError('USAGE', { message });
}
