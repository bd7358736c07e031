// Remembers on the disk which versions became available with which content, so that a restart, or another server on the same store, knows it too.
// Each state is a file of its own, `ledger-NUMBER.json`, and the highest number counts. A new state is written aside, made durable and linked to the
// next number, which the kernel does for one writer only; the others read again. So nobody holds a lock that a killed process would leave behind, and at
// no moment is there a state that is half written. A state that cannot be read is an error and never an empty one. Some old states stay, because
// listing a folder is no single moment: who lists it while states come and go must not find none.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirlockError, errnoOf, isAirlockError, isDeadOwner, ownerMark, printable } from '../../core/index.ts';
import { assertPrivate } from '../store/index.ts';
import { formatLedger, type Ledger, maxLedgerBytes, maxVersionsOfModel, parseLedger } from './ledger-text.ts';
import { newestFirst, type ServedVersions } from './version-rules.ts';

export interface ServedVersion {
  readonly model: string;
  readonly version: bigint;
  /** Of its content, hex. */
  readonly identity: string;
  /** Whether the version may have been recorded with another content, which is forgotten then. Default false. */
  readonly mayReplace?: boolean;
}

export interface LedgerOptions {
  /** Default 10,000; the highest are kept. */
  readonly maxVersions?: number;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
  /** Called before each change of the disk; for tests that stop there. */
  readonly onStep?: (step: LedgerStep) => void;
}

export type LedgerStep = 'write' | 'sync' | 'link' | 'syncFolder' | 'unlink' | 'clean';

interface State {
  /** 0 where there is none yet. */
  readonly number: number;
  readonly ledger: Ledger;
}

const keptStates = 8;
const stateName = /^ledger-([1-9]\d{0,14})\.json$/;
const asideName = /^\.ledger-(\d+-\d+-\d+)-[0-9a-f-]{36}$/;

export class VersionLedger {
  readonly #folder: string;
  readonly #options: Required<LedgerOptions>;

  private constructor(folder: string, options: LedgerOptions = {}) {
    this.#folder = folder;
    this.#options = { maxVersions: maxVersionsOfModel, maxBytes: maxLedgerBytes, onStep: () => undefined, ...options };
  }

  /** The record in a folder, which may be missing. @throws STORE_UNSAFE when others could change it; TRUST_INVALID for one that is damaged. */
  static async open(folder: string, options: LedgerOptions = {}): Promise<VersionLedger> {
    const ledger = new VersionLedger(folder, options);
    if ((await ledger.#read()).number > 0) await assertPrivate(folder, 'STORE_UNSAFE');
    return ledger;
  }

  /** What was served of a model. @throws TRUST_INVALID for a record that is damaged or cannot be read. */
  async served(model: string): Promise<ServedVersions> {
    return (await this.#read()).ledger.get(model) ?? new Map<bigint, string>();
  }

  /**
   * Resolves when the version is on the disk for good.
   * @throws TRUST_REFUSED when it is recorded with another content; TRUST_INVALID for a record that is damaged or full; STORE_UNSAFE,
   * STORE_NOT_WRITABLE.
   */
  async record(served: ServedVersion): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await assertPrivate(this.#folder, 'STORE_UNSAFE');
      await this.#record(served);
    } catch (thrown) {
      if (isAirlockError(thrown)) throw thrown;
      throw new AirlockError('STORE_NOT_WRITABLE', { cause: thrown, detail: printable(String(thrown), 4_096) });
    }
  }

  async #record(served: ServedVersion): Promise<void> {
    for (;;) {
      // Also after a state of ours was linked: one that others had got past meanwhile does not count, and this sees it.
      const { number, ledger } = await this.#read();
      const before = ledger.get(served.model)?.get(served.version);
      if (before === served.identity) return;
      if (before !== undefined && served.mayReplace !== true) {
        const message = `Another server has served version ${served.version} with another content`;
        throw new AirlockError('TRUST_REFUSED', { message });
      }
      const next = this.#withVersion(ledger, served);
      if (next === undefined) return;
      await this.#publish(number + 1, next);
      await this.#clean(number + 1);
    }
  }

  /** Undefined when the version is so low that it would not be kept. */
  #withVersion(ledger: Ledger, { model, version, identity }: ServedVersion): Buffer | undefined {
    const { maxVersions, maxBytes } = this.#options;
    const served = new Map(ledger.get(model)).set(version, identity);
    for (const lowest of newestFirst(served.keys()).slice(maxVersions)) served.delete(lowest);
    if (!served.has(version)) return undefined;
    const bytes = formatLedger(new Map(ledger).set(model, served));
    if (bytes.length <= maxBytes) return bytes;
    throw new AirlockError('TRUST_INVALID', { message: `The record of served versions would be larger than ${maxBytes} bytes` });
  }

  /** Makes `bytes` the state `number`, unless there is one already. */
  async #publish(number: number, bytes: Buffer): Promise<void> {
    const { onStep } = this.#options;
    const aside = join(this.#folder, `.ledger-${ownerMark()}-${randomUUID()}`);
    onStep('write');
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      onStep('sync');
      await file.sync();
      onStep('link');
      await link(aside, join(this.#folder, `ledger-${number}.json`)).catch((thrown: unknown) => {
        // Another writer was first; whoever asked reads again.
        if (errnoOf(thrown) !== 'EEXIST') throw thrown;
      });
    } finally {
      await file.close();
      onStep('unlink');
      await rm(aside, { force: true });
    }
  }

  /** Makes the new state durable before old ones go. */
  async #clean(number: number): Promise<void> {
    const { onStep } = this.#options;
    onStep('syncFolder');
    // The folder above it too: it may be new itself.
    for (const place of [this.#folder, dirname(this.#folder)]) {
      const folder = await open(place, constants.O_RDONLY | constants.O_DIRECTORY);
      await folder.sync().finally(() => folder.close());
    }
    onStep('clean');
    for (const name of await readdir(this.#folder)) {
      const isOld = numberOf(name) > 0 && numberOf(name) <= number - keptStates;
      const isLeftover = isDeadOwner(asideName.exec(name)?.[1] ?? '');
      if (isOld || isLeftover) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #read(): Promise<State> {
    try {
      for (;;) {
        const names = await readdir(this.#folder).catch((thrown: unknown) => absent(thrown, []));
        const number = Math.max(0, ...names.map(numberOf));
        if (number === 0) return { number, ledger: new Map() };
        const bytes = await readState(join(this.#folder, `ledger-${number}.json`)).catch((thrown: unknown) =>
          absent(thrown, undefined),
        );
        // Undefined: many newer ones have come since the folder was listed.
        if (bytes !== undefined) return { number, ledger: parseLedger(bytes) };
      }
    } catch (thrown) {
      const { message } = isAirlockError(thrown) ? thrown : new Error('The record of served versions cannot be read');
      throw new AirlockError('TRUST_INVALID', {
        message,
        detail: printable(`${this.#folder} ${String(thrown)}`, 4_096),
        cause: thrown,
      });
    }
  }
}

/** Of a state; 0 for anything else. */
function numberOf(name: string): number {
  return Number(stateName.exec(name)?.[1] ?? 0);
}

async function readState(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    if (size > maxLedgerBytes) throw new AirlockError('TRUST_INVALID', { message: 'The record of served versions is too large' });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** `instead` for what is not there; throws everything else. */
function absent<T>(thrown: unknown, instead: T): T {
  if (errnoOf(thrown) === 'ENOENT') return instead;
  throw thrown;
}
