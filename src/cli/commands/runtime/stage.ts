// `airlock runtime stage`: installs another TensorFlow beside the one that serves. Nothing that serves is touched, and nothing uses the new one before a promotion.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { loadConfig } from '../../../config/index.ts';
import type { Io } from '../../io.ts';
import { install } from './install.ts';
import { type PinsOption, withPins, yankedOption } from './shared.ts';

interface StageOptions extends PinsOption {
  readonly version: string;
  readonly config: string;
  readonly store?: string;
  readonly json?: boolean;
  readonly allowYanked?: string;
}

export function addStageCommand(runtime: Command, io: Io): void {
  withPins(runtime.command('stage').description('Install another TensorFlow beside the one that serves'))
    .requiredOption('--version <version>', 'TensorFlow version')
    .option('--config <file>', 'configuration that says where the store and further pins are, if it is there', 'airlock.yaml')
    .option('--store <dir>', 'folder of the store; default the configuration’s, or ./.airlock')
    .option('--json', 'print the result as JSON')
    .addOption(yankedOption())
    .addHelpText('after', '\nExample:\n  airlock runtime stage --version 2.21.0\n  airlock runtime rehearse 2.21.0 airlock.yaml')
    .action((options: StageOptions) => stage(options, io));
}

async function stage({ version, config: file, json, allowYanked, ...given }: StageOptions, io: Io): Promise<void> {
  const config = existsSync(file) ? await loadConfig(file) : undefined;
  const pins = given.pins ?? config?.runtime.pins;
  const store = given.store ?? config?.store ?? './.airlock';
  await install(
    {
      version,
      store,
      ...(pins === undefined ? {} : { pins }),
      ...(json === undefined ? {} : { json }),
      ...(allowYanked === undefined ? {} : { allowYanked }),
    },
    io,
  );
  if (json !== true) io.stderr.write(`Next: airlock runtime rehearse ${version}\n`);
}
