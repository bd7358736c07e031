// `airlock runtime`: the TensorFlow versions of a store. One file for each of its commands; everything that decides is in src/runtime.
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addAttestLibrariesCommand } from './runtime/attest.ts';
import { addCheckCommand } from './runtime/check.ts';
import { addHistoryCommand } from './runtime/history.ts';
import { addImportCommand } from './runtime/import.ts';
import { addInstallCommand } from './runtime/install.ts';
import { addListCommand } from './runtime/list.ts';
import { addPinCommand } from './runtime/pin.ts';
import { addPromoteCommand } from './runtime/promote.ts';
import { addRehearseCommand } from './runtime/rehearse.ts';
import { addRemoveCommand } from './runtime/remove.ts';
import { addRollbackCommand } from './runtime/rollback.ts';
import { addStageCommand } from './runtime/stage.ts';
import { addUpdateCommand } from './runtime/update.ts';
import { addVerifySlotsCommand } from './runtime/verify.ts';

/** Adds `airlock runtime`. Its actions throw AirlockError and set no exit code. */
export function addRuntimeCommands(program: Command, io: Io): void {
  // Without this, `airlock runtime install --version 2.20.0` would print the version of Airlock.
  program.enablePositionalOptions();
  const runtime = program.command('runtime').description('Install, verify, watch and replace the official TensorFlow libraries');
  for (const add of [
    addStageCommand,
    addRehearseCommand,
    addPromoteCommand,
    addRollbackCommand,
    addHistoryCommand,
    addRemoveCommand,
    addInstallCommand,
    addListCommand,
    addVerifySlotsCommand,
    addPinCommand,
    addImportCommand,
    addAttestLibrariesCommand,
    addCheckCommand,
    addUpdateCommand,
  ])
    add(runtime, io);
}
