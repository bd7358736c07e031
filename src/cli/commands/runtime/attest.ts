// `airlock runtime attest`: what a builder of TensorFlow's libraries signs, so that `airlock runtime import` can verify it elsewhere.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { slotFileNames } from '../../../runtime/index.ts';
import { attestFiles, readJsonFile } from '../../../signing/attestations/index.ts';
import { writeSignature } from '../../../signing/index.ts';
import type { Io } from '../../io.ts';
import { addSignerOptions, openSigner, type SignerOptions } from '../../signer-options.ts';
import { withInterrupt } from '../../with-interrupt.ts';

interface AttestCommandOptions extends SignerOptions {
  readonly predicate: string;
  readonly output: string;
  readonly force?: boolean;
}

export function addAttestLibrariesCommand(runtime: Command, io: Io): void {
  const command = runtime
    .command('attest')
    .description('Sign how the libraries in a folder were built (SLSA provenance)')
    .argument('<dir>', 'folder with the two libraries and their licences')
    .requiredOption('--predicate <file>', 'JSON of the SLSA provenance v1, see docs/building-tensorflow.md')
    .requiredOption('-o, --output <file>', 'where the bundle goes');
  addSignerOptions(command)
    .option('--force', 'replace the output')
    .addHelpText(
      'after',
      '\nExample:\n  airlock runtime attest ./out --predicate slsa.json --key builder-a.pem -o a.sigstore.json',
    )
    .action((directory: string, options: AttestCommandOptions) => attest(directory, options, io));
}

async function attest(directory: string, options: AttestCommandOptions, io: Io): Promise<void> {
  const predicate = await readJsonFile(options.predicate);
  const signer = await openSigner(options, io);
  const bundle = await withInterrupt((signal) =>
    attestFiles({ directory: resolve(directory), names: slotFileNames, predicate, signer, signal }),
  );
  await writeSignature(resolve(options.output), bundle, options.force);
  io.stdout.write(`The files of ${directory} were attested in ${options.output}\n`);
}
