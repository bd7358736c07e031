// `airlock contract …`: one file per verb in contract/. This file only lists them; it reads and decides nothing.
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addLintCommand } from './contract/lint.ts';
import { addSchemaCommand } from './contract/schema.ts';

/** What adds one verb; each is in a file of its own in contract/. */
type AddVerb = (contract: Command, io: Io) => void;

const verbs: readonly AddVerb[] = [addLintCommand, addSchemaCommand];

/** Adds `airlock contract` with all its verbs. Their actions throw AirlockError and set no exit code. */
export function addContractCommands(program: Command, io: Io): void {
  const contract = program.command('contract').description('Derive, check and compare the contracts of models');
  for (const add of verbs) add(contract, io);
}
