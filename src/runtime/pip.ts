// Fetches one wheel through the user's own pip, so that index, proxy, certificates and mirrors are the ones that the user set up.
// It must never name an index of its own, never install anything, and never run pip in a folder that somebody else can write:
// `python -m` puts the working folder first on its module path, so a file `pip.py` next to a downloaded model would be run.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import type { RuntimePin } from './pin-types.ts';
import { cancelled } from './runtime-error.ts';

export type PipEnvironment = Readonly<Record<string, string | undefined>>;

/** A program and its first arguments. */
export type PipCommand = readonly [program: string, ...args: string[]];

const candidates: readonly PipCommand[] = [['python3', '-m', 'pip'], ['pip3'], ['pip']];

/**
 * Settings of the user's that would keep pip from saying what we have to know; the environment wins over every file. With `quiet` it lists no settings at
 * all, and does not say that a release was withdrawn; with `user`, `global` or `site` it lists those of one file (pip/_internal/commands/configuration.py).
 */
const plainSpoken = { PIP_QUIET: '0', PIP_VERBOSE: '0', PIP_USER: '0', PIP_GLOBAL: '0', PIP_SITE: '0' } as const;

const maxStderrChars = 64 * 1024;
/** Of what a command prints that is asked for something; more means that it is no pip. */
const maxStdoutChars = 256 * 1024;
const killAfterMs = 3000;

interface RunOptions {
  readonly cwd: string;
  readonly env: PipEnvironment;
  readonly signal?: AbortSignal | undefined;
  /** Keeps what it prints, up to 256 Ki characters. */
  readonly captures?: boolean;
}

interface RunResult {
  /** null when a signal ended it or it never started. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, also when it is cancelled: the folder it writes into is removed right afterwards. */
function run(command: PipCommand, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const [program, ...first] = command;
  return new Promise((resolve) => {
    // A process group of its own: `pip` may be a wrapper script, and all of it has to stop.
    const child = spawn(program, [...first, ...args], {
      cwd: options.cwd,
      env: { ...options.env, ...plainSpoken },
      stdio: ['ignore', options.captures === true ? 'pipe' : 'ignore', 'pipe'],
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    let timer: NodeJS.Timeout | undefined;
    const kill = (name: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // It has ended already.
      }
    };
    const stop = () => {
      kill('SIGTERM');
      timer ??= setTimeout(() => kill('SIGKILL'), killAfterMs);
    };
    const settle = (exitCode: number | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', stop);
      resolve({ exitCode, stdout, stderr });
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(0, maxStdoutChars);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-maxStderrChars);
    });
    child.once('error', () => settle(null));
    child.once('close', settle);
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted === true) stop();
  });
}

/** The first pip that answers: `python3 -m pip`, `pip3`, `pip`. Errors: PIP_MISSING, CANCELLED. */
export async function findPip(options: RunOptions): Promise<PipCommand> {
  for (const candidate of candidates) {
    const { exitCode } = await run(candidate, ['--version'], options);
    if (options.signal?.aborted === true) throw cancelled(options.signal.reason);
    if (exitCode === 0) return candidate;
  }
  throw new AirlockError('PIP_MISSING', {
    message: "Python's pip was not found: install it (Debian and Ubuntu: apt install python3-pip) and run this again",
    detail: `tried ${candidates.map((candidate) => candidate.join(' ')).join(', ')}`,
  });
}

export interface ConfiguredPip {
  readonly pip: PipCommand;
  /** What `pip config list` printed: the merged settings of the user's files and environment. It may hold passwords. */
  readonly listed: string;
}

/**
 * The first pip that says how it is configured, in one go: starting Python takes longer than anything else before a download.
 * Errors: PIP_MISSING, RUNTIME_DOWNLOAD_FAILED when there is a pip that cannot say it or does not within `timeoutMs`, CANCELLED.
 */
