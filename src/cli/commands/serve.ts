// `airlock serve`: the server, in the foreground, until SIGINT or SIGTERM.
import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Config, configForFolder, loadConfig, weakenings } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import { type AirlockServer, startServer } from '../../gateway/index.ts';
import { assertPrivate } from '../../provenance/index.ts';
import { exampleRequest } from '../example-request.ts';
import type { Io } from '../io.ts';
import { isolationText } from '../isolation-text.ts';
import { createServerLog, type ServerLog } from '../server-log.ts';
import { addTrustOptions, assertTrustGiven, type TrustOptions } from '../trust-options.ts';
import { type UnsafeLevel, unsafeSandboxOption } from '../unsafe-sandbox-option.ts';

interface ServeOptions extends TrustOptions {
  readonly listen?: string;
  readonly store?: string;
  readonly log?: 'json' | 'text';
  readonly unsafeSandbox?: UnsafeLevel;
  readonly unsafeUnscanned?: boolean;
}

export function addServeCommand(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('serve the models of a folder, or of an airlock.yaml')
    .argument('[path]', 'a SavedModel, a folder of versions, a folder of models, or a configuration', 'airlock.yaml');
  addTrustOptions(command, '; only for a folder')
    .option('--listen <host:port>', 'address of the REST interface (default 127.0.0.1:8501); only for a folder')
    .option('--store <folder>', 'where the TensorFlow runtimes are (default .airlock); only for a folder')
    .addOption(unsafeSandboxOption('; only for a folder'))
    .option('--unsafe-unscanned', 'load models without scanning them; only for a folder')
    .addOption(new Option('--log <format>', 'default: text on a terminal, json elsewhere').choices(['json', 'text']))
    .addHelpText(
      'after',
      '\nExamples:\n  airlock serve ./models/digits --key release.pub\n  airlock serve airlock.yaml --log json',
    )
    .action((path: string, options: ServeOptions) => serve(path, options, io));
}

async function serve(path: string, options: ServeOptions, io: Io): Promise<void> {
  const config = await readConfig(path, options);
  const log = createServerLog(io.stdout, options.log ?? (io.isTerminal ? 'text' : 'json'));
  for (const line of weakenings(config)) log.note(`weakened: ${line}`);
  const stop = stopSignal();
  const server = await startServer(config, log);
  log.note(`isolation: ${isolationText(server.isolation)}`);
  const { runtime } = server;
  if (runtime !== undefined) log.note(`TensorFlow ${runtime.version} (${runtime.origin}), SHA-256 of the slot ${runtime.digest}`);
  try {
    log.listening(server);
    await Promise.race([server.loaded, stop]);
    if (server.catalog.ready) sayHowToCall(config, server, log);
    await stop;
    log.note('stopping');
  } finally {
    await server.close();
  }
}

/** @throws CONFIG_NOT_FOUND, CONFIG_INVALID, USAGE. */
async function readConfig(path: string, options: ServeOptions): Promise<Config> {
  if (!existsSync(path)) {
    throw new AirlockError('CONFIG_NOT_FOUND', {
      message: `There is no ${path}: give a folder with a model, or an airlock.yaml`,
    });
  }
  if (statSync(path).isDirectory()) {
    assertTrustGiven(options, 'or serve an airlock.yaml with a trust section');
    return configForFolder(path, {
      ...(options.listen === undefined ? {} : { listen: { rest: options.listen } }),
      ...(options.store === undefined ? {} : { store: options.store }),
      ...(options.unsafeSandbox === undefined ? {} : { sandbox: { unsafeLevel: options.unsafeSandbox } }),
      ...(options.unsafeUnscanned === true ? { scan: { unsafeOff: true } } : {}),
      ...(options.key === undefined ? { unsafeUnsigned: true } : { publicKey: resolve(options.key) }),
    });
  }
  const { listen, store, unsafeSandbox, unsafeUnscanned, key, unsafeUnsigned } = options;
  if ([listen, store, unsafeSandbox, unsafeUnscanned, key, unsafeUnsigned].some((option) => option !== undefined)) {
    throw new AirlockError('USAGE', {
      message: `--listen, --store, --unsafe-sandbox, --unsafe-unscanned, --key and --unsafe-unsigned are for a folder; ${path} says them itself`,
    });
  }
  const config = await loadConfig(path);
  // Whoever can write it decides whose signatures count, and which file says what TensorFlow is.
  if (config.trust !== undefined || config.runtime.pins !== undefined) await assertPrivate(resolve(path), 'TRUST_INVALID');
  return config;
}

function sayHowToCall(config: Config, server: AirlockServer, log: ServerLog): void {
  const [model] = config.models;
  const url = `${server.url}/v1/models/${encodeURIComponent(model.name)}`;
  log.note(
    `ready; try:  curl ${exampleRequest(relative(process.cwd(), model.path), server.catalog.model(model.name).resolve({}), url)}`,
  );
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        // A second signal means it: leave at once.
        process.once(name, () => process.exit(130));
        resolve();
      });
    }
  });
}
