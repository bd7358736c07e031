// `airlock contract schema`: prints the JSON Schema of a contract, for editors and other tools.
import type { Command } from 'commander';
import { contractJsonSchema } from '../../../contract/index.ts';
import type { Io } from '../../io.ts';

/** Adds `airlock contract schema`. */
export function addSchemaCommand(contract: Command, io: Io): void {
  contract
    .command('schema')
    .description('Print the JSON Schema (2020-12) of contract files')
    .addHelpText('after', '\nExample:\n  airlock contract schema > contract.schema.json')
    .action(() => {
      io.stdout.write(`${JSON.stringify(contractJsonSchema(), undefined, 2)}\n`);
    });
}
