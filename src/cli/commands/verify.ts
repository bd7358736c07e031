// `airlock verify`: whether a model is what was signed, by whom a key or a policy names, without loading it. It decides with the server's own code, and
// it records nothing: asking does not move what counts as the newest version.
import { realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig, modelNameOf, type TrustConfig, type VersionPolicy } from '../../config/index.ts';
import { loadContract } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { compareTree, type Manifest, openTrust, type TreeComparison, type Verdict } from '../../provenance/index.ts';
import { trustOfKey } from '../../serving/index.ts';
import type { Io } from '../io.ts';
import { createProgressBar, formatBytes, type ProgressBar } from '../progress-bar.ts';

interface VerifyOptions {
  readonly key?: string;
  readonly policy?: string;
  readonly policyName?: string;
  readonly model?: string;
  readonly modelVersion?: string;
  readonly signatures?: string;
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
    .option('--model-version <number>', "the version's number; default the name of its folder")
    .option('--signatures <folder>', 'with --key: where model.sig and model.sig.d lie, when not beside the model')
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
  readonly policy: string;
  readonly model: string;
  readonly version: bigint | undefined;
  readonly versions: VersionPolicy;
  /** Where the memory of served versions lies; undefined where none counts. */
  readonly ledgerFolder?: string;
  readonly contractDigest?: string;
}

const minShownBytes = 64 * 1024 * 1024;

async function verify(path: string, options: VerifyOptions, io: Io): Promise<void> {
  const modelPath = existing(path);
  const question = await questionOf(modelPath, options);
  const trust = await openTrust(
    question.trust,
    question.ledgerFolder === undefined ? {} : { ledgerFolder: question.ledgerFolder },
  );
  const { policy, model, version, versions, contractDigest } = question;
  const verdict = await trust.judge({ policy, model, version, modelPath, versions, ...(contractDigest && { contractDigest }) });
  const compared = verdict.manifest === undefined ? undefined : await compare(modelPath, verdict.manifest, io);
  if (options.json === true) io.stdout.write(`${JSON.stringify(asJson(question, verdict, compared), undefined, 2)}\n`);
  else io.stdout.write(asText(path, verdict, compared, options.explain === true));
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
  const { key, policy: file, policyName, signatures } = options;
  if ((key === undefined) === (file === undefined)) {
    throw new AirlockError('USAGE', { message: 'Say whose signature counts: --key FILE or --policy airlock.yaml, one of them' });
  }
  const version = versionOf(modelPath, options.modelVersion);
  const model = options.model ?? modelNameOf(modelPath);
  if (key !== undefined) {
    if (policyName !== undefined) throw new AirlockError('USAGE', { message: '--policy-name goes with --policy' });
    // Whoever names the model asks whether this is that model; otherwise the question is only whose bytes these are.
    const isNamed = options.model !== undefined;
    return {
      ...trustOfKey(key, { isBound: isNamed, ...(signatures && { signatures }) }),
      model,
      version,
      versions: { kind: 'all' },
    };
  }
  if (signatures !== undefined)
    throw new AirlockError('USAGE', { message: '--signatures goes with --key; a policy says where they lie' });
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
  const contract = configured?.contract === undefined ? undefined : await loadContract(configured.contract);
  return {
    trust,
    policy,
    model,
    version,
    versions: configured?.versions ?? { kind: 'latest', count: 1 },
    ledgerFolder: join(store, 'trust'),
    ...(contract && { contractDigest: contract.digest }),
  };
}

function versionOf(modelPath: string, given: string | undefined): bigint | undefined {
  const text = given ?? basename(modelPath);
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  if (given === undefined) return undefined;
  throw new AirlockError('USAGE', { message: '--model-version takes a number' });
}

async function compare(modelPath: string, manifest: Manifest, io: Io): Promise<TreeComparison> {
  let bar: ProgressBar | undefined;
  try {
    const compared = await compareTree(modelPath, manifest, {
      onProgress(doneBytes, totalBytes) {
        // Small models are done before anybody has read a line.
        if (totalBytes < minShownBytes) return;
        bar ??= createProgressBar(io, 'hashing', totalBytes);
        bar.update(doneBytes);
      },
    });
    bar?.finish();
    return compared;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}

function asJson({ model, version }: Question, verdict: Verdict, compared: TreeComparison | undefined): object {
  const { policy, steps, decidedBy, signers, attestations, bundles, manifest, error } = verdict;
  const differences = compared?.differences ?? [];
  return {
    verified: error === undefined && compared !== undefined && differences.length === 0,
    model,
    ...(version === undefined ? {} : { version: String(version) }),
    policy,
    decidedBy: error === undefined && differences.length > 0 ? 'files' : decidedBy,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    signers,
    attestations,
    bundles,
    ...(manifest === undefined ? {} : { root: manifest.root, identity: manifest.identity, files: manifest.files.length }),
    differences,
    steps,
  };
}

function asText(path: string, verdict: Verdict, compared: TreeComparison | undefined, explain: boolean): string {
  const { manifest, signers, error, steps, decidedBy } = verdict;
  const differences = compared?.differences ?? [];
  const isGood = error === undefined && differences.length === 0;
  const lines = [`${printable(path, 512)}: ${isGood ? 'verified' : 'REFUSED'}`];
  for (const { signer, kind, keyId, subject } of signers)
    lines.push(`  signed by ${signer} (${kind} ${keyId.slice(0, 16)}${subject === undefined ? '' : `, ${subject}`})`);
  if (manifest !== undefined && compared !== undefined)
    lines.push(`  ${manifest.files.length} files, ${formatBytes(compared.totalBytes)}, root ${manifest.root}`);
  for (const { name, kind } of differences) lines.push(`  ${kind.padEnd(10)}  ${name}`);
  if (explain) {
    lines.push('');
    for (const { rule, outcome, text } of steps) lines.push(`  ${outcome.padEnd(8)}  ${rule.padEnd(18)}  ${text}`);
    if (compared !== undefined) {
      const text = differences.length === 0 ? 'every file is the one that was signed' : `${differences.length} files differ`;
      lines.push(`  ${(differences.length === 0 ? 'passed' : 'refused').padEnd(8)}  ${'files'.padEnd(18)}  ${text}`);
    }
    const rule = error === undefined && compared !== undefined ? 'files' : decidedBy;
    lines.push(`decided by ${rule} of the policy ${verdict.policy}`);
  }
  return `${lines.join('\n')}\n`;
}
