// A jail made of a given set of layers: starts processes in it and says what of it they lack. Which layers this machine has, and whether
// they are enough, is decided before, by openJail; sets that are no level serve its tries, and tests that take one layer away.
import { lstatSync } from 'node:fs';
import { AirlockError, isAirlockError } from '../core/index.ts';
import type { PathRule } from '../jail/index.ts';
import type { Bubblewrap } from './bubblewrap.ts';
import type { Cgroups } from './cgroups.ts';
import type { Attestation, Jail, JailedProcess, JailLevel, LayerReport, StartOptions } from './jail.ts';
import { startProcess } from './jailed-process.ts';
import { type LayerSet, levelOf } from './layers.ts';
import { missingLayers } from './missing-layers.ts';
import { packageFiles, systemFiles } from './needed-files.ts';
import type { ProcessGroup } from './process-group.ts';
import { readThreads } from './process-status.ts';
import { Stage } from './stage.ts';
import { startCommand } from './start-command.ts';
import { UserPool } from './users.ts';

/** What layers are made with; found once per server. */
export class JailParts {
  readonly bubblewrap: Bubblewrap | undefined;
  readonly cgroups: Cgroups | undefined;
  /** Absent when the server is no root: then its processes are of its own user, who has no rights to lose. */
  readonly users: UserPool | undefined = process.getuid?.() === 0 ? new UserPool() : undefined;
  readonly stage: Stage = new Stage();
  readonly inheritedFilters: number = Math.min(...readThreads('self').map((thread) => thread.filters));
  /** Files that are reachable together or not at all. */
  readonly #groups: readonly (readonly PathRule[])[];
  #isStaged = false;

  /** @throws ENVIRONMENT_LACKING when this package is not built or lacks koffi. */
  constructor(bubblewrap: Bubblewrap | undefined, cgroups: Cgroups | undefined, readable: readonly string[]) {
    this.bubblewrap = bubblewrap;
    this.cgroups = cgroups;
    this.#groups = [packageFiles(), ...systemFiles().map((rule) => [rule]), readable.map(readRule)];
  }

  /** Lets other users reach what every process needs. Does nothing where there are none. @throws ENVIRONMENT_LACKING. */
  stageFiles(): void {
    if (this.users === undefined) return;
    if (!this.#isStaged) for (const group of this.#groups) this.stage.add(group);
    this.#isStaged = true;
    this.stage.restore();
  }

  /** Everything that every process needs, and `readable`; staged for a process of another user. @throws ENVIRONMENT_LACKING. */
  filesFor(userId: number | undefined, readable: readonly string[]): PathRule[] {
    const files = this.#groups.flat();
    const rules = readable.map(readRule);
    if (userId !== undefined) {
      this.stageFiles();
      this.stage.add(rules);
    }
    return [...files, ...rules.filter((rule) => !files.some((file) => file.path === rule.path))];
  }
}

function readRule(file: string): PathRule {
  return { path: file, access: lstatSync(file).isDirectory() ? 'folder' : 'read' };
}

/** A file that an upgrade of the machine removed or a full disk is no fault of the server: another start may succeed. */
function startFailure(thrown: unknown): AirlockError {
  if (!isAirlockError(thrown)) return new AirlockError('WORKER_START_FAILED', { detail: String(thrown), cause: thrown });
  return thrown.code === 'WORKER_START_FAILED'
    ? thrown
    : new AirlockError('WORKER_START_FAILED', { detail: thrown.detail ?? thrown.message, cause: thrown });
}

export class LayeredJail implements Jail {
  readonly level: JailLevel;
  readonly layers: readonly LayerReport[];
  readonly surroundings: readonly string[];
  readonly #set: LayerSet;
  readonly #parts: JailParts;
  /** What is still to be put away after processes that ended. */
  readonly #releases = new Set<Promise<void>>();

  constructor(set: LayerSet, parts: JailParts, layers: readonly LayerReport[] = [], surroundings: readonly string[] = []) {
    this.level = levelOf(set);
    this.layers = layers;
    this.surroundings = surroundings;
    this.#set = set;
    this.#parts = parts;
  }

  start(options: StartOptions): JailedProcess {
    const { users, bubblewrap, cgroups, inheritedFilters } = this.#parts;
    let userId: number | undefined;
    let group: ProcessGroup | undefined;
    const release = (): void => {
      if (userId !== undefined) users?.giveBack(userId);
      if (group === undefined) return;
      const removal: Promise<void> = group.remove().finally(() => this.#releases.delete(removal));
      this.#releases.add(removal);
    };
    try {
      userId = this.#set.has('user') && options.keepUser !== true ? users?.take() : undefined;
      group = this.#set.size === 0 ? undefined : cgroups?.create(options.limits);
      const command = startCommand(
        {
          layers: this.#set,
          bubblewrap,
          files: this.#parts.filesFor(userId, options.readable),
          pathOf: userId === undefined ? (file) => file : (file) => this.#parts.stage.pathOf(file),
          hasOwnUser: userId !== undefined,
        },
        options,
      );
      const isBubblewrap = command.program === bubblewrap?.path;
      const started = startProcess({ command, isBubblewrap, userId, group, inheritedFilters, onLog: options.onLog });
      void started.exited.then(release);
      return started;
    } catch (thrown) {
      release();
      throw startFailure(thrown);
    }
  }

  missing(attestation: Attestation, filters: number): readonly string[] {
    return [...missingLayers(attestation, this.#set, filters).values()];
  }

  pathInside(file: string): string {
    return this.#set.has('user') && !this.#set.has('namespaces') ? this.#parts.stage.pathOf(file) : file;
  }

  async close(): Promise<void> {
    await Promise.all(this.#releases);
    this.#parts.stage.remove();
  }
}
