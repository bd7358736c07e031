// `airlock runtime pin`: shows what a pin of a further official release would say, and adds it to the operator's file of pins once a person has said yes.
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirlockError } from '../../../core/index.ts';
import {
  type AddedPin,
  type AttestationState,
  addPin,
  archOfMachine,
  builtInPins,
  type PinProposal,
  proposePin,
  type RuntimeArch,
} from '../../../runtime/index.ts';
import { askYes } from '../../ask-yes.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { createStepPrinter, labelsFor, writeJson, yankedOption } from './shared.ts';

interface PinCommandOptions {
  readonly pins: string;
  readonly arch?: RuntimeArch;
  readonly package?: string;
  readonly allowYanked?: string;
  readonly trustedRoot?: string;
  readonly publisher?: string;
  readonly issuer?: string;
  readonly requireAttestation?: boolean;
  readonly replace?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addPinCommand(runtime: Command, io: Io): void {
  runtime
    .command('pin')
    .description('Add a further official release to a reviewed file of pins')
    .argument('<version>', 'TensorFlow version, as 2.22.0')
    .requiredOption('--pins <file>', 'the file of pins; made when it is missing')
    .addOption(new Option('--arch <arch>', "default: this machine's").choices(['x86_64', 'aarch64']))
    .option('--package <name>', 'tensorflow-cpu or tensorflow (default: the one without CUDA)')
    .addOption(yankedOption())
    .option('--trusted-root <file>', 'trusted_root.json of Sigstore, to verify attestations with')
    .option('--publisher <identity>', "who has to have signed them (default: a workflow of the TensorFlow project's repository)")
    .option('--issuer <url>', "who vouches for the publisher (default: GitHub's)")
    .option('--require-attestation', 'refuse a wheel without a verified attestation')
    .option('--replace', 'take the place of what the file says about this version')
    .option('--yes', 'add it without asking')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  airlock runtime pin 2.22.0 --pins ./pins.json')
    .action((version: string, options: PinCommandOptions) => pin(version, options, io));
}

async function pin(version: string, options: PinCommandOptions, io: Io): Promise<void> {
  const arch = options.arch ?? archOfMachine();
  if (!/^\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(version))
    throw new AirlockError('USAGE', {
      message: 'A version is three numbers, as 2.22.0; candidates and nightly builds are not pinned',
    });
  if (builtInPins.pins.some((known) => known.version === version && known.arch === arch))
    throw new AirlockError('USAGE', {
      message: `Airlock pins TensorFlow ${version} for ${arch} itself; a file of pins cannot say it otherwise`,
    });
  // Who names a publisher expects that nobody else counts.
  if ((options.publisher ?? options.issuer) !== undefined && options.trustedRoot === undefined)
    throw new AirlockError('USAGE', {
      message: '--publisher and --issuer need --trusted-root FILE: without it no attestation is verified',
    });
  const printer = createStepPrinter(io, labelsFor(version, options.package ?? 'TensorFlow'), options.json === true);
  let proposal: PinProposal;
  try {
    proposal = await withInterrupt((signal) =>
      proposePin({
        version,
        arch,
        package: options.package,
        allowYanked: options.allowYanked,
        trustedRoot: options.trustedRoot === undefined ? undefined : resolve(options.trustedRoot),
        identity: options.publisher,
        issuer: options.issuer,
        env: io.env,
        signal,
        onProgress: printer.onProgress,
        onNote: (text) => io.stderr.write(`${text}\n`),
      }),
    );
  } catch (error) {
    printer.clear();
    throw error;
  }
  printer.finish();
  if (options.requireAttestation === true && proposal.attestation.state !== 'verified') {
    throw new AirlockError('RUNTIME_ATTESTATION_INVALID', {
      message: `Nothing was pinned: ${attestationText(proposal.attestation)}`,
    });
  }
  if (options.json !== true) io.stdout.write(proposalText(proposal));
  const isWanted = options.yes === true || (options.json !== true && (await askYes(`Add it to ${options.pins}?`, io)));
  const added = isWanted ? await addPin(options.pins, proposal.pin, options.replace) : undefined;
  if (options.json === true) writeJson(io, { ...proposal, added: added !== undefined });
  else if (added !== undefined) io.stdout.write(addedText(added, version));
  // A script must not go on as if it had been added.
  if (added === undefined) throw new AirlockError('CANCELLED', { message: 'Nothing was pinned; --yes adds what is shown' });
}

function addedText({ file, isNew }: AddedPin, version: string): string {
  const what = isNew ? `TensorFlow ${version} was added to ${file}` : `${file} says so already`;
  return `${what}; have the change reviewed, then: airlock runtime install --version ${version} --pins ${file}\n`;
}

function attestationText(attestation: AttestationState): string {
  if (attestation.state === 'none') return 'none on the index (PEP 740); only the digests were compared';
  if (attestation.state === 'verified') {
    const { publishers, signedAt } = attestation;
    return `verified: signed by ${publishers.join(', ')} at ${signedAt.join(', ')}`;
  }
  return `NOT VERIFIED: the index says ${attestation.claimed.join(', ')}; --trusted-root FILE verifies it`;
}

function proposalText({ pin, index, indexSha256, published, yanked, attestation }: PinProposal): string {
  const rows: (readonly [string, string])[] = [
    ['wheel', `${pin.wheel} (${pin.wheelBytes} bytes)`],
    ['index', `${index}${published === undefined ? '' : `, uploaded ${published}`}`],
    ['SHA-256 listed', indexSha256],
    ['SHA-256 downloaded', pin.wheelSha256],
    ['attestation', attestationText(attestation)],
    ...(yanked === undefined ? [] : ([['WITHDRAWN', `${yanked}; taken because: ${pin.yanked?.allowed ?? ''}`]] as const)),
    ...pin.files.map((file): readonly [string, string] => [file.name, `${file.sha256} (${file.bytes} bytes)`]),
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(30)} ${value}\n`);
  return `TensorFlow ${pin.version} for ${pin.arch}, from ${pin.package}:\n${lines.join('')}`;
}
