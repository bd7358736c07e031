// `airlock runtime verify`: hashes what is installed against the pins.
import type { Command } from 'commander';
import { AirlockError } from '../../../core/index.ts';
import { findSlot, listSlots, loadPins, type RuntimeSlot, slotDigest, verifySlot } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { type CommonOptions, createStepPrinter, labelsFor, type PinsOption, withPins, withStore, writeJson } from './shared.ts';

interface VerifyCommandOptions extends CommonOptions, PinsOption {
  readonly version?: string;
}

export function addVerifySlotsCommand(runtime: Command, io: Io): void {
  withPins(withStore(runtime.command('verify').description('Hash the installed files against the pins')))
    .option('--version <version>', 'TensorFlow version; default: every installed one')
    .addHelpText('after', '\nExample:\n  airlock runtime verify --version 2.21.0')
    .action((options: VerifyCommandOptions) => verify(options, io));
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
  if (options.json !== true)
    io.stdout.write(`TensorFlow ${slot.version} (${slot.arch}) is what the pin table says (SHA-256 ${slotDigest(slot)})\n`);
}

async function verify(options: VerifyCommandOptions, io: Io): Promise<void> {
  const { store, version } = options;
  const pins = await loadPins(options.pins);
  const slots = version === undefined ? await listSlots(store, pins) : [await findSlot(store, version, undefined, pins)];
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
      digest: faultOf(slot) === undefined ? slotDigest(slot) : null,
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
