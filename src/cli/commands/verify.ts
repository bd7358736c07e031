// `airlock verify`: whether a model is what was signed, by whom a key or a policy names, without loading it. It decides with the server's own code, and
// it records nothing: asking does not move what counts as the newest version.
import { realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig, modelNameOf, type TrustConfig, trustOfKey } from '../../config/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { assertPrivate, compareTree, openTrust, type TrustRequest } from '../../provenance/index.ts';
import { withHashingBar } from '../hashing-bar.ts';
import type { Io } from '../io.ts';
import { modelVersion } from '../number-options.ts';
import { verdictJson, verdictText } from '../verdict-text.ts';

interface VerifyOptions {
  readonly key?: string;
  readonly policy?: string;
  readonly policyName?: string;
  readonly model?: string;
  readonly modelVersion?: bigint;
  readonly signature?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command, io: Io): void {
  program
    .command('verify')
    .description('say whether a model is what was signed, and by whom')
    .argument('<path>', 'a version folder, or a model that is one file')
    .option('--key <file>', 'public key (PEM) whose owner must have signed it')
    .option('--policy <airlock.yaml>', 'decide as a server with this configuration would')
    .option('--policy-name <name>', 'which policy of that file; default the one of the model')
    .option('--model <name>', 'what the model is called; default the name of its folder')
    .option('--model-version <number>', "the version's number; default the name of its folder", modelVersion)
    .option('--signature <file>', 'with --key: the bundle, when it does not lie beside the model')
    .option('--explain', 'print each step of the decision, and the rule that decided')
    .option('--json', 'print the decision as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  airlock verify examples/digits/1 --key examples/release.pub\n  airlock verify models/digits/3 --policy airlock.yaml --explain',
    )
    .action((path: string, options: VerifyOptions) => verify(path, options, io));
}

interface Question {
  readonly trust: TrustConfig;
  /** Where the memory of served versions lies; undefined where none counts. */
  readonly ledgerFolder?: string;
  readonly asked: Omit<TrustRequest, 'modelPath'>;
}

/** Smaller models are done before anybody has read a line. */
const minShownBytes = 64 * 1024 * 1024;

async function verify(path: string, options: VerifyOptions, io: Io): Promise<void> {
  const modelPath = existing(path);
  const question = await questionOf(modelPath, options);
  const { trust, ledgerFolder, asked } = question;
  const verdict = await (await openTrust(trust, ledgerFolder === undefined ? {} : { ledgerFolder })).judge({
    ...asked,
    modelPath,
  });
  const { manifest } = verdict;
  const compared =
    manifest && (await withHashingBar(io, (onProgress) => compareTree(modelPath, manifest, { onProgress }), minShownBytes));
  if (options.json === true) io.stdout.write(`${JSON.stringify(verdictJson(asked, verdict, compared), undefined, 2)}\n`);
  else io.stdout.write(verdictText(path, verdict, compared, options.explain === true));
  if (verdict.error !== undefined) throw verdict.error;
  if (compared === undefined) throw new AirlockError('INTERNAL');
  if (compared.differences.length > 0) throw new AirlockError('MODEL_TAMPERED');
}

/** The operator may point at a link; from here on nothing may be one. */
function existing(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new AirlockError('USAGE', { message: `There is no ${printable(path, 256)}`, cause });
  }
}

async function questionOf(modelPath: string, options: VerifyOptions): Promise<Question> {
  const { key, policy: file, policyName, signature } = options;
  if ((key === undefined) === (file === undefined)) {
    throw new AirlockError('USAGE', { message: 'Say whose signature counts: --key FILE or --policy airlock.yaml, one of them' });
  }
  const version = options.modelVersion ?? versionOf(modelPath);
  const model = options.model ?? modelNameOf(modelPath);
  if (key !== undefined) {
    if (policyName !== undefined) throw new AirlockError('USAGE', { message: '--policy-name goes with --policy' });
    // Whoever names the model or its version asks whether this is that; otherwise the question is only whose bytes these are.
    const isNamed = options.model !== undefined || options.modelVersion !== undefined;
    const { trust, policy } = trustOfKey(key, { isBound: isNamed });
    const file = signature === undefined ? {} : { signatureFile: existing(signature) };
    return { trust, asked: { policy, model, version, versions: { kind: 'all' }, ...file } };
  }
  if (signature !== undefined)
    throw new AirlockError('USAGE', { message: '--signature goes with --key; a policy says where signatures lie' });
  return questionOfPolicy(resolve(file ?? ''), model, version, policyName);
}

async function questionOfPolicy(
  file: string,
  model: string,
  version: bigint | undefined,
  policyName: string | undefined,
): Promise<Question> {
  const { trust, models, store } = await loadConfig(file);
  const configured = models.find(({ name }) => name === model);
  const policy = policyName ?? configured?.trust;
  if (trust === undefined || policy === undefined) {
    throw new AirlockError('USAGE', {
      message: `${basename(file)} gives no trust policy to the model ${printable(model, 128)}: say which one with --policy-name, or the model with --model`,
    });
  }
  await assertPrivate(file, 'TRUST_INVALID');
  const contract = configured?.contract === undefined ? {} : { contractDigest: await contractDigestOf(configured.contract) };
  const versions = configured?.versions ?? ({ kind: 'latest', count: 1 } as const);
  return { trust, ledgerFolder: join(store, 'trust'), asked: { policy, model, version, versions, ...contract } };
}

/** Loaded here: what reads contracts takes longer to start than most models take to verify. */
async function contractDigestOf(file: string): Promise<string> {
  const { loadContract } = await import('../../contract/index.ts');
  return (await loadContract(file)).digest;
}

/** As the server takes it from the folder's name. */
function versionOf(modelPath: string): bigint | undefined {
  const name = basename(modelPath);
  return /^\d{1,19}$/.test(name) ? BigInt(name) : undefined;
}
