// `airlock contract …`: one file per verb in contract/. This file only lists them; it reads and decides nothing.
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addCheckCommand } from './contract/check.ts';
import { addDiffCommand } from './contract/diff.ts';
import { addExportCommand } from './contract/export.ts';
import { addImportCommand } from './contract/import.ts';
import { addInferCommand } from './contract/infer.ts';
import { addLintCommand } from './contract/lint.ts';
import { addProfileCommand } from './contract/profile.ts';
import { addSchemaCommand } from './contract/schema.ts';
import { addUpdateCommand } from './contract/update.ts';

/** What adds one verb; each is in a file of its own in contract/. */
type AddVerb = (contract: Command, io: Io) => void;

const verbs: readonly AddVerb[] = [
  addInferCommand,
  addProfileCommand,
  addCheckCommand,
  addDiffCommand,
  addExportCommand,
  addImportCommand,
  addLintCommand,
  addSchemaCommand,
  addUpdateCommand,
];

/** Adds `airlock contract` with all its verbs. Their actions throw AirlockError and set no exit code. */
export function addContractCommands(program: Command, io: Io): void {
  const contract = program.command('contract').description('Derive, check and compare the contracts of models');
  for (const add of verbs) add(contract, io);
}
