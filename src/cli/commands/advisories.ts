// `airlock advisories`: what is known about vulnerabilities of TensorFlow and Keras, and how it is kept current. One file for each of its commands.
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addExportCommand } from './advisories/export.ts';
import { addListCommand } from './advisories/list.ts';
import { addShowCommand } from './advisories/show.ts';
import { addUpdateCommand } from './advisories/update.ts';

/** Adds `airlock advisories`. Its actions throw AirlockError and set no exit code. */
export function addAdvisoriesCommands(program: Command, io: Io): void {
  const advisories = program
    .command('advisories')
    .description('Show, update and hand on what is known about vulnerable TensorFlow and Keras');
  for (const add of [addListCommand, addShowCommand, addUpdateCommand, addExportCommand]) add(advisories, io);
}
