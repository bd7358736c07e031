// Who needs which staged model: an empty file per need, `IDENTITY.OWNER.RANDOM`. A crash leaves one behind, and the next process sees by
// the owner's mark that it is void.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, ownerMark } from '../../core/index.ts';
import { type Heartbeat, isAbandoned } from './heartbeat.ts';

const leaseName = /^([0-9a-f]{64})\.([0-9-]+)\.[0-9a-f]+$/;

export class Leases {
  readonly #folder: string;
  readonly #heartbeat: Heartbeat;
  readonly #own = new Set<string>();

  /** `folder` is made when the first lease is. */
  constructor(folder: string, heartbeat: Heartbeat) {
    this.#folder = folder;
    this.#heartbeat = heartbeat;
  }

  /** A new lease on one identity; the answer is what `release` wants. @throws what the system says. */
  async take(identity: string): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const place = join(this.#folder, `${identity}.${ownerMark()}.${randomBytes(6).toString('hex')}`);
    const file = await open(place, 'wx', 0o600);
    await file.close();
    this.#own.add(place);
    this.#heartbeat.add(place);
    return place;
  }

  /** Harmless when it was released before. */
  async release(lease: string): Promise<void> {
    this.#own.delete(lease);
    this.#heartbeat.delete(lease);
    await rm(lease, { force: true });
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#own].map((lease) => this.release(lease)));
  }

  /** Identities that somebody needs; removes leases that are void. */
  async living(): Promise<ReadonlySet<string>> {
    const identities = new Set<string>();
    for (const name of await this.#names()) {
      const [, identity, mark] = leaseName.exec(name) ?? [];
      if (identity === undefined) continue;
      const place = join(this.#folder, name);
      if (await isAbandoned(mark, place)) await rm(place, { force: true });
      else identities.add(identity);
    }
    return identities;
  }

  /** What cannot be listed holds everything: a copy that somebody needs must not go because a descriptor was lacking. */
  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return [];
      throw thrown;
    }
  }
}
