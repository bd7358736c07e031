// `airlock contract export`: a contract's inputs as a schema or statistics of TensorFlow Data Validation, or as assertions in Python. Everything that judges is
// in src/derive/tfdv and src/harden.
import { type Command, Option } from 'commander';
import { type Contract, loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import {
  exportTfdvSchema,
  exportTfdvStatistics,
  formatTransferReport,
  serializeTfdvSchema,
  serializeTfdvStatistics,
} from '../../../derive/index.ts';
import { pythonAssertions } from '../../../harden/index.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';

interface ExportCommandOptions {
  readonly tfdv?: 'schema' | 'statistics';
  readonly python?: boolean;
  readonly signature?: string;
  readonly binary?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

function tfdvBytes(contract: Contract, { tfdv, signature, binary }: ExportCommandOptions) {
  const chosen = signature === undefined ? {} : { signature };
  const form = binary === true ? 'binary' : 'text';
  if (tfdv === 'statistics') {
    const { statistics, report } = exportTfdvStatistics(contract, chosen);
    return { bytes: serializeTfdvStatistics(statistics, form), report };
  }
  const { schema, report } = exportTfdvSchema(contract, chosen);
  return { bytes: serializeTfdvSchema(schema, form), report };
}

async function exportTfdv(file: string, options: ExportCommandOptions, io: Io): Promise<void> {
  const { output } = options;
  const { contract } = await loadContract(file);
  const { bytes, report } = tfdvBytes(contract, options);
  const text = options.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : formatTransferReport(report);
  if (output === undefined) {
    io.stdout.write(bytes);
    io.stderr.write(text);
  } else {
    await writeNewFiles(new Map([[output, bytes]]));
    io.stdout.write(text);
  }
}

async function exportPython(file: string, { signature, output }: ExportCommandOptions, io: Io): Promise<void> {
  const { contract } = await loadContract(file);
  const [first] = contract.signatures.keys();
  const only = contract.signatures.size === 1 ? first : 'serving_default';
  const text = pythonAssertions(contract, signature ?? only);
  if (output === undefined) io.stdout.write(text);
  else await writeNewFiles(new Map([[output, text]]));
}

async function exportContract(file: string, options: ExportCommandOptions, io: Io): Promise<void> {
  const { tfdv, python } = options;
  if (python === true && (tfdv !== undefined || options.binary === true || options.json === true))
    throw new AirlockError('USAGE', { message: '--python goes with --signature and --output only' });
  if (python === true) await exportPython(file, options, io);
  else if (tfdv !== undefined) await exportTfdv(file, options, io);
  else throw new AirlockError('USAGE', { message: 'Say what to export: --tfdv schema, --tfdv statistics or --python' });
}

/** Adds `airlock contract export`. */
export function addExportCommand(contract: Command, io: Io): void {
  contract
    .command('export <contract>')
    .description('Write a contract in the form of another tool, and say what that cannot express')
    .addOption(new Option('--tfdv <what>', 'for TensorFlow Data Validation').choices(['schema', 'statistics']))
    .option('--python', 'a module of tf.debugging assertions, for scripts that build the model')
    .option('--signature <name>', 'the signature; default the only one, or serving_default')
    .addOption(new Option('--text', 'protobuf text, as in schema.pbtxt (the default)').conflicts('binary'))
    .option('--binary', 'the wire format, as in schema.pb')
    .option('-o, --output <file>', 'where it goes; never overwritten. Default standard output')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  airlock contract export contract.yaml --tfdv schema -o schema.pbtxt')
    .action((file: string, options: ExportCommandOptions) => exportContract(file, options, io));
}
