// Profiles of served versions in the store, so that what was learned outlives a server: `<store>/profiles/<model>-<version>.json`. Several servers may share a store; each
// writes what it knows, and the last one counts.
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf } from '../../core/index.ts';
import { maxProfileFileBytes, OpProfile, type ProfileOrigin, readProfile, writeProfile } from '../../profile/index.ts';

/** How long what was learned may be in memory only. */
const writeEveryMs = 60_000;

export interface ProfiledVersion extends ProfileOrigin {
  readonly model: string;
  readonly version: bigint;
}

export class ProfileKeeper {
  readonly #folder: string;
  readonly #onTrouble: (text: string) => void;
  readonly #kept = new Map<OpProfile, { readonly about: ProfiledVersion; writtenRuns: number }>();
  readonly #timer: NodeJS.Timeout;

  /** @param onTrouble told when a file cannot be written, or lies there and cannot be read; nothing else comes of it. */
  constructor(store: string, onTrouble: (text: string) => void) {
    this.#folder = join(store, 'profiles');
    this.#onTrouble = onTrouble;
    this.#timer = setInterval(() => this.#writeAll(), writeEveryMs);
    this.#timer.unref();
  }

  /** The profile of a version, with what was learned of the same files on the same TensorFlow before; written from now on until `close` or `drop`. */
  open(about: ProfiledVersion): OpProfile {
    const profile = this.#read(about) ?? new OpProfile();
    this.#kept.set(profile, { about, writtenRuns: profile.runs });
    return profile;
  }

  /** Writes it a last time. */
  drop(profile: OpProfile): void {
    this.#write(profile);
    this.#kept.delete(profile);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#writeAll();
    this.#kept.clear();
  }

  #read(about: ProfiledVersion): OpProfile | undefined {
    try {
      const { profile, identity, tensorflow } = readProfile(readOwnFile(this.#fileOf(about)));
      return identity === about.identity && tensorflow === about.tensorflow ? profile : undefined;
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      const { message, detail } = AirlockError.from(thrown);
      this.#onTrouble(`the profile of ${about.model} version ${about.version} is begun anew: ${detail ?? message}`);
      return undefined;
    }
  }

  #writeAll(): void {
    for (const profile of this.#kept.keys()) this.#write(profile);
  }

  #write(profile: OpProfile): void {
    const kept = this.#kept.get(profile);
    if (kept === undefined || kept.writtenRuns === profile.runs) return;
    const file = this.#fileOf(kept.about);
    const aside = `${file}.${process.pid}.new`;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      // Never through a link that somebody laid there, nor into what an ended server of the same number left.
      removeIfThere(aside);
      writeFileSync(aside, writeProfile(profile, kept.about), { mode: 0o600, flag: 'wx' });
      renameSync(aside, file);
      kept.writtenRuns = profile.runs;
    } catch (thrown) {
      removeIfThere(aside);
      this.#onTrouble(`the profile of ${kept.about.model} could not be kept (${errnoOf(thrown) ?? 'unknown reason'})`);
    }
  }

  /** Names of models may be longer than names of files, and hold what no name of a file may. */
  #fileOf({ model, version }: ProfiledVersion): string {
    const isPlain = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(model);
    const name = isPlain ? model : createHash('sha256').update(model).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}-${version}.json`);
  }
}

function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be written there is nothing to remove.
  }
}

/** A file of this user's that nobody else may write; no link, no device, no more bytes than a profile has. @throws PROFILE_INVALID, or what reading it throws. */
function readOwnFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    const isOurs = status.isFile() && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
    if (!isOurs) throw new AirlockError('PROFILE_INVALID', { detail: 'somebody else may have written the file' });
    if (status.size > maxProfileFileBytes) throw new AirlockError('PROFILE_INVALID', { detail: 'the file is too large' });
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
