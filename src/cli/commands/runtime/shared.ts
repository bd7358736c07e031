// What the commands of `airlock runtime` share: their options, and how they show work that takes long.
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { AuditLog } from '../../../audit/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import type { OnRuntimeProgress, RuntimeProgress, RuntimeStep } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { createProgressBar, type ProgressBar } from '../../progress-bar.ts';

export interface CommonOptions {
  readonly store: string;
  readonly json?: boolean;
}

export function withStore(command: Command): Command {
  return command.option('--store <dir>', 'folder of the store', './.airlock').option('--json', 'print the result as JSON');
}

export interface PinsOption {
  readonly pins?: string;
}

export function withPins(command: Command): Command {
  return command.option('--pins <file>', 'reviewed file of further pins, as runtime.pins in airlock.yaml');
}

/** Why a withdrawn release is taken all the same. */
export function yankedOption(): Option {
  return new Option(
    '--allow-yanked <reason>',
    'take a release that its publisher has withdrawn; the reason is recorded',
  ).argParser((text: string) => {
    if (text.trim() !== '' && text.length <= 300) return printable(text, 300);
    throw new AirlockError('USAGE', { message: '--allow-yanked takes a reason of 1 to 300 characters' });
  });
}

/** One line of the store's audit log about a slot. @throws AUDIT_LOG_FAILED */
export function auditRuntime(store: string, kind: string, entry: Readonly<Record<string, unknown>>): void {
  new AuditLog(join(store, 'audit')).append(kind, entry);
}

export interface StepPrinter {
  readonly onProgress: OnRuntimeProgress;
  /** Call when the last step is over. */
  finish(): void;
  clear(): void;
}

/** One bar after the other, one for each step. With `silent` it prints nothing: somebody reads the output as JSON. */
export function createStepPrinter(io: Io, labels: Readonly<Record<RuntimeStep, string>>, silent: boolean): StepPrinter {
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

export function labelsFor(version: string, packageName: string): Readonly<Record<RuntimeStep, string>> {
  return {
    download: `Downloading ${packageName} ${version}`,
    hash: 'Checking the SHA-256 of the wheel',
    extract: 'Unpacking the TensorFlow libraries',
    verify: `Verifying TensorFlow ${version}`,
  };
}

export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
