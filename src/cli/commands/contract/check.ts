// `airlock contract check`: replays data sets or recorded requests through a contract and says which rules they break. It starts no model
// and changes no file.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { assertContractFits, type Contract, loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import {
  type CheckReport,
  checkDataset,
  checkRequests,
  defaultDatasetLimits,
  formatCheckReport,
  isBroken,
  parseMapping,
  SourceFile,
} from '../../../derive/index.ts';
import { readSavedModel, selectMetaGraph } from '../../../model/index.ts';
import type { Signature } from '../../../tensor/index.ts';
import type { Io } from '../../io.ts';
import { addDataOptions, chooseSignature, type DataOptions, withDatasets, withProgress } from './data-options.ts';

interface CheckCommandOptions extends DataOptions {
  readonly limit?: string;
}

/** Adds `airlock contract check`. Exit code 1 when a rule that is enforced was broken. */
export function addCheckCommand(contract: Command, io: Io): void {
  addDataOptions(
    contract
      .command('check <contract> <model>')
      .description('Replay data sets through a contract, and say which rules they break'),
    ['requests'],
  )
    .option('--limit <records>', 'records of each file; default all')
    .addHelpText(
      'after',
      '\nExamples:\n  airlock contract check contract.yaml examples/tabular --data held-out.csv' +
        '\n  airlock contract check contract.yaml examples/tabular --data bodies.jsonl --format requests',
    )
    .action((file: string, model: string, options: CheckCommandOptions) => check(file, model, options, io));
}

async function check(file: string, model: string, options: CheckCommandOptions, io: Io): Promise<void> {
  const limit = options.limit === undefined ? undefined : Number(options.limit);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new AirlockError('USAGE', { message: '--limit must be a whole number of records' });
  const { contract, digest } = await loadContract(file);
  const { signatures } = selectMetaGraph(await readSavedModel(resolve(model)), options.tags.split(','));
  assertContractFits(contract, signatures);
  const reports: CheckReport[] = [];
  for (const path of options.data) reports.push(await checkFile(path, contract, signatures, options, limit, io));
  const { id, revision } = contract.metadata;
  if (options.json === true) io.stdout.write(`${JSON.stringify({ id, revision, digest, files: reports }, undefined, 2)}\n`);
  else for (const report of reports) io.stdout.write(formatCheckReport(report));
  const broken = reports.filter(isBroken).length;
  if (broken > 0)
    throw new AirlockError('CONTRACT_VIOLATION', {
      message: `${broken} of ${reports.length} files break rules that are enforced`,
    });
}

async function checkFile(
  path: string,
  contract: Contract,
  signatures: readonly Signature[],
  options: CheckCommandOptions,
  limit: number | undefined,
  io: Io,
): Promise<CheckReport> {
  const bounds = limit === undefined ? {} : { limit };
  if (options.format === 'requests') {
    return withProgress(io, async (onProgress, begin) => {
      const file = await SourceFile.open(resolve(path), defaultDatasetLimits.maxBytes, onProgress);
      try {
        begin(file.size);
        return await checkRequests(contract, signatures, file, bounds);
      } finally {
        await file.close();
      }
    });
  }
  const signature = chooseSignature(signatures, options.signature);
  const mappings = options.map.map(parseMapping);
  return withDatasets([path], options, io, ([dataset]) =>
    checkDataset(contract, signatures, signature, dataset, { mappings, ...bounds }),
  );
}
