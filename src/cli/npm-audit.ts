// Asks npm about the packages of a lock file, as `npm audit` does: npm knows the user's registry, proxy and credentials. For a command of a person only; no
// server comes here. npm works on a copy in a folder of its own, so that a project's .npmrc decides nothing, and it runs no script.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NpmAuditOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

const maxOutputBytes = 16 * 1024 * 1024;
const args = ['audit', '--json', '--package-lock-only', '--omit=dev', '--ignore-scripts', '--no-fund', '--no-update-notifier'];

/**
 * What npm printed, whatever it is; undefined where npm is not there, was stopped or did not end in time. Never rejects because of npm.
 * @param lockfile The bytes of a lock file that names the project's own dependencies; `root` is what it says of the project.
 */
export async function npmAudit(lockfile: Uint8Array, root: object, options: NpmAuditOptions): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'airlock-npm-'));
  try {
    await writeFile(join(folder, 'package-lock.json'), lockfile);
    // Without the project's dependencies in it npm takes every package for a superfluous one, audits none and calls that clean (npm 11.19.1).
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...root, private: true }));
    return await runNpm(folder, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runNpm(cwd: string, { env, signal, timeoutMs = 60_000 }: NpmAuditOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      'npm',
      args,
      { cwd, env, timeout: timeoutMs, maxBuffer: maxOutputBytes, encoding: 'utf8', ...(signal === undefined ? {} : { signal }) },
      // It ends with 1 when it found something, and prints its answer all the same.
      (error, stdout) => resolve(error !== null && stdout === '' ? undefined : stdout),
    );
  });
}
