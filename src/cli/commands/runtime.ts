// `airlock runtime install | list | verify`: the TensorFlow versions of a store. Prints; everything that decides is in src/runtime.
import type { Command } from 'commander';
import { AirlockError } from '../../core/index.ts';
import {
  archOfMachine,
  defaultVersion,
  findPin,
  findSlot,
  installRuntime,
  listSlots,
  type OnRuntimeProgress,
  pinnedVersions,
  type RuntimeProgress,
  type RuntimeSlot,
  type RuntimeStep,
  verifySlot,
} from '../../runtime/index.ts';
import type { Io } from '../io.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { withInterrupt } from '../with-interrupt.ts';

interface CommonOptions {
  readonly store: string;
  readonly json?: boolean;
}

interface InstallCommandOptions extends CommonOptions {
  readonly version: string;
  readonly repair?: boolean;
}

interface VerifyCommandOptions extends CommonOptions {
  readonly version?: string;
}

interface StepPrinter {
  readonly onProgress: OnRuntimeProgress;
  /** Call when the last step is over. */
  finish(): void;
  clear(): void;
}

/** One bar after the other, one for each step. With `silent` it prints nothing: somebody reads the output as JSON. */
function createStepPrinter(io: Io, labels: Readonly<Record<RuntimeStep, string>>, silent: boolean): StepPrinter {
  let step: RuntimeStep | undefined;
  let bar: ProgressBar | undefined;
  const onProgress = (progress: RuntimeProgress) => {
    if (progress.step !== step) {
      bar?.finish();
      step = progress.step;
      bar = createProgressBar(io, labels[step], progress.totalBytes);
    }
    bar?.update(progress.doneBytes);
  };
  return silent
    ? { onProgress: () => {}, finish() {}, clear() {} }
    : { onProgress, finish: () => bar?.finish(), clear: () => bar?.clear() };
}

function labelsFor(version: string, packageName: string): Readonly<Record<RuntimeStep, string>> {
  return {
    download: `Downloading ${packageName} ${version}`,
    hash: 'Checking the SHA-256 of the wheel',
    extract: 'Unpacking the TensorFlow libraries',
    verify: `Verifying TensorFlow ${version}`,
  };
}

function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
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

async function verifyOne(slot: RuntimeSlot, options: CommonOptions, io: Io): Promise<void> {
  const printer = createStepPrinter(io, labelsFor(slot.version, ''), options.json === true);
  try {
    await withInterrupt((signal) => verifySlot(slot, { onProgress: printer.onProgress, signal }));
  } catch (error) {
    printer.clear();
    throw error;
  }
  printer.finish();
  if (options.json !== true) io.stdout.write(`TensorFlow ${slot.version} (${slot.arch}) is what the pin table says\n`);
}

async function verify(options: VerifyCommandOptions, io: Io): Promise<void> {
  const { store, version } = options;
  const slots = version === undefined ? await listSlots(store) : [await findSlot(store, version)];
  if (slots.length === 0) {
    throw new AirlockError('RUNTIME_NOT_INSTALLED', {
      message: 'No TensorFlow is installed in this store; `airlock runtime install` installs it',
    });
  }
  const failures: { readonly slot: RuntimeSlot; readonly error: AirlockError }[] = [];
  for (const slot of slots) {
    try {
      await verifyOne(slot, options, io);
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (error.code === 'CANCELLED') throw error;
      failures.push({ slot, error });
    }
  }
  if (options.json === true) {
    const faultOf = (slot: RuntimeSlot) => failures.find((failure) => failure.slot === slot)?.error;
    const rows = slots.map((slot) => ({
      version: slot.version,
      arch: slot.arch,
      error: faultOf(slot)?.code ?? null,
      detail: faultOf(slot)?.detail ?? null,
    }));
    writeJson(io, { verified: rows });
  }
  for (const { slot, error } of failures.slice(1))
    io.stderr.write(`TensorFlow ${slot.version} (${slot.arch}): ${error.detail ?? error.message}\n`);
  const first = failures.at(0);
  if (first !== undefined) throw first.error;
}

/** Adds `airlock runtime`. Its actions throw AirlockError and set no exit code. */
export function addRuntimeCommands(program: Command, io: Io): void {
  // Without this, `airlock runtime install --version 2.20.0` would print the version of Airlock.
  program.enablePositionalOptions();
  const runtime = program.command('runtime').description('Install and verify the official TensorFlow libraries');
  const withStore = (command: Command) =>
    command.option('--store <dir>', 'folder of the store', './.airlock').option('--json', 'print the result as JSON');
  withStore(runtime.command('install').description('Download, verify and install a pinned TensorFlow'))
    .option('--version <version>', 'TensorFlow version', defaultVersion)
    .option('--repair', 'replace an installed version that fails verification')
    .addHelpText('after', '\nExample:\n  airlock runtime install --version 2.20.0')
    .action((options: InstallCommandOptions) => install(options, io));
  withStore(runtime.command('list').description('List the pinned TensorFlow versions and which are installed'))
    .addHelpText('after', '\nExample:\n  airlock runtime list --json')
    .action((options: CommonOptions) => list(options, io));
  withStore(runtime.command('verify').description('Hash the installed files against the pins'))
    .option('--version <version>', 'TensorFlow version; default: every installed one')
    .addHelpText('after', '\nExample:\n  airlock runtime verify --version 2.21.0')
    .action((options: VerifyCommandOptions) => verify(options, io));
}
