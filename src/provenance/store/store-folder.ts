// The store on the disk: where entries, leases and unfinished work lie, and the small steps by which one becomes another. Each step leaves a
// state that the next process understands, so it may be killed between any two. Nothing is flushed to the disk: after a loss of power a copy may have
// holes, which is found and mended when it is hashed before its next use.
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { AirlockError, errnoOf, ownerMark } from '../../core/index.ts';
import { assertPrivate } from './assert-private.ts';
import { Heartbeat, isAbandoned } from './heartbeat.ts';
import { Leases } from './leases.ts';
import { removeTree } from './remove-tree.ts';
import { storeError } from './store-error.ts';

export interface StoreFolderOptions {
  /** Told before each step that changes the disk; tests end the process there. */
  readonly onStep?: (step: StoreStep) => void;
}

export type StoreStep = 'lease' | 'make' | 'copy' | 'seal' | 'aside' | 'rename' | 'remove' | 'restore' | 'release';

export interface Collected {
  /** Identities of the entries that were removed. */
  readonly removed: readonly string[];
  /** Together with leftovers of processes that were killed. */
  readonly freedBytes: number;
}

const stagingPrefix = '.staging-';
const identityForm = /^[0-9a-f]{64}$/;

export class StoreFolder {
  readonly folder: string;
  readonly leases: Leases;
  readonly step: (step: StoreStep) => void;
  readonly #heartbeat = new Heartbeat();

  /** See `openStoreFolder`. */
  constructor(folder: string, options: StoreFolderOptions) {
    this.folder = folder;
    this.step = options.onStep ?? (() => undefined);
    this.leases = new Leases(path.join(folder, 'leases'), this.#heartbeat);
  }

  /** @throws INTERNAL when it is no identity: it becomes a path. */
  entryOf(identity: string): string {
    if (!identityForm.test(identity)) throw new AirlockError('INTERNAL', { detail: 'a manifest without an identity' });
    return path.join(this.folder, identity);
  }

  /** A new folder for unfinished work, which others may remove once this process is gone. */
  async makeStaging(): Promise<string> {
    const staging = this.#stagingName();
    this.step('make');
    await mkdir(staging, { mode: 0o700 });
    this.#heartbeat.add(staging);
    return staging;
  }

  async removeStaging(staging: string): Promise<number> {
    this.#heartbeat.delete(staging);
    this.step('remove');
    return removeTree(staging);
  }

  /** Gives a finished folder its name. False when the name is taken by something that is not an empty folder. */
  async publish(staging: string, entry: string): Promise<boolean> {
    this.step('rename');
    try {
      await rename(staging, entry);
    } catch (thrown) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(thrown))) return false;
      throw thrown;
    }
    this.#heartbeat.delete(staging);
    return true;
  }

  /** Takes an entry's name away; the answer is where it is now, or undefined when there was none. */
  async setAside(entry: string): Promise<string | undefined> {
    const staging = this.#stagingName();
    this.step('aside');
    try {
      await rename(entry, staging);
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
    return staging;
  }

  /** Removes what killed processes left unfinished. @throws what the system says. */
  async removeLeftovers(): Promise<number> {
    let freedBytes = 0;
    for (const name of await readdir(this.folder)) {
      if (!name.startsWith(stagingPrefix)) continue;
      const mark = name.slice(stagingPrefix.length, name.lastIndexOf('-'));
      const staging = path.join(this.folder, name);
      if (await isAbandoned(mark, staging)) freedBytes += await this.removeStaging(staging);
    }
    return freedBytes;
  }

  /** Removes leftovers, and entries that nobody has a lease on. */
  async collect(): Promise<Collected> {
    let freedBytes = await this.removeLeftovers();
    const removed: string[] = [];
    const living = await this.leases.living();
    for (const identity of await readdir(this.folder)) {
      if (!identityForm.test(identity) || living.has(identity)) continue;
      const aside = await this.setAside(this.entryOf(identity));
      if (aside === undefined) continue;
      // Whoever took a lease since they were listed looks for the entry after that, and either does not find it or has it given back.
      if (await this.#giveBack(aside, identity)) continue;
      freedBytes += await this.removeStaging(aside);
      removed.push(identity);
    }
    return { removed, freedBytes };
  }

  async #giveBack(aside: string, identity: string): Promise<boolean> {
    if (!(await this.leases.living()).has(identity)) return false;
    this.step('restore');
    // When the name is taken, whoever has the lease made a copy already.
    return this.publish(aside, this.entryOf(identity));
  }

  #stagingName(): string {
    return path.join(this.folder, `${stagingPrefix}${ownerMark()}-${randomBytes(6).toString('hex')}`);
  }
}

/**
 * Opens the folder, makes it for this user alone, and removes what killed processes left in it.
 * @throws STORE_UNSAFE when others can change it or a folder above it; STORE_NOT_WRITABLE, DISK_FULL.
 */
export async function openStoreFolder(folder: string, options: StoreFolderOptions): Promise<StoreFolder> {
  try {
    await mkdir(path.dirname(folder), { recursive: true });
    await mkdir(folder, { mode: 0o700 }).catch((thrown: unknown) => {
      if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    });
    await assertPrivate(folder, 'STORE_UNSAFE');
    const stats = await lstat(folder);
    if (!stats.isDirectory()) throw new AirlockError('STORE_UNSAFE', { detail: `${folder} is not a folder` });
    if ((stats.mode & 0o777) !== 0o700) await chmod(folder, 0o700);
    const store = new StoreFolder(folder, options);
    await store.removeLeftovers();
    return store;
  } catch (thrown) {
    throw storeError(thrown);
  }
}
