// `airlock attest cyclonedx`: a bill of materials of a model in a standard form. It repeats what statements say, so it says too whether they
// were verified.
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { AirlockError, packageVersion, printable } from '../../core/index.ts';
import { parseTime } from '../../provenance/attestations/index.ts';
import { findStatements, isInside, modelContent, modelPlaces, statementsAbout } from '../../signing/attestations/index.ts';
import { idOfModel } from '../contract-id.ts';
import { counted } from '../counted.ts';
import type { Io } from '../io.ts';
import { writeNewFiles } from '../new-files.ts';
import { withInterrupt } from '../with-interrupt.ts';
import { signerOf } from './attest-show.ts';

interface CyclonedxOptions {
  readonly output: string;
  readonly signatures?: string;
  readonly publicKey?: string;
  readonly timestamp?: string;
  readonly randomSerial?: boolean;
}

export function addAttestCyclonedxCommand(group: Command, io: Io): void {
  group
    .command('cyclonedx')
    .description('write a CycloneDX 1.6 bill of materials of a model, from its files and the statements about it')
    .argument('<path>', 'the folder of one model, or a model that is one file')
    .requiredOption('-o, --output <file>', 'the file to make; must not lie in the model')
    .option('--signatures <folder>', 'the folder that holds model.sig and model.sig.d of this model, when it is not the model')
    .option('--public-key <file>', 'use only statements that this key has signed (PEM)')
    .option(
      '--timestamp <time>',
      'as 2026-01-31T12:00:00Z; without it the document has none, and the same facts give the same bytes',
    )
    .option('--random-serial', 'give the document a serial number')
    .addHelpText('after', '\nExample:\n  airlock attest cyclonedx models/digits/3 -o digits-3.cdx.json --public-key release.pub')
    .action((path: string, options: CyclonedxOptions) => run(path, options, io));
}

async function run(path: string, options: CyclonedxOptions, io: Io): Promise<void> {
  const { signatures, publicKey, timestamp } = options;
  const timestampMs = timestamp === undefined ? undefined : parseTime(timestamp);
  if (timestamp !== undefined && timestampMs === undefined)
    throw new AirlockError('USAGE', { message: '--timestamp is an RFC 3339 time such as 2026-01-31T12:00:00Z' });
  const model = await modelPlaces(path, signatures);
  const output = resolve(options.output);
  if (isInside(output, model.path))
    throw new AirlockError('USAGE', { message: '--output lies in the model, where it would be an unsigned part of it' });
  const signer = await signerOf(publicKey);
  const { manifest } = await withInterrupt((signal) => modelContent(model, { signal }));
  const found = await findStatements(model.separate ?? model.beside, signer);
  const statements = statementsAbout(found, manifest);
  // Loading the library takes a tenth of a second, which no other command should wait for.
  const { modelBom } = await import('../../signing/attestations/cyclonedx/index.ts');
  const json = await modelBom({
    manifest,
    name: idOfModel(model.path),
    signature: found.statements.find(({ type, isVerified }) => type === 'model' && isVerified !== false),
    statements,
    isVerified: signer !== undefined,
    toolVersion: packageVersion(),
    timestampMs,
    randomSerial: options.randomSerial === true,
  });
  await writeNewFiles(new Map([[output, json]]));
  const left = found.statements.filter(({ type }) => type !== 'model').length - statements.length;
  if (signer === undefined)
    io.stderr.write(
      'airlock: warning: nothing was verified, and the document says so; --public-key uses what one key has signed\n',
    );
  if (left > 0)
    io.stderr.write(
      `airlock: warning: ${left} ${left === 1 ? 'statement was' : 'statements were'} left out: about other content, or not signed by the key\n`,
    );
  io.stdout.write(
    `Wrote ${printable(basename(output), 200)}: ${counted(manifest.files.length, 'file')}, ${counted(statements.length, 'statement')}\n`,
  );
}
