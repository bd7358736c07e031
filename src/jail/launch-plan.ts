// What a launcher is told: which program to become, and what to give up first. It travels as JSON in the launcher's only argument, so it
// must never hold a secret: arguments of a process can be read by others.

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
  /** Processes and threads of the user; absent where the user is shared with others, whose processes would count too. */
  readonly processes?: number;
}

export interface LaunchPlan {
  /** Absolute path of the program to become, and its arguments without the program's name. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** File descriptors from 0 that are kept, 4 for a worker; all above are closed at execve, also those that somebody leaked. */
  readonly keptDescriptors: number;
  /** Ends the process when its parent does. Off below bubblewrap, which does so itself. */
  readonly dieWithParent: boolean;
  readonly limits: ResourceLimits;
  /** Absent: no Landlock. */
  readonly landlock?: readonly PathRule[];
  /** Whether the loading filter is installed. */
  readonly seccomp: boolean;
}
