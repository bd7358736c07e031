// `airlock contract check`: replays data sets or recorded requests through a contract and says which rules they break. It starts no model
// and changes no file.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { assertContractFits, type Contract, loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import {
  type CheckReport,
  checkDataset,
  checkFailures,
  checkRequests,
  defaultDatasetLimits,
  formatCheckReport,
  parseMapping,
  SourceFile,
} from '../../../derive/index.ts';
import { readSavedModel, selectMetaGraph } from '../../../model/index.ts';
import type { Signature } from '../../../tensor/index.ts';
import type { Io } from '../../io.ts';
import { wholeNumberBetween } from '../../number-options.ts';
import { addDataOptions, chooseSignature, type DataOptions, withDatasets, withProgress } from './data-options.ts';

/** Files that the last line names; the report has them all. */
const maxReasons = 3;

interface CheckCommandOptions extends DataOptions {
  readonly limit?: number;
  readonly allowIncomplete?: boolean;
}

/** Adds `airlock contract check`. Exit code 1 when a rule that is enforced was broken, and when records could not be checked. */
export function addCheckCommand(contract: Command, io: Io): void {
  addDataOptions(
    contract
      .command('check <contract> <model>')
      .description('Replay data sets through a contract, and say which rules they break'),
    ['requests'],
  )
    .option('--limit <records>', 'records of each file; default all', wholeNumberBetween(1))
    .option('--allow-incomplete', 'pass over records that have no value for an input')
    .addHelpText(
      'after',
      '\nExamples:\n  airlock contract check contract.yaml examples/tabular --data held-out.csv' +
        '\n  airlock contract check contract.yaml examples/tabular --data bodies.jsonl --format requests',
    )
    .action((file: string, model: string, options: CheckCommandOptions) => check(file, model, options, io));
}

async function check(file: string, model: string, options: CheckCommandOptions, io: Io): Promise<void> {
  const { limit, allowIncomplete = false } = options;
  const { contract, digest } = await loadContract(file);
  const { signatures } = selectMetaGraph(await readSavedModel(resolve(model)), options.tags.split(','));
  assertContractFits(contract, signatures);
  const reports: CheckReport[] = [];
  for (const path of options.data) reports.push(await checkFile(path, contract, signatures, options, limit, io));
  const { id, revision } = contract.metadata;
  const verdicts = reports.map((report) => ({ report, failures: checkFailures(report, { allowIncomplete }) }));
  const files = verdicts.map(({ report, failures }) => ({ ...report, failures }));
  if (options.json === true) io.stdout.write(`${JSON.stringify({ id, revision, digest, files }, undefined, 2)}\n`);
  else for (const report of reports) io.stdout.write(formatCheckReport(report));
  const failed = verdicts.filter(({ failures }) => failures.length > 0);
  if (failed.length === 0) return;
  const reasons = failed.map(({ report, failures }) => `${report.name}: ${failures.join('; ')}`);
  throw new AirlockError('CONTRACT_VIOLATION', {
    message: `${failed.length} of ${reports.length} files did not pass: ${reasons.slice(0, maxReasons).join('. ')}`,
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
