// The package index that the user's own pip asks, opened for reading. Runs pip once to learn which one that is, in a folder that nobody
// else can write, and refuses a configuration that adds further sources.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { type IndexRelease, PythonIndex } from '../feeds/index.ts';
import { findConfiguredPip, type PipCommand, type PipEnvironment } from './pip.ts';
import { checkPipSettings, type PipSettings, parsePipConfig } from './pip-settings.ts';

export interface IndexRequest {
  /** What pip sees. */
  readonly env: PipEnvironment;
  readonly signal?: AbortSignal | undefined;
  /** How long pip may take to say how it is set up. Default 120,000. */
  readonly timeoutMs?: number | undefined;
}

export interface FoundIndex {
  readonly pip: PipCommand;
  readonly settings: PipSettings;
  /** Undefined where pip asks none, or a folder. */
  readonly index: PythonIndex | undefined;
}

const maxCertBytes = 4 * 1024 * 1024;

/** The authorities that pip's `cert` names; undefined where it names a folder or nothing that can be read, and Node's own count. */
async function readAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const handle = await open(path, 'r').catch(() => undefined);
  try {
    const stats = await handle?.stat();
    if (handle === undefined || stats?.isFile() !== true || stats.size > maxCertBytes) return undefined;
    return await handle.readFile('latin1');
  } finally {
    await handle?.close();
  }
}

/**
 * The user's pip, how it is set up, and the index that it asks. `cwd` is a private folder.
 * @throws PIP_MISSING, RUNTIME_UNOFFICIAL, RUNTIME_DOWNLOAD_FAILED, CANCELLED
 */
export async function findIndexIn(cwd: string, { env, signal, timeoutMs = 120_000 }: IndexRequest): Promise<FoundIndex> {
  const { pip, listed } = await findConfiguredPip({ cwd, env, signal, timeoutMs });
  const settings = checkPipSettings(parsePipConfig(listed));
  const { indexUrl, cert } = settings;
  if (indexUrl === undefined || indexUrl.startsWith('file:')) return { pip, settings, index: undefined };
  return { pip, settings, index: new PythonIndex({ url: indexUrl, ca: await readAuthorities(cert) }) };
}

/** findIndexIn, in a folder of its own that is removed again. */
export async function findIndex(request: IndexRequest): Promise<FoundIndex> {
  const cwd = await mkdtemp(join(tmpdir(), 'airlock-pip-'));
  try {
    return await findIndexIn(cwd, request);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/**
 * The releases of a package on the index that the user's pip asks.
 * @throws FEED_UNAVAILABLE, also where pip asks no index; PIP_MISSING, RUNTIME_UNOFFICIAL, RUNTIME_DOWNLOAD_FAILED, CANCELLED
 */
export async function listReleases(name: string, request: IndexRequest): Promise<readonly IndexRelease[]> {
  const { index } = await findIndex(request);
  if (index === undefined) throw new AirlockError('FEED_UNAVAILABLE', { message: 'pip is set up to ask no package index' });
  return await index.listReleases(name, { signal: request.signal });
}
