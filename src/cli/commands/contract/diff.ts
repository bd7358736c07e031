// `airlock contract diff`: prints what differs in what two contracts enforce. Everything that judges is in src/derive/changes.
import type { Command } from 'commander';
import { loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import { diffContracts, formatChanges } from '../../../derive/index.ts';
import type { Io } from '../../io.ts';

interface DiffOptions {
  readonly breaking?: boolean;
  readonly json?: boolean;
}

async function diff(before: string, after: string, options: DiffOptions, io: Io): Promise<void> {
  const [old, now] = [await loadContract(before), await loadContract(after)];
  const all = diffContracts(old.contract, now.contract);
  const changes = options.breaking === true ? all.filter(({ breaking }) => breaking) : all;
  const breaking = all.filter((change) => change.breaking).length;
  if (options.json === true) {
    const ends = { before: old.digest, after: now.digest };
    io.stdout.write(`${JSON.stringify({ ...ends, breaking, changes }, undefined, 2)}\n`);
  } else io.stdout.write(formatChanges(changes));
  if (changes.length > 0)
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The contracts differ: ${all.length} changes, ${breaking} breaking` });
}

/** Adds `airlock contract diff`. Exit code 0 when both enforce the same, 1 when they differ, 3 when one is not valid. */
export function addDiffCommand(contract: Command, io: Io): void {
  contract
    .command('diff <old> <new>')
    .description('Say what two contracts enforce differently; breaking changes begin with !')
    .option('--breaking', 'only what may refuse a request that was fine, or let an answer say more')
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', '\nExample:\n  airlock contract diff --breaking contract.yaml contract-next.yaml')
    .action((before: string, after: string, options: DiffOptions) => diff(before, after, options, io));
}
