// `airlock attest`: makes statements about a model that a trust policy can demand. Reads options and prints; what a statement is, and what of
// it is refused, is decided in src/signing/attestations.
import type { Command } from 'commander';
import { loadContract } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { findSlot, loadPins, slotDigest, verifySlot } from '../../runtime/index.ts';
import { type AttestedModel, attestModel, type Facts, hashData, readJsonFile } from '../../signing/attestations/index.ts';
import { counted } from '../counted.ts';
import { withHashingBar } from '../hashing-bar.ts';
import type { Io } from '../io.ts';
import { modelVersion } from '../number-options.ts';
import { addSignerOptions, collect, openSigner, type SignerOptions } from '../signer-options.ts';
import { withInterrupt } from '../with-interrupt.ts';
import { addAttestCyclonedxCommand } from './attest-cyclonedx.ts';
import { addAttestShowCommand } from './attest-show.ts';

interface MakerOptions extends SignerOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Adds `airlock attest` and what is below it. Their actions throw AirlockError and set no exit code. */
export function addAttestCommands(program: Command, io: Io): void {
  const group = program.command('attest').description('make and show statements about a model, beside its signature');
  addRelease(group, io);
  addPredicateFile(group, io, 'slsa', 'state how it was built: SLSA provenance v1 from a file');
  addTraining(group, io);
  addPredicateFile(group, io, 'scan', "state a scanner's result, from a file");
  addContract(group, io);
  addEvaluation(group, io);
  addAttestShowCommand(group, io);
  addAttestCyclonedxCommand(group, io);
}

