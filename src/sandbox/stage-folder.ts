// The folder that a stage is: one per server, among the temporary files of the machine, where others may make folders too and where what
// lies long is cleaned away. Never takes what somebody else put there for its own.
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AirlockError, isDeadOwner, ownerMark } from '../core/index.ts';
import { isExecutable } from './is-executable.ts';

const prefix = 'airlock-stage-';

/** A new one. @throws ENVIRONMENT_LACKING. */
export function openStageFolder(): string {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(path.join(tmpdir(), `${prefix}${ownerMark()}-`));
    chmodSync(folder, 0o755);
    const program = path.join(folder, 'program');
    writeFileSync(program, '', { mode: 0o700 });
    if (!isExecutable(program)) throw new Error('it is mounted noexec');
    rmSync(program);
    return folder;
  } catch (thrown) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    throw stageFailure(thrown);
  }
}

/** Makes it again when it is gone. @throws ENVIRONMENT_LACKING. */
export function keepStageFolder(folder: string): void {
  makeIn(folder, () => {
    const stat = lstatSync(folder);
    // Anybody may have taken the name since, and would choose the code of processes.
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) throw new Error(`${folder} is somebody else's`);
  });
}

/** Makes something in a folder, and the folder. @throws ENVIRONMENT_LACKING. */
export function makeIn(folder: string, make: () => void): void {
  try {
    makeFolder(folder);
    make();
  } catch (thrown) {
    throw stageFailure(thrown);
  }
}

/** With those above it; open also when the server's umask would close them. */
function makeFolder(folder: string): void {
  if (exists(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
  chmodSync(folder, 0o755);
}

function stageFailure(thrown: unknown): AirlockError {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const what = 'files that users without rights cannot reach must be put into the folder for temporary files';
  return new AirlockError('ENVIRONMENT_LACKING', {
    detail: `${what}, ${tmpdir()}: ${reason}; TMPDIR= names another folder`,
    cause: thrown,
  });
}

/** Removes what servers that were killed left behind, as far as it can. Only folders of our own user: in /tmp, others may choose any name. */
export function removeStaleStages(): void {
  for (const name of namesIn(tmpdir())) {
    if (!name.startsWith(prefix) || !isDeadOwner(name.slice(prefix.length, name.lastIndexOf('-')))) continue;
    const folder = path.join(tmpdir(), name);
    try {
      const stat = lstatSync(folder);
      if (stat.isDirectory() && stat.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another server removes it at this moment.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function exists(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false }) !== undefined;
}
