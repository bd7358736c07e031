// The command line that starts a process in given layers: [bwrap …] node launcher PLAN, and the plan itself. Pure, apart from looking up
// links: which layers work was settled before.
import { keptDescriptors, type LaunchPlan, type PathRule } from '../jail/index.ts';
import { launcherEntry } from '../launcher/index.ts';
import { type Bubblewrap, bubblewrapArguments } from './bubblewrap.ts';
import type { StartOptions } from './jail.ts';
import type { LayerSet } from './layers.ts';

/** Tensors live outside of JavaScript's heap, which needs little; a model's hands in it get no more. */
export const defaultExecArgv: readonly string[] = ['--max-old-space-size=128'];

// All that TensorFlow and Node need. The server's environment may hold credentials, and NODE_OPTIONS or LD_PRELOAD would be code.
const environment: Readonly<Record<string, string>> = {
  // Errors only: TensorFlow writes a line for each request that it refuses.
  TF_CPP_MIN_LOG_LEVEL: '2',
  // Node reads the system's OpenSSL configuration at start and exits when it may not.
  OPENSSL_CONF: '/dev/null',
};

// V8 compiles little for so short a life: one helper thread instead of four.
const launcherExecArgv: readonly string[] = ['--v8-pool-size=1', '--max-old-space-size=64'];

/** What RLIMIT_DATA allows above the memory limit: Node 24 and TensorFlow together reserve 0.9 GiB that they do not use. */
const reservedBytes = 1.5 * 1024 ** 3;

/**
 * What RLIMIT_AS allows above the memory limit. Node and TensorFlow map 2.5 GiB, and each of a few hundred threads a stack and an arena of
 * glibc, 72 MiB. A model that maps all of it and touches each page table takes 128 MiB of the kernel's memory.
 */
const mappedBytes = 64 * 1024 ** 3;

/** Limits that are the same for every process. 256 open files are several times what a worker has. */
export const fixedLimits = { core: 0, fileSize: 0, openFiles: 256 } as const;

export interface CommandSettings {
  readonly layers: LayerSet;
  readonly bubblewrap: Bubblewrap | undefined;
  /** Everything that the process needs, the entry included, by the paths that the server knows. */
  readonly files: readonly PathRule[];
  /** Where a file lies for the process's user. */
  readonly pathOf: (file: string) => string;
  /** The user of the process is nobody else's, so that its tasks can be counted. */
  readonly hasOwnUser: boolean;
}

export interface StartCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export function startCommand(settings: CommandSettings, options: StartOptions): StartCommand {
  const { layers, bubblewrap, files, pathOf } = settings;
  const { entry, args = [], execArgv = defaultExecArgv } = options;
  if (layers.size === 0) return { program: process.execPath, args: [...execArgv, entry, ...args], environment };
  if (bubblewrap === undefined || !layers.has('namespaces')) {
    const node = pathOf(process.execPath);
    const plan = launchPlan(settings, options, pathOf);
    return { program: node, args: [...launcherExecArgv, pathOf(launcherEntry), JSON.stringify(plan)], environment };
  }
  // Inside, each file lies where the server has it.
  const plan = launchPlan(settings, options, (file) => file);
  const launcher = [process.execPath, ...launcherExecArgv, launcherEntry, JSON.stringify(plan)];
  return {
    program: bubblewrap.path,
    args: [...bubblewrapArguments(bubblewrap, files, environment, pathOf), ...launcher],
    environment: {},
  };
}

function launchPlan(
  { layers, files, hasOwnUser }: CommandSettings,
  { entry, args = [], execArgv = defaultExecArgv, limits }: StartOptions,
  inside: (file: string) => string,
): LaunchPlan {
  return {
    program: inside(process.execPath),
    args: [...execArgv, inside(entry), ...args],
    environment,
    keptDescriptors,
    dieWithParent: !layers.has('namespaces'),
    limits: {
      ...fixedLimits,
      data: limits.memoryBytes + reservedBytes,
      addressSpace: limits.memoryBytes + mappedBytes,
      // A user namespace counts the tasks of its own users.
      ...(hasOwnUser || layers.has('namespaces') ? { processes: limits.maxTasks } : {}),
    },
    ...(layers.has('landlock') ? { landlock: files.map((rule) => ({ ...rule, path: inside(rule.path) })) } : {}),
    seccomp: layers.has('seccomp'),
  };
}
