// What a jail is to the rest of the tree: something opened once per server, that starts processes and says what really holds them.
import type { Duplex } from 'node:stream';
import type { LogLine } from './log-capture.ts';

/**
 * What is demanded of each process; a level demands all that those after it do.
 * full: namespaces, Landlock, a user without privileges, seccomp, resource limits. process: the same without namespaces. seccomp-only:
 * seccomp and resource limits; namespaces and the user stay where they work, Landlock does not, but the level promises neither.
 * none: a process like any other.
 */
export type JailLevel = 'full' | 'process' | 'seccomp-only' | 'none';

/** From the strongest to the weakest. */
const jailLevels: readonly JailLevel[] = ['full', 'process', 'seccomp-only', 'none'];

/** Whether `level` is `required` or stronger. */
export function reaches(level: JailLevel, required: JailLevel): boolean {
  return jailLevels.indexOf(level) <= jailLevels.indexOf(required);
}

export type LayerName =
  | 'namespaces'
  | 'landlock'
  | 'seccomp'
  | 'limits'
  | 'user'
  | 'cgroup-memory'
  | 'cgroup-cpu'
  | 'cgroup-tasks';

/** One layer on this machine, found by trying it. */
export interface LayerReport {
  readonly layer: LayerName;
  readonly works: boolean;
  /** For an operator: what was found, or why it does not work and what would help. */
  readonly detail: string;
}

export interface JailLimits {
  /** The process's own memory; code and libraries shared with others do not count. */
  readonly memoryBytes: number;
  /** Share of one core, 100 being one whole core; only where cgroups are delegated. Absent: no limit. */
  readonly cpuPercent?: number;
  /** Threads. */
  readonly maxTasks: number;
}

export interface StartOptions {
  /** The JavaScript file to run, part of this package's build. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Options for Node before the entry. */
  readonly execArgv?: readonly string[];
  /** Files and folders that it may read, besides Node, the C library and this package's own code. */
  readonly readable: readonly string[];
  readonly limits: JailLimits;
  /**
   * Runs as the server's own user, without the server's rights, instead of as one of its own. Only for a process that loads no native code and reads
   * files that nobody else may read: staging them for another user would change or copy a model that must lie still. Default false.
   */
  readonly keepUser?: boolean;
  /** Each line that it prints, printable and bounded. */
  readonly onLog: (line: LogLine) => void;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when the process could not be started at all. */
  readonly error?: Error;
  /** The kernel ended it because its cgroup was out of memory. */
  readonly outOfMemory: boolean;
}

/** What the kernel says of a process, read from outside: nothing here is the process's own word. */
export interface Attestation {
  /** seccomp filters on the thread that has fewest; those that the server itself was started under are not counted. */
  readonly filters: number;
  readonly noNewPrivileges: boolean;
  readonly userId: number;
  /** True when no thread has any capability in its effective, permitted or ambient set. */
  readonly withoutCapabilities: boolean;
  /** Namespaces that are not the server's own, for example `net`; undefined when the kernel no longer shows them. */
  readonly ownNamespaces: readonly string[] | undefined;
  readonly threads: number;
  /** Soft limits as /proc/PID/limits has them, by its names. */
  readonly limits: Readonly<Record<string, string>>;
  /** Limits that its cgroup has, for example `memory 1073741824`; empty without one. */
  readonly cgroup: Readonly<Record<string, string>>;
}

/** A reading of /proc/PID. */
export interface ProcessUsage {
  /** Memory that is the process's own (resident, without mapped files). */
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly threads: number;
  /** True while at least one thread runs, wants to, waits for the disk, or was stopped by a debugger or a signal. */
  readonly computing: boolean;
  /** Its first thread has ended and others go on: the kernel no longer shows its memory. No honest program does so. */
  readonly isHeadless: boolean;
}

export interface JailedProcess {
  /** The process itself, not what stands around it; undefined until it is known, and when it could not be started. */
  readonly processId: number | undefined;
  /** The server's end of the socket pair whose other end is the process's file descriptor 3. */
  readonly socket: Duplex;
  /** Ends the process with SIGKILL, and with it all that it started. */
  kill(): void;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Reads what the kernel holds the process to. @throws WORKER_START_FAILED when it is gone. */
  attest(): Promise<Attestation>;
  /** Undefined when the process is gone. Costs about 50 µs; for a watchdog. */
  usage(): ProcessUsage | undefined;
}

/** What a machine has for a jail, or a server for its processes; found by trying it. */
export interface JailFindings {
  readonly level: JailLevel;
  readonly layers: readonly LayerReport[];
  /** What stands around the server itself, for example `gVisor` or `container`; by what the kernel shows. */
  readonly surroundings: readonly string[];
}

export interface Jail extends JailFindings {
  /** @throws WORKER_START_FAILED, with the reason, for example that no file descriptor is left. */
  start(options: StartOptions): JailedProcess;
  /** Whether an attested process has every layer of this jail's level. Gives what is missing; empty when nothing is. */
  missing(attestation: Attestation, filters: number): readonly string[];
  /** Where a file named in `readable` lies for its processes; differs where a server that is root had to make it reachable. */
  pathInside(file: string): string;
  /** Removes what the jail put on the disk. Its processes must be gone. */
  close(): Promise<void>;
}