/** A command that makes statements; `example` is the rest of its line after the path, without a key. */
function maker(group: Command, name: Facts['type'], description: string, example: string): Command {
  const command = group
    .command(name)
    .description(description)
    .argument('<path>', 'the folder of one model, as models/digits/3, or a model that is one file');
  return addSignerOptions(command)
    .option('-o, --output <folder>', 'the folder that holds model.sig and model.sig.d of this model, when it is not the model')
    .option('--force', 'replace a statement of this type and this key')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\nExample:\n  airlock attest ${name} models/digits/3 --key release.pem ${example}`);
}

interface ReleaseOptions extends MakerOptions {
  readonly model: string;
  readonly modelVersion: bigint;
}

function addRelease(group: Command, io: Io): void {
  maker(group, 'release', 'state which model in which version it is', '--model digits --model-version 3')
    .requiredOption('--model <name>', 'the name that it is served under')
    .requiredOption('--model-version <number>', 'its version', modelVersion)
    .action((path: string, options: ReleaseOptions) =>
      make(path, options, io, async () => ({ type: 'release', model: options.model, version: options.modelVersion })),
    );
}

function addPredicateFile(group: Command, io: Io, type: 'slsa' | 'scan', description: string): void {
  maker(group, type, description, `--predicate ${type}.json`)
    .requiredOption('--predicate <file>', 'JSON of the predicate, see docs/attestations.md')
    .action((path: string, options: MakerOptions & { readonly predicate: string }) =>
      make(path, options, io, async () => ({ type, predicate: await readJsonFile(options.predicate) })),
    );
}

interface TrainingOptions extends MakerOptions {
  readonly data: readonly string[];
  readonly codeRevision: string;
  readonly codeUri?: string;
  readonly codeDirty?: boolean;
  readonly framework: string;
  readonly hyperparameters: string;
  readonly metrics?: string;
  readonly at?: string;
}

function addTraining(group: Command, io: Io): void {
  const example = '--data digits.npz --code-revision 1f0c… --framework tensorflow@2.21.0 --hyperparameters params.json';
  maker(group, 'training', 'state what it was trained from', example)
    .requiredOption('--data <file>', 'a data set, which is hashed; may be given several times', collect)
    .requiredOption('--code-revision <text>', 'the commit of the training code')
    .option('--code-uri <uri>', 'where that code lies')
    .option('--code-dirty', 'the code had changes that were not committed')
    .requiredOption('--framework <name@version>', 'as tensorflow@2.21.0')
    .requiredOption('--hyperparameters <file>', 'a JSON object of texts, numbers, truth values, null, or lists of those')
    .option('--metrics <file>', 'a JSON object of numbers')
    .option('--at <time>', 'when it was trained, as 2026-01-31T12:00:00Z (default: now)')
    .action((path: string, options: TrainingOptions) => make(path, options, io, (signal) => trainingFacts(options, signal)));
}

async function trainingFacts(options: TrainingOptions, signal: AbortSignal): Promise<Facts> {
  const { codeRevision: revision, codeUri: uri, codeDirty: dirty, framework, metrics, at } = options;
  const parts = /^([^@]+)@([^@]+)$/.exec(framework);
  if (parts === null) throw new AirlockError('USAGE', { message: '--framework is a name and a version, as tensorflow@2.21.0' });
  const predicate = {
    trainedAt: at ?? nowText(),
    data: await hashData(options.data, signal),
    code: { ...(uri !== undefined && { uri }), revision, ...(dirty !== undefined && { dirty }) },
    framework: { name: parts[1], version: parts[2] },
    hyperparameters: await readJsonFile(options.hyperparameters),
    ...(metrics !== undefined && { metrics: await readJsonFile(metrics) }),
  };
  return { type: 'training', predicate };
}

function addContract(group: Command, io: Io): void {
  maker(group, 'contract', 'state which contract it keeps', '--contract contract.yaml')
    .requiredOption('--contract <file>', 'the contract')
    .action((path: string, options: MakerOptions & { readonly contract: string }) =>
      make(path, options, io, async () => {
        const { contract, digest } = await loadContract(options.contract);
        const { id, revision } = contract.metadata;
        return { type: 'contract', predicate: { contract: { id, revision, digest } } };
      }),
    );
}

interface EvaluationOptions extends MakerOptions {
  readonly data: string;
  readonly metrics: string;
  readonly at?: string;
  readonly tensorflow?: string;
  readonly store: string;
  readonly pins?: string;
}

function addEvaluation(group: Command, io: Io): void {
  maker(group, 'evaluation', 'state how well it did on a data set', '--data test.npz --metrics metrics.json')
    .requiredOption('--data <file>', 'the data set, which is hashed')
    .requiredOption('--metrics <file>', 'a JSON object of numbers')
    .option('--at <time>', 'when it was evaluated, as 2026-01-31T12:00:00Z (default: now)')
    .option(
      '--tensorflow <version>',
      'the installed TensorFlow that it was evaluated with; its slot is verified and named by its digest',
    )
    .option('--store <dir>', 'folder of the store with that TensorFlow', './.airlock')
    .option('--pins <file>', 'reviewed file of further pins, as runtime.pins in airlock.yaml')
    .action((path: string, options: EvaluationOptions) =>
      make(path, options, io, async (signal) => {
        const [data] = await hashData([options.data], signal);
        return {
          type: 'evaluation',
          predicate: {
            evaluatedAt: options.at ?? nowText(),
            data,
            metrics: await readJsonFile(options.metrics),
            ...(options.tensorflow !== undefined && { runtime: await runtimeFacts(options, options.tensorflow, signal) }),
          },
        };
      }),
    );
}

/** Names the very bytes of an installed TensorFlow. @throws RUNTIME_NOT_INSTALLED, RUNTIME_SLOT_INVALID, RUNTIME_PINS_INVALID */
async function runtimeFacts({ store, pins }: EvaluationOptions, version: string, signal: AbortSignal): Promise<object> {
  const slot = await findSlot(store, version, undefined, await loadPins(pins));
  await verifySlot(slot, { signal });
  return { version, digest: slotDigest(slot) };
}

/** To the second: more would only pretend to know. */
function nowText(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

async function make(
  path: string,
  options: MakerOptions,
  io: Io,
  factsOf: (signal: AbortSignal) => Promise<Facts>,
): Promise<void> {
  const signer = await openSigner(options, io);
  const { output, force, json } = options;
  const result = await withHashingBar(json === true ? undefined : io, (onProgress) =>
    withInterrupt(async (signal) => {
      const facts = await factsOf(signal);
      return attestModel({ path, signer, facts, output, force: force === true, signal, onProgress });
    }),
  );
  const { hint } = signer.publicKey;
  io.stdout.write(json === true ? `${JSON.stringify(asJson(result, hint), undefined, 2)}\n` : asText(result, hint));
}

function asJson({ type, manifest, basis, file }: AttestedModel, hint: string): object {
  const { files, root, identity } = manifest;
  return { type, files: files.length, root, identity, basis, signer: { hint }, written: [file] };
}

function asText({ type, manifest, basis, file }: AttestedModel, hint: string): string {
  const { files, root } = manifest;
  const from = basis === 'signature' ? 'as model.sig lists them' : 'which nobody has signed yet';
  const lines = [
    `Stated: ${type}, about ${counted(files.length, 'file')}, ${from}`,
    `  root  ${root}`,
    `  key   ${hint}`,
    `  wrote ${printable(file, 4_096)}`,
  ];
  return `${lines.join('\n')}\n`;
}
