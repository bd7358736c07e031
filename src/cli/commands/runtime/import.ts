// `airlock runtime import`: libraries that somebody built from source become a slot, once those who built them are verified and a person has said yes.
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirlockError, printable } from '../../../core/index.ts';
import { assertPrivate } from '../../../provenance/index.ts';
import { archOfMachine, type BuiltPin, importRuntime, type RuntimeArch, type RuntimeSlot } from '../../../runtime/index.ts';
import { readPublicFile } from '../../../signing/index.ts';
import { askYes } from '../../ask-yes.ts';
import type { Io } from '../../io.ts';
import { wholeNumberBetween } from '../../number-options.ts';
import { collect } from '../../signer-options.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { auditRuntime, type CommonOptions, createStepPrinter, labelsFor, withStore, writeJson } from './shared.ts';

interface ImportCommandOptions extends CommonOptions {
  readonly version: string;
  readonly arch?: RuntimeArch;
  readonly attestation: readonly string[];
  readonly key: readonly string[];
  readonly threshold: number;
  readonly builder?: string;
  readonly pins: string;
  readonly replace?: boolean;
  readonly yes?: boolean;
}

const maxAttestationBytes = 4 * 1024 * 1024;

export function addImportCommand(runtime: Command, io: Io): void {
  withStore(
    runtime
      .command('import')
      .description('Make a slot of libraries that were built from source')
      .argument('<dir>', 'folder with the two libraries and their licences'),
  )
    .requiredOption('--version <version>', 'the TensorFlow version that was built, as 2.21.0')
    .addOption(new Option('--arch <arch>', "default: this machine's").choices(['x86_64', 'aarch64']))
    .requiredOption('--attestation <file>', 'bundle with the SLSA provenance of a builder; may be given several times', collect)
    .requiredOption('--key <file>', 'public key of a builder (PEM); may be given several times', collect)
    .option('--threshold <number>', 'how many different builders must have attested the same files', wholeNumberBetween(1, 16), 1)
    .option('--builder <id>', 'the builder.id that every attestation must have')
    .requiredOption('--pins <file>', 'the file of pins; made when it is missing')
    .option('--replace', 'take the place of another pin and slot of this version')
    .option('--yes', 'import without asking')
    .addHelpText(
      'after',
      '\nExample:\n  airlock runtime import ./out --version 2.21.0 --attestation a.sigstore.json --attestation b.sigstore.json \\\n    --key builder-a.pub --key builder-b.pub --threshold 2 --pins ./pins.json',
    )
    .action((directory: string, options: ImportCommandOptions) => importLibraries(directory, options, io));
}

async function readBundle(path: string): Promise<Buffer> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size > maxAttestationBytes) {
    const message = `The attestation ${printable(path, 200)} is no file of at most ${maxAttestationBytes} bytes`;
    throw new AirlockError('USAGE', { message });
  }
  return await readFile(path);
}

async function importLibraries(directory: string, options: ImportCommandOptions, io: Io): Promise<void> {
  const { version, store, threshold, builder, replace } = options;
  const arch = options.arch ?? archOfMachine();
  if (!/^\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(version))
    throw new AirlockError('USAGE', {
      message: 'A version is three numbers, as 2.21.0: that of the source, so that advisories are matched',
    });
  // Whoever can change a key decides whose build counts.
  for (const key of options.key) await assertPrivate(resolve(key), 'TRUST_INVALID');
  const keys = await Promise.all(options.key.map((key) => readPublicFile(key, 'public key')));
  const attestations = await Promise.all(options.attestation.map(readBundle));
  const printer = createStepPrinter(io, { ...labelsFor(version, ''), extract: 'Copying the libraries' }, options.json === true);
  let slot: RuntimeSlot;
  let shown: { readonly pin: BuiltPin; readonly digest: string } | undefined;
  try {
    slot = await withInterrupt((signal) =>
      importRuntime({
        store,
        directory,
        version,
        arch,
        attestations,
        keys,
        threshold,
        builder,
        pinsFile: options.pins,
        replace,
        signal,
        onProgress: printer.onProgress,
        confirm: async (pin, digest) => {
          printer.finish();
          shown = { pin, digest };
          if (options.json !== true) io.stdout.write(pinText(pin, digest));
          return (
            options.yes === true || (options.json !== true && (await askYes(`Pin it in ${options.pins} and import it?`, io)))
          );
        },
      }),
    );
  } catch (error) {
    printer.clear();
    throw error;
  }
  const builders = shown?.pin.builders ?? [];
  auditRuntime(store, 'runtime imported', {
    version,
    arch,
    digest: shown?.digest,
    builders: builders.map(({ id, keyId }) => ({ id, keyId })),
  });
  if (options.json === true) writeJson(io, { version, arch, directory: slot.directory, digest: shown?.digest, builders });
  else
    io.stdout.write(
      `TensorFlow ${version} (built) is in ${slot.directory}; the server needs runtime.pins: ${resolve(options.pins)}\n`,
    );
}

function pinText({ version, arch, builders, files }: BuiltPin, digest: string): string {
  const who = builders.map(({ id, keyId }) => `  built by ${id}, signed with key ${keyId}\n`);
  const what = files.map(({ name, bytes, sha256 }) => `  ${name.padEnd(30)} ${sha256} (${bytes} bytes)\n`);
  return `TensorFlow ${version} for ${arch}, SHA-256 of the slot ${digest}:\n${who.join('')}${what.join('')}`;
}
