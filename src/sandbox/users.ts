// Users that nobody else is: when the server is root, each process runs as a user of its own, so that no file and no process of this
// machine, another worker's included, takes it for its owner.
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { AirlockError } from '../core/index.ts';

// What systemd gives to services with DynamicUser=, for the same purpose: distributions give it to nobody.
const firstId = 61184;
const lastId = 65519;

export class UserPool {
  readonly #taken = new Set<number>();
  readonly #first: number;
  readonly #count: number;

  /** Ids from `first` to `last`. */
  constructor(first: number = firstId, last: number = lastId) {
    this.#first = first;
    this.#count = last - first + 1;
  }

  /**
   * A user (and group) id that is in no process's and no account's use. Another server on this machine draws from the same range: the
   * draw begins at a random place, so that two that look at the same moment do not find the same.
   * @throws WORKER_START_FAILED when every id is in use.
   */
  take(): number {
    const used = new Set([...this.#taken, ...accountIds(), ...processUserIds()]);
    const start = randomInt(this.#count);
    for (let step = 0; step < this.#count; step++) {
      const id = this.#first + ((start + step) % this.#count);
      if (used.has(id)) continue;
      this.#taken.add(id);
      return id;
    }
    throw new AirlockError('WORKER_START_FAILED', { detail: `all ${this.#count} user ids for workers are in use` });
  }

  /** To be called when the last process of this user is gone. */
  giveBack(id: number): void {
    this.#taken.delete(id);
  }
}

function accountIds(): number[] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => Number(line.split(':')[2]));
  } catch {
    // An image without accounts.
    return [];
  }
}

/** From status, not from the folder's owner: a process that made itself undumpable lies in a folder of root's. */
function processUserIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'latin1'))?.[1]);
      } catch {
        return Number.NaN;
      }
    });
}
