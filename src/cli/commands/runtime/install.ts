// `airlock runtime install`: downloads, verifies and installs one pinned TensorFlow.
import type { Command } from 'commander';
import {
  archOfMachine,
  defaultVersion,
  findWheelPin,
  installRuntime,
  loadPins,
  type RuntimeSlot,
  slotDigest,
} from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import {
  auditRuntime,
  type CommonOptions,
  createStepPrinter,
  labelsFor,
  type PinsOption,
  withPins,
  withStore,
  writeJson,
  yankedOption,
} from './shared.ts';

export interface InstallCommandOptions extends CommonOptions, PinsOption {
  readonly version: string;
  readonly repair?: boolean;
  readonly allowYanked?: string;
}

export function addInstallCommand(runtime: Command, io: Io): void {
  withPins(withStore(runtime.command('install').description('Download, verify and install a pinned TensorFlow')))
    .option('--version <version>', 'TensorFlow version', defaultVersion)
    .option('--repair', 'replace an installed version that fails verification')
    .addOption(yankedOption())
    .addHelpText('after', '\nExample:\n  airlock runtime install --version 2.20.0')
    .action((options: InstallCommandOptions) => install(options, io));
}

/** Installs and says so. @throws as `installRuntime` and `loadPins`. */
export async function install(options: InstallCommandOptions, io: Io): Promise<void> {
  const { version, store, repair, allowYanked } = options;
  const pins = await loadPins(options.pins);
  const pin = findWheelPin(version, archOfMachine(), pins);
  const printer = createStepPrinter(io, labelsFor(version, pin.package), options.json === true);
  let slot: RuntimeSlot;
  try {
    slot = await withInterrupt((signal) =>
      installRuntime({
        version,
        store,
        pins,
        repair,
        allowYanked,
        signal,
        env: io.env,
        onProgress: printer.onProgress,
        onNote: (text) => io.stderr.write(`${text}\n`),
        onYanked: (reason, allowed) => auditRuntime(store, 'runtime yanked', { version, reason, allowed }),
      }),
    );
  } catch (error) {
    printer.clear();
    throw error;
  }
  printer.finish();
  if (options.json === true)
    writeJson(io, { version: slot.version, arch: slot.arch, directory: slot.directory, digest: slotDigest(slot) });
  else
    io.stdout.write(`TensorFlow ${slot.version} is installed and verified in ${slot.directory} (SHA-256 ${slotDigest(slot)})\n`);
}
