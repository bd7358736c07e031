// `airlock runtime rollback`: what served before the last promotion serves again; also ends a promotion that is under way.
import type { Command } from 'commander';
import { askRollback, findSlot, lastPromotion, verifySlot } from '../../../runtime/index.ts';
import { askerName } from '../../asker-name.ts';
import type { Io } from '../../io.ts';
import {
  followRollout,
  reasonText,
  type StoreOptions,
  storeOf,
  type WaitOptions,
  withConfigOrStore,
  withWait,
} from './rollout-shared.ts';
import { auditRuntime, writeJson } from './shared.ts';

interface RollbackOptions extends StoreOptions, WaitOptions {
  readonly reason?: string;
}

export function addRollbackCommand(runtime: Command, io: Io): void {
  withWait(
    withConfigOrStore(runtime.command('rollback').description('Go back to the TensorFlow that served before the last promotion')),
  )
    .option('--reason <text>', 'why, for the history', reasonText('--reason'))
    .addHelpText('after', '\nExample:\n  airlock runtime rollback --config airlock.yaml --reason "slower than before"')
    .action((options: RollbackOptions) => rollback(options, io));
}

async function rollback(options: RollbackOptions, io: Io): Promise<void> {
  const { reason, wait = io.isTerminal, json = false } = options;
  const { store, state, pins } = await storeOf(options);
  const last = lastPromotion(state.selection, state.configured);
  // While a promotion is under way the old workers live, and hashing 850 MB would only keep whoever wants them back.
  if (last.state === 'done') await verifySlot(await findSlot(store, last.previous, undefined, pins));
  const by = askerName(io.env);
  const { id, version, previous } = askRollback(store, state.configured, { by, reason });
  auditRuntime(store, 'runtime change asked', { id, kind: 'rollback', from: previous, to: version, by, reason });
  const isRunning = state.served !== undefined;
  const isDone = wait && isRunning && (await followRollout(store, id, io));
  if (json) writeJson(io, { id, from: previous, to: version, state: isDone ? 'completed' : 'asked' });
  else if (isDone) io.stdout.write(`TensorFlow ${version} serves again\n`);
  else if (isRunning)
    io.stdout.write(
      `Asked for: the server goes back to TensorFlow ${version}; \`airlock runtime history\` says what came of it\n`,
    );
  else io.stdout.write(`Asked for: no server runs on this store; the next one starts with TensorFlow ${version}\n`);
}
