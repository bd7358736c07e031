// `airlock runtime list`: the pinned TensorFlow versions, and which of them are installed.
import type { Command } from 'commander';
import {
  archOfMachine,
  defaultVersion,
  listSlots,
  loadPins,
  pinnedVersions,
  type RuntimeSlot,
  readStoreState,
  slotDigest,
} from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { type CommonOptions, type PinsOption, withPins, withStore, writeJson } from './shared.ts';

export function addListCommand(runtime: Command, io: Io): void {
  withPins(withStore(runtime.command('list').description('List the pinned TensorFlow versions and which are installed')))
    .addHelpText('after', '\nExample:\n  airlock runtime list --json')
    .action((options: CommonOptions & PinsOption) => list(options, io));
}

/** Where the libraries of a slot come from; a folder of a version that nothing pins can never be loaded. */
function originOf({ pin }: RuntimeSlot): 'official' | 'built' | 'not pinned' {
  if (pin === undefined) return 'not pinned';
  return pin.origin ?? 'official';
}

/** What stays installed, and why. */
function roleOf(version: string, serving: string, kept: string | undefined): string {
  if (version === serving) return '  serves';
  return version === kept ? '  kept to go back to' : '';
}

async function list(options: CommonOptions & PinsOption, io: Io): Promise<void> {
  const arch = archOfMachine();
  const pins = await loadPins(options.pins);
  const slots = await listSlots(options.store, pins);
  const installed = slots.map((slot) => ({
    version: slot.version,
    arch: slot.arch,
    installed: true as const,
    directory: slot.directory,
    origin: originOf(slot),
    digest: slot.pin === undefined ? null : slotDigest(slot),
  }));
  const isInstalled = (version: string) => slots.some((slot) => slot.version === version && slot.arch === arch);
  const missing = pinnedVersions(arch, pins).filter((version) => !isInstalled(version));
  const versions = [...installed, ...missing.map((version) => ({ version, arch, installed: false as const }))];
  const { tensorflow: serving, kept } = readStoreState(options.store, undefined, defaultVersion);
  if (options.json === true) {
    writeJson(io, { default: defaultVersion, serving, kept: kept ?? null, arch, versions });
    return;
  }
  for (const row of versions) {
    const state = row.installed ? 'installed' : 'not installed';
    const origin = row.installed && row.origin !== 'official' ? `  ${row.origin}` : '';
    const mark = row.version === defaultVersion ? '  default' : '';
    const role = row.installed ? roleOf(row.version, serving, kept) : '';
    io.stdout.write(`${row.version.padEnd(8)}  ${row.arch.padEnd(7)}  ${state}${origin}${mark}${role}\n`);
  }
}
