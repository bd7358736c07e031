// `airlock runtime remove`: deletes an installed TensorFlow that nobody needs.
import type { Command } from 'commander';
import { removeSlot } from '../../../runtime/index.ts';
import { askerName } from '../../asker-name.ts';
import type { Io } from '../../io.ts';
import { type StoreOptions, storeOf, withConfigOrStore } from './rollout-shared.ts';
import { auditRuntime, writeJson } from './shared.ts';

export function addRemoveCommand(runtime: Command, io: Io): void {
  const command = runtime
    .command('remove')
    .description('Delete an installed TensorFlow; never the one that serves, nor the one to go back to')
    .argument('<version>', 'the TensorFlow version');
  withConfigOrStore(command)
    .addHelpText('after', '\nExample:\n  airlock runtime remove 2.12.1')
    .action((version: string, options: StoreOptions) => remove(version, options, io));
}

async function remove(version: string, options: StoreOptions, io: Io): Promise<void> {
  const { store, state, pins } = await storeOf(options);
  await removeSlot(store, state, version, pins);
  auditRuntime(store, 'runtime removed', { version, by: askerName(io.env) });
  if (options.json === true) writeJson(io, { removed: version });
  else io.stdout.write(`TensorFlow ${version} is removed\n`);
}
