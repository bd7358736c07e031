// One process from its start to its end: its socket, its log, its id, what the kernel says of it, and that it ends when it is told to.
// Believes nothing that comes from the process.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { AirlockError, readStartTime } from '../core/index.ts';
import type { Attestation, JailedProcess, ProcessExit, ProcessUsage } from './jail.ts';
import { captureLog, type LogLine } from './log-capture.ts';
import { type ExitStatus, exitOf, untilGone } from './process-exit.ts';
import type { ProcessGroup } from './process-group.ts';
import { readLimits, readOwnNamespaces, readThreads, readUsage } from './process-status.ts';
import type { StartCommand } from './start-command.ts';

export interface ProcessSettings {
  readonly command: StartCommand;
  /** The program of the command is bubblewrap, and the process itself its child. */
  readonly isBubblewrap: boolean;
  /** User and group; absent: the server's own. */
  readonly userId: number | undefined;
  readonly group: ProcessGroup | undefined;
  /** seccomp filters that the server itself is under. */
  readonly inheritedFilters: number;
  readonly onLog: (line: LogLine) => void;
}

/** Starts it. @throws WORKER_START_FAILED when no file descriptor is left, or the server may not start processes of this user. */
export function startProcess(settings: ProcessSettings): JailedProcess {
  const { isBubblewrap, group, onLog } = settings;
  const child = spawnChild(settings);
  const status = exitOf(child, isBubblewrap);
  // Missing when no file descriptor was left to make them of.
  const [, stdout, stderr, socket, info] = child.stdio ?? [];
  if (!stdout || !stderr || !socket) throw new AirlockError('WORKER_START_FAILED', { detail: 'no file descriptors are left' });
  captureLog(stdout as Readable, 'stdout', onLog);
  captureLog(stderr as Readable, 'stderr', onLog);
  if (child.pid !== undefined) group?.add(child.pid);
  const identity = isBubblewrap ? childOf(info as Readable) : Promise.resolve(child.pid);
  return new RunningProcess(child, socket as Duplex, identity, status, settings);
}

function spawnChild({ command, isBubblewrap, userId }: ProcessSettings): ChildProcess {
  const options: SpawnOptions = {
    env: command.environment,
    // 'pipe' on file descriptor 3 is a Unix socket pair, readable and writable on both ends.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...(isBubblewrap ? (['pipe'] as const) : [])],
    // In the server's own process group, so that a Ctrl-C reaches it too; bubblewrap makes a session of its own.
    detached: false,
    cwd: '/',
    ...(userId === undefined ? {} : { uid: userId, gid: userId }),
  };
  try {
    return spawn(command.program, command.args, options);
  } catch (thrown) {
    // Node reports some errors by an event and throws the others, among them a user that could not be set.
    throw new AirlockError('WORKER_START_FAILED', { detail: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

/** The id that bubblewrap writes; undefined when it ends before. */
function childOf(info: Readable): Promise<number | undefined> {
  let text = '';
  info.setEncoding('latin1');
  return new Promise((resolve) => {
    info.on('data', (chunk: string) => {
      text += chunk;
      const id = /"child-pid": *(\d+)/.exec(text)?.[1];
      if (id !== undefined) resolve(Number(id));
    });
    info.on('error', () => undefined);
    info.on('close', () => resolve(undefined));
  });
}

/** How long bubblewrap may take to say which process it has made. It does so within milliseconds. */
const identifyTimeoutMs = 1000;

class RunningProcess implements JailedProcess {
  readonly #child: ChildProcess;
  readonly socket: Duplex;
  readonly exited: Promise<ProcessExit>;
  readonly #settings: ProcessSettings;
  readonly #identity: Promise<number | undefined>;
  #processId: number | undefined;
  /** Tells the process from a later one with its id, which can come between its end and bubblewrap's. */
  #startTime: string | undefined;
  #isGone = false;
  #mustDie = false;

  constructor(
    child: ChildProcess,
    socket: Duplex,
    identity: Promise<number | undefined>,
    status: Promise<ExitStatus>,
    settings: ProcessSettings,
  ) {
    this.#child = child;
    this.socket = socket;
    this.#settings = settings;
    this.#identity = identity.then((processId) => this.#identify(processId));
    this.exited = this.#end(status);
  }

  get processId(): number | undefined {
    return this.#processId;
  }

  /**
   * Aims at the process and not at bubblewrap, which waits for it and exits when it is gone. A process whose id is not known yet, for
   * a few milliseconds, is ended then: bubblewrap alone could leave a child behind that it has just made.
   */
  kill(): void {
    this.#mustDie = true;
    if (this.#isGone) return;
    // Node has not waited for its own child yet, so no other process can have got that id.
    if (!this.#settings.isBubblewrap) this.#child.kill('SIGKILL');
    else if (this.#processId === undefined) setTimeout(() => this.#endUnidentified(), identifyTimeoutMs).unref();
    else if (!this.#isAnother(this.#processId)) endProcess(this.#processId);
  }

  /** Only what was read counts: with no file descriptor left nothing can be, and the process must end all the same. */
  #isAnother(processId: number): boolean {
    const startTime = readStartTime(processId);
    return this.#startTime !== undefined && startTime !== undefined && startTime !== this.#startTime;
  }

  #endUnidentified(): void {
    if (this.#processId === undefined && !this.#isGone) this.#child.kill('SIGKILL');
  }

  async attest(): Promise<Attestation> {
    const processId = await this.#identity;
    if (processId === undefined || this.#isGone) throw endedEarly();
    try {
      return this.#examine(processId);
    } catch (thrown) {
      throw endedEarly(thrown);
    }
  }

  usage(): ProcessUsage | undefined {
    return this.#processId === undefined || this.#isGone ? undefined : readUsage(this.#processId);
  }

  #identify(processId: number | undefined): number | undefined {
    this.#processId = processId;
    if (processId === undefined) return undefined;
    this.#startTime = readStartTime(processId);
    // bubblewrap may have made it before it was moved itself.
    if (this.#settings.isBubblewrap) this.#settings.group?.add(processId);
    if (this.#mustDie) this.kill();
    return processId;
  }

  #examine(processId: number): Attestation {
    const threads = readThreads(processId);
    return {
      filters: Math.min(...threads.map((thread) => thread.filters)) - this.#settings.inheritedFilters,
      noNewPrivileges: threads.every((thread) => thread.noNewPrivileges),
      userId: threads[0].userId,
      withoutCapabilities: threads.every((thread) => thread.withoutCapabilities),
      ownNamespaces: readOwnNamespaces(processId),
      threads: threads.length,
      limits: readLimits(processId),
      cgroup: this.#settings.group?.limitsOf(processId) ?? {},
    };
  }

  async #end(status: Promise<ExitStatus>): Promise<ProcessExit> {
    const exit = await status;
    // When bubblewrap was killed, the kernel ends its child a moment later.
    if (this.#processId !== undefined) await untilGone(this.#processId, this.#startTime);
    this.#isGone = true;
    return { ...exit, outOfMemory: this.#settings.group?.isOutOfMemory() ?? false };
  }
}

function endProcess(processId: number): void {
  try {
    process.kill(processId, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}

function endedEarly(cause?: unknown): AirlockError {
  return new AirlockError('WORKER_START_FAILED', {
    detail: 'the process ended before it was examined, or /proc does not show it',
    cause,
  });
}