export async function findConfiguredPip(
  options: Omit<RunOptions, 'captures'> & { readonly timeoutMs: number },
): Promise<ConfiguredPip> {
  for (const pip of candidates) {
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    const asked = ['config', 'list', '--disable-pip-version-check'];
    const { exitCode, stdout } = await run(pip, asked, { ...options, signal, captures: true });
    if (options.signal?.aborted === true) throw cancelled(options.signal.reason);
    if (timeout.aborted)
      throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', {
        message: `pip did not say within ${Math.round(options.timeoutMs / 1000)} s how it is configured; run \`pip config list\` to see why`,
      });
    if (exitCode === 0 && stdout.length < maxStdoutChars) return { pip, listed: stdout };
  }
  await findPip(options);
  // Not what it printed: a broken setting may be the one that holds a password.
  throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', {
    message:
      'pip could not say how it is configured: `pip config list` shows what is wrong, and pip has to be version 10 or newer',
  });
}

/** What the operator needs of pip's output: its last error, else its last line, and why the index did not answer. */
function lastWord(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const error = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? 'pip said nothing';
  const retry = lines.findLast((line) => line.includes('Retrying ('));
  return [error, ...(retry === undefined || retry === error ? [] : [retry])].map((line) => printable(line, 500)).join('; ');
}

function failure(pin: WheelRequest, stderr: string): AirlockError {
  const detail = lastWord(stderr);
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    return new AirlockError('RUNTIME_HASH_MISMATCH', {
      message: `The package index gave a ${pin.package} ${pin.version} that is not the pinned one; nothing was installed`,
      detail,
    });
  }
  if (/No space left on device|Disk quota exceeded/.test(stderr)) return new AirlockError('DISK_FULL', { detail });
  const unreachable = /Retrying \(|ConnectionError|ProxyError|SSLError|timed out|Name or service not known/.test(stderr);
  const reason = unreachable ? 'pip could not reach its package index' : 'pip could not download it';
  return new AirlockError('RUNTIME_DOWNLOAD_FAILED', {
    message: `${pin.package} ${pin.version}: ${reason}; check the network and \`pip config list\`, then run this again`,
    detail,
  });
}

/** What pip is asked for. */
export type WheelRequest = Omit<RuntimePin, 'files'>;

export interface DownloadOptions {
  readonly pin: WheelRequest;
  readonly pip: PipCommand;
  readonly env: PipEnvironment;
  /** Private folders of this download. pip works in `temporary` and leaves the wheel in `destination`. */
  readonly temporary: string;
  readonly destination: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a pin's wheel; pip itself refuses one with another hash. Gives what pip said on its error output.
 * Errors: RUNTIME_DOWNLOAD_FAILED (`detail` is pip's last error), RUNTIME_HASH_MISMATCH, DISK_FULL, CANCELLED.
 */
export async function downloadWheel(options: DownloadOptions): Promise<string> {
  const { pin, temporary, destination } = options;
  const requirements = join(temporary, 'requirements.txt');
  await writeFile(requirements, `${pin.package}==${pin.version} --hash=sha256:${pin.wheelSha256}\n`, { flag: 'wx' });
  const args = ['download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--no-input', '--disable-pip-version-check'];
  // No cache: it would keep 270 MB in the home folder for a file that is needed once.
  args.push('--no-cache-dir', '--progress-bar=off', '--implementation=cp', `--abi=${pin.pythonTag}`);
  args.push(`--python-version=${pin.pythonTag.replace('cp', '')}`, ...pin.platformTags.map((tag) => `--platform=${tag}`));
  args.push(`--requirement=${requirements}`, `--dest=${destination}`);
  // pip unpacks nothing and installs nothing here, so a rule against installing outside a virtual environment does not apply.
  const env = { ...options.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' };
  const { exitCode, stderr } = await run(options.pip, args, { cwd: temporary, env, signal: options.signal });
  if (options.signal?.aborted === true) throw cancelled(options.signal.reason);
  if (exitCode !== 0) throw failure(pin, stderr);
  return stderr;
}
