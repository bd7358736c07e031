// `airlock contract update`: writes a proposal for the next revision beside a contract, and prints the difference. It never changes the
// contract itself, and what serving counted never widens anything. Everything that judges is in src/derive/changes.
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type Contract, loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import {
  contractText,
  diffContracts,
  formatChanges,
  loadObservations,
  measureData,
  parseMapping,
  proposeFromData,
  proposePromotions,
} from '../../../derive/index.ts';
import type { Io } from '../../io.ts';
import { writeNewFiles } from '../../new-files.ts';
import { numberBetween, wholeNumberBetween } from '../../number-options.ts';
import { addReadingOptions, type ReadingOptions, withDatasets } from './data-options.ts';

interface UpdateOptions extends ReadingOptions {
  readonly output: string;
  readonly data?: readonly string[];
  readonly status?: string;
  readonly signature?: string;
  readonly maxWidening: number;
  readonly tighten?: boolean;
  readonly days?: number;
  readonly minRequests: number;
  readonly maxRate: number;
  readonly minDays: number;
  readonly json?: boolean;
}

interface Proposal {
  readonly contract: Contract;
  readonly comments: ReadonlyMap<string, string>;
  /** For people: what was not proposed, and why. */
  readonly remarks: readonly string[];
}

const dayMs = 86_400_000;

async function fromStatus(contract: Contract, digest: string, status: string, options: UpdateOptions): Promise<Proposal> {
  const observations = await loadObservations(status, digest);
  const { sinceMs } = observations;
  const days = options.days ?? (sinceMs === undefined ? undefined : (Date.now() - sinceMs) / dayMs);
  if (days === undefined)
    throw new AirlockError('USAGE', { message: 'The status does not say since when it counts: say it with --days' });
  const { minRequests, maxRate, minDays } = options;
  const proposal = proposePromotions(contract, { observations, days }, { minRequests, maxRate, minDays });
  return {
    contract: proposal.contract,
    comments: new Map(),
    remarks: proposal.kept.map(({ ruleId, why }) => `${ruleId} stays as it is: ${why}`),
  };
}

async function fromData(contract: Contract, files: readonly string[], options: UpdateOptions, io: Io): Promise<Proposal> {
  const { signature, map, maxWidening, tighten = false } = options;
  const chosen = { mappings: map.map(parseMapping), ...(signature === undefined ? {} : { signature }) };
  const { measured, warnings } = await withDatasets(files, options, io, (datasets) => measureData(contract, datasets, chosen));
  const proposal = proposeFromData(contract, measured, measured.metadata.sources, { maxWidening, tighten });
  const capped = proposal.capped.map(
    ({ path, before, after, wanted }) =>
      `${path}: the data reach ${wanted}; ${after === before ? 'the cap allows no step from' : `one step from ${before} is`} ${after}`,
  );
  return { contract: proposal.contract, comments: proposal.comments, remarks: [...warnings, ...capped] };
}

/** Vocabularies are found beside their contract. */
async function assertPlace(file: string, output: string, contract: Contract): Promise<void> {
  const hasFiles = [...contract.signatures.values()].some(({ inputs, outputs }) =>
    [...inputs.values(), ...outputs.values()].some(
      ({ vocabulary, example }) =>
        vocabulary !== undefined || [...(example?.features.values() ?? [])].some((rules) => rules.vocabulary !== undefined),
    ),
  );
  const folder = (path: string) => realpath(dirname(path)).catch(() => path);
  if (hasFiles && (await folder(file)) !== (await folder(output)))
    throw new AirlockError('USAGE', { message: 'The contract names vocabularies, so the proposal has to be in the same folder' });
}

async function update(file: string, options: UpdateOptions, io: Io): Promise<void> {
  const { data = [], status, output } = options;
  if ((status === undefined) === (data.length === 0))
    throw new AirlockError('USAGE', { message: 'Name either --data or --status' });
  const { contract, digest } = await loadContract(file);
  await assertPlace(file, output, contract);
  const proposal =
    status === undefined ? await fromData(contract, data, options, io) : await fromStatus(contract, digest, status, options);
  const changes = diffContracts(contract, proposal.contract);
  const { remarks, comments } = proposal;
  const isWritten = changes.length > 0;
  if (isWritten) await writeNewFiles(new Map([[output, contractText(proposal.contract, comments)]]));
  if (options.json === true) {
    const revision = isWritten ? proposal.contract.metadata.revision : contract.metadata.revision;
    io.stdout.write(`${JSON.stringify({ written: isWritten, revision, changes, remarks }, undefined, 2)}\n`);
    return;
  }
  io.stdout.write(isWritten ? formatChanges(changes) : 'Nothing to propose; no file was written.\n');
  for (const remark of remarks) io.stdout.write(`${remark}\n`);
}

/** Adds `airlock contract update`. Exit code 0, with or without a proposal. */
export function addUpdateCommand(contract: Command, io: Io): void {
  const command = contract
    .command('update <contract>')
    .description('Propose the next revision of a contract; a person decides')
    .requiredOption('-o, --output <file>', 'where the proposal goes; never overwritten')
    .option('--data <files...>', 'new training data: bounds that they pass go out by a capped step');
  addReadingOptions(command)
    .option('--status <file>', 'the JSON of /airlock/v1/status: rules that nobody broke are proposed for enforcing')
    .option('--signature <name>', 'the signature that takes the data')
    .option('--max-widening <fraction>', 'of the old range, per step', numberBetween(0, 1), 0.1)
    .option('--tighten', 'also bring in bounds that the data stay well inside of')
    .option('--days <days>', 'how long the status counted, if it does not say', numberBetween(0, 100_000))
    .option('--min-requests <number>', 'requests before a rule is promoted', wholeNumberBetween(0), 10_000)
    .option('--max-rate <fraction>', 'of broken elements over requests', numberBetween(0, 1), 0.001)
    .option('--min-days <days>', 'days before a rule is promoted', numberBetween(0, 100_000), 7)
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', '\nExample:\n  airlock contract update contract.yaml --data may.csv -o contract-next.yaml')
    .action((file: string, options: UpdateOptions) => update(file, options, io));
}
