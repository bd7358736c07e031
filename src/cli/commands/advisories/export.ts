// `airlock advisories export`: everything that is known here as one file, for a network that cannot ask anybody. Signed, so that whoever carries it cannot
// change it.
import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { advisoryDocument, advisoryInfo } from '../../../advisories/index.ts';
import { AirlockError } from '../../../core/index.ts';
import { statementType } from '../../../provenance/format/index.ts';
import { signEnvelope } from '../../../signing/index.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';
import { addSignerOptions, openSigner, type SignerOptions } from '../../signer-options.ts';
import { warnWhenOld, withStore } from './shared.ts';
import { advisoriesPredicateType, documentName } from './signed-document.ts';

interface ExportOptions extends SignerOptions {
  readonly store: string;
  readonly output: string;
  readonly signKey?: string;
  readonly json?: boolean;
  readonly unsafeUnsigned?: boolean;
}

export function addExportCommand(advisories: Command, io: Io): void {
  addSignerOptions(withStore(advisories.command('export').description('write all advisories to one signed file')))
    .requiredOption('-o, --output <file>', 'a file that is not there yet')
    .option('--sign-key <file>', 'the same as --key')
    .option('--unsafe-unsigned', 'write it without a signature')
    .addHelpText('after', '\nExample:\n  airlock advisories export -o advisories.sig.json --sign-key release.pem')
    .action((options: ExportOptions) => exportAll(options, io));
}

async function exportAll(options: ExportOptions, io: Io): Promise<void> {
  const { store, output, unsafeUnsigned = false } = options;
  const key = options.signKey ?? options.key;
  const isSigned = key !== undefined || options.signer !== undefined;
  if (isSigned === unsafeUnsigned)
    throw new AirlockError('USAGE', {
      message: 'Say who signs: --sign-key FILE or --signer COMMAND; or --unsafe-unsigned, one of them',
    });
  const document = Buffer.from(JSON.stringify(advisoryDocument(store)));
  const info = advisoryInfo(store);
  if (!isSigned) await writeNewFiles(new Map([[output, `${document.toString('utf8')}\n`]]));
  else {
    const signer = await openSigner(key === undefined ? options : { ...options, key }, io);
    const digest = createHash('sha256').update(document).digest('hex');
    const statement = Buffer.from(
      JSON.stringify({
        _type: statementType,
        subject: [{ name: documentName, digest: { sha256: digest } }],
        predicateType: advisoriesPredicateType,
        predicate: JSON.parse(document.toString('utf8')),
      }),
    );
    await writeNewFiles(new Map([[output, await signEnvelope(statement, signer)]]));
  }
  if (options.json === true) io.stdout.write(`${JSON.stringify({ ...info, signed: isSigned }, undefined, 2)}\n`);
  else io.stdout.write(`${info.count} advisories, read on ${info.read}, ${isSigned ? 'signed' : 'not signed'}.\n`);
  warnWhenOld(info, io);
}
