// The npm part of `airlock runtime check`: the packages of Airlock's own lock file, and what npm knows of them. What could not be asked is said to be unchecked,
// never clean.
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AirlockError, printable } from '../../../core/index.ts';
import { maxLockBytes, type NpmState, npmAdvisories, npmLock } from '../../../posture/index.ts';
import { npmAudit } from '../../npm-audit.ts';

export interface NpmCheckOptions {
  /** Default: the lock file of this installation. */
  readonly lockfile?: string;
  /** Whether npm is not asked. */
  readonly offline: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** In a checkout, and what npm leaves where Airlock was installed as a package: that one does not say what the project itself depends on. */
const ownLockfiles = ['package-lock.json', 'node_modules/.package-lock.json', '../.package-lock.json'].map((name) =>
  fileURLToPath(new URL(`../../../../${name}`, import.meta.url)),
);

/** @throws USAGE for a lock file that was named and cannot be read. */
export async function npmState({ lockfile, offline, env, signal }: NpmCheckOptions): Promise<NpmState> {
  const file = lockfile ?? ownLockfiles.find((one) => existsSync(one));
  if (file === undefined) return { packages: [], checked: 'no lock file was found' };
  const bytes = await readBounded(file);
  const { packages, root } = npmLock(bytes);
  const about = { lockfile: basename(file), packages };
  if (offline) return { ...about, checked: 'vulnerabilities not checked: --offline' };
  if (root.dependencies === undefined)
    return { ...about, checked: 'vulnerabilities not checked: the lock file names no project' };
  const answer = await npmAudit(bytes, root, { env, signal });
  if (answer === undefined) return { ...about, checked: 'vulnerabilities not checked: npm is not there or gave no answer' };
  const advisories = npmAdvisories(answer);
  if (advisories === undefined) return { ...about, checked: 'vulnerabilities not checked: the registry of npm gave no answer' };
  return { ...about, advisories, checked: 'checked by npm audit' };
}

async function readBounded(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new AirlockError('USAGE', { message: `The lock file ${printable(file, 256)} cannot be read`, cause });
  });
  try {
    const { size } = await handle.stat();
    if (size > maxLockBytes) throw new AirlockError('USAGE', { message: `The lock file has more than ${maxLockBytes} bytes` });
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
