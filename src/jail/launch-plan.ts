// What a launcher is told: which program to become, and what to give up first. It travels as JSON in the launcher's only argument, so it
// must never hold a secret: arguments of a process can be read by others.
import { AirlockError } from '../core/index.ts';

/** The launcher's exit code when it did not become the program; one line on standard error says why. */
export const launchFailed = 97;

/** The worker's end of the socket to the server. */
export const socketDescriptor = 3;

/** How many file descriptors a worker keeps, from 0: the standard streams and its socket. */
export const keptDescriptors: number = socketDescriptor + 1;

/**
 * What a process under Landlock may do below one path; nothing else on the file system may be opened.
 * `read`: one file. `folder`: list it and read everything below it. `execute`: read and execute one file.
 */
export interface PathRule {
  readonly path: string;
  readonly access: 'read' | 'folder' | 'execute';
}

/** Resource limits by the names of setrlimit(2), each set as soft and hard limit. Bytes, counts, or seconds as the man page has it. */
export interface ResourceLimits {
  readonly core: number;
  /** The size of a file that may be written: 0, because a worker writes none. Pipes and sockets are not counted. */
  readonly fileSize: number;
  readonly openFiles: number;
  /** Private writable memory (RLIMIT_DATA). The serving filter refuses the two kinds of memory that it does not count. */
  readonly data: number;
  /** Everything that is mapped (RLIMIT_AS). Memory that is only read costs the kernel page tables, which nothing else counts. */
  readonly addressSpace: number;
  /** Processes and threads of the user; absent where the user is shared with others, whose processes would count too. */
  readonly processes?: number;
}

/** The numbers of setrlimit(2), the same on both architectures. */
export const resourceLimitNumbers: Readonly<Record<keyof ResourceLimits, number>> = {
  fileSize: 1,
  data: 2,
  core: 4,
  processes: 6,
  openFiles: 7,
  addressSpace: 9,
};

export const limitNames = Object.keys(resourceLimitNumbers) as readonly (keyof ResourceLimits)[];

export interface LaunchPlan {
  /** Absolute path of the program to become, and its arguments without the program's name. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** How many file descriptors from 0 are kept; all above are closed at execve, also those that somebody leaked. */
  readonly keptDescriptors: number;
  /** Ends the process when its parent does. Off below bubblewrap, which does so itself. */
  readonly dieWithParent: boolean;
  readonly limits: ResourceLimits;
  /** Absent: no Landlock. */
  readonly landlock?: readonly PathRule[];
  /** Whether the loading filter is installed. */
  readonly seccomp: boolean;
}

const planKeys: ReadonlySet<string> = new Set([
  'program',
  'args',
  'environment',
  'keptDescriptors',
  'dieWithParent',
  'limits',
  'landlock',
  'seccomp',
] satisfies (keyof LaunchPlan)[]);

/**
 * Reads a plan. It comes from the server, so this is no defence: a field that is misspelt on the way must not leave a process with
 * more than it was meant to have.
 * @throws WORKER_START_FAILED.
 */
export function parseLaunchPlan(text: string): LaunchPlan {
  const plan = JSON.parse(text) as Partial<LaunchPlan> | null;
  const valid =
    typeof plan?.program === 'string' &&
    Array.isArray(plan.args) &&
    typeof plan.environment === 'object' &&
    Number.isInteger(plan.keptDescriptors) &&
    typeof plan.dieWithParent === 'boolean' &&
    limitNames.every((name) => Number.isInteger(plan.limits?.[name]) || name === 'processes') &&
    (plan.landlock === undefined || Array.isArray(plan.landlock)) &&
    typeof plan.seccomp === 'boolean' &&
    Object.keys(plan).every((key) => planKeys.has(key));
  if (!valid) throw new AirlockError('WORKER_START_FAILED', { detail: 'the plan is not valid' });
  return plan as LaunchPlan;
}
