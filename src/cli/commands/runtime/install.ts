// `airlock runtime install`: downloads, verifies and installs one pinned TensorFlow.
import type { Command } from 'commander';
import { archOfMachine, defaultVersion, findPin, installRuntime, type RuntimeSlot } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { type CommonOptions, createStepPrinter, labelsFor, withStore, writeJson } from './shared.ts';

interface InstallCommandOptions extends CommonOptions {
  readonly version: string;
  readonly repair?: boolean;
}

export function addInstallCommand(runtime: Command, io: Io): void {
  withStore(runtime.command('install').description('Download, verify and install a pinned TensorFlow'))
    .option('--version <version>', 'TensorFlow version', defaultVersion)
    .option('--repair', 'replace an installed version that fails verification')
    .addHelpText('after', '\nExample:\n  airlock runtime install --version 2.20.0')
    .action((options: InstallCommandOptions) => install(options, io));
}

async function install(options: InstallCommandOptions, io: Io): Promise<void> {
  const { version, store, repair } = options;
  const pin = findPin(version, archOfMachine());
  const printer = createStepPrinter(io, labelsFor(version, pin.package), options.json === true);
  let slot: RuntimeSlot;
  try {
    slot = await withInterrupt((signal) =>
      installRuntime({ version, store, repair, signal, env: io.env, onProgress: printer.onProgress }),
    );
  } catch (error) {
    printer.clear();
    throw error;
  }
  printer.finish();
  if (options.json === true) writeJson(io, { version: slot.version, arch: slot.arch, directory: slot.directory });
  else io.stdout.write(`TensorFlow ${slot.version} is installed and verified in ${slot.directory}\n`);
}
