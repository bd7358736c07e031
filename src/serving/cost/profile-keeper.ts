// Profiles of served versions in the store, so that what was learned outlives a server: `<store>/profiles/<model>-<version>.json`. Several servers may share a store; each
// writes what it knows, and the last one counts.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { maxProfileFileBytes, OpProfile, type ProfileOrigin, readProfile, writeProfile } from '../../profile/index.ts';
import { readPrivateFile, writePrivateFile } from '../../runtime/index.ts';

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
      const text = readPrivateFile(join(this.#folder, nameOf(about)), maxProfileFileBytes);
      if (text === undefined) return undefined;
      const { profile, identity, tensorflow } = readProfile(text);
      return identity === about.identity && tensorflow === about.tensorflow ? profile : undefined;
    } catch (thrown) {
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
    try {
      writePrivateFile(this.#folder, nameOf(kept.about), writeProfile(profile, kept.about), false);
      kept.writtenRuns = profile.runs;
    } catch (thrown) {
      this.#onTrouble(`the profile of ${kept.about.model} could not be kept (${AirlockError.from(thrown).code})`);
    }
  }
}

/** What one version learns, on whichever TensorFlow answers: its file holds what was learned on the one that answered last. */
export class VersionProfile {
  readonly #keeper: ProfileKeeper;
  readonly #about: Omit<ProfiledVersion, 'tensorflow'>;
  #tensorflow: string;
  #profile: OpProfile;

  constructor(keeper: ProfileKeeper, about: ProfiledVersion) {
    this.#keeper = keeper;
    this.#about = about;
    this.#tensorflow = about.tensorflow;
    this.#profile = keeper.open(about);
  }

  /** That of this TensorFlow; what was learned on another one is written and left. */
  on(tensorflow: string): OpProfile {
    if (tensorflow === this.#tensorflow) return this.#profile;
    this.#keeper.drop(this.#profile);
    this.#tensorflow = tensorflow;
    this.#profile = this.#keeper.open({ ...this.#about, tensorflow });
    return this.#profile;
  }

  /** Writes it a last time. */
  drop(): void {
    this.#keeper.drop(this.#profile);
  }
}

/** Names of models may be longer than names of files, and hold what no name of a file may. */
function nameOf({ model, version }: ProfiledVersion): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(model);
  const name = isPlain ? model : createHash('sha256').update(model).digest('hex').slice(0, 32);
  return `${name}-${version}.json`;
}
