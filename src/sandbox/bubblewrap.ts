// The arguments that make bubblewrap a policy, which it says of itself it is not: every namespace, one file bound after the other into an
// empty tree, nothing writable, no /proc, no shell. It only builds the surroundings; what the process may call is the launcher's part.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { keptDescriptors, type PathRule } from '../jail/index.ts';
import { isExecutable } from './is-executable.ts';
import { devices } from './needed-files.ts';
import { followPath } from './path-chain.ts';

export interface Bubblewrap {
  readonly path: string;
  /** Whether this build can forbid user namespaces inside (0.8 and newer); else only seccomp does. */
  readonly canDisableUserNamespaces: boolean;
}

/** The file descriptor on which bubblewrap tells the process's id: the one after those that the process itself gets. */
const infoDescriptor = keptDescriptors;

/**
 * Looks for `bwrap` in the absolute folders of PATH, or takes the file that is given. A relative folder is skipped: whoever can write
 * into the folder in which the server is started would choose the program.
 */
export function findBubblewrap(given?: string): Bubblewrap | undefined {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => path.isAbsolute(folder));
  const candidates = given === undefined ? folders.map((folder) => path.join(folder, 'bwrap')) : [given];
  const file = candidates.find(isExecutable);
  if (file === undefined) return undefined;
  const help = spawnSync(file, ['--help'], { env: {}, cwd: '/', encoding: 'utf8', timeout: 5000 });
  return { path: file, canDisableUserNamespaces: help.stdout?.includes('--disable-userns') ?? false };
}

/** Nobody, also inside: a file that says who may read it is read by strangers' rights. */
const insideId = '65534';

/**
 * The arguments up to the command. `source` says where a file really lies that the process is to see at its own path.
 */
export function bubblewrapArguments(
  { canDisableUserNamespaces }: Bubblewrap,
  files: readonly PathRule[],
  environment: Readonly<Record<string, string>>,
  source: (real: string) => string,
): string[] {
  return [
    ...['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
    ...(canDisableUserNamespaces ? ['--disable-userns'] : []),
    ...['--uid', insideId, '--gid', insideId, '--cap-drop', 'ALL'],
    // The process is pid 1 of its namespace: the kernel ends everything in there with it.
    ...['--as-pid-1', '--die-with-parent', '--new-session', '--hostname', 'worker'],
    ...['--info-fd', String(infoDescriptor), '--clearenv'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...mounts(files, source),
    // TensorFlow aborts when it cannot read this link, which is all that it and Node need of /proc.
    ...['--dir', '/proc/self', '--symlink', process.execPath, '/proc/self/exe'],
    // The root is a tmpfs without a limit, and writable unless told otherwise.
    ...['--remount-ro', '/', '--chdir', '/', '--'],
  ];
}

/** Links first: a folder that is made for a mount would stand where a link belongs. */
function mounts(files: readonly PathRule[], source: (real: string) => string): string[] {
  const links = new Map<string, string>();
  const reals = new Set<string>();
  for (const file of files) {
    const chain = followPath(file.path);
    for (const [place, target] of chain.links) links.set(place, target);
    reals.add(chain.real);
  }
  return [
    ...[...links].flatMap(([place, target]) => ['--symlink', target, place]),
    ...[...reals].flatMap((real) => [devices.includes(real) ? '--dev-bind' : '--ro-bind', source(real), real]),
  ];
}
