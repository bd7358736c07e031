// `airlock runtime list`: the pinned TensorFlow versions, and which of them are installed.
import type { Command } from 'commander';
import { archOfMachine, defaultVersion, listSlots, pinnedVersions } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { type CommonOptions, withStore, writeJson } from './shared.ts';

export function addListCommand(runtime: Command, io: Io): void {
  withStore(runtime.command('list').description('List the pinned TensorFlow versions and which are installed'))
    .addHelpText('after', '\nExample:\n  airlock runtime list --json')
    .action((options: CommonOptions) => list(options, io));
}

async function list(options: CommonOptions, io: Io): Promise<void> {
  const arch = archOfMachine();
  const slots = await listSlots(options.store);
  const installed = slots.map((slot) => ({ version: slot.version, arch: slot.arch, installed: true, directory: slot.directory }));
  const isInstalled = (version: string) => slots.some((slot) => slot.version === version && slot.arch === arch);
  const missing = pinnedVersions(arch).filter((version) => !isInstalled(version));
  const versions = [...installed, ...missing.map((version) => ({ version, arch, installed: false }))];
  if (options.json === true) {
    writeJson(io, { default: defaultVersion, arch, versions });
    return;
  }
  for (const row of versions) {
    const state = row.installed ? 'installed' : 'not installed';
    const mark = row.version === defaultVersion ? '  default' : '';
    io.stdout.write(`${row.version.padEnd(8)}  ${row.arch.padEnd(7)}  ${state}${mark}\n`);
  }
}
