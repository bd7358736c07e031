// Which jail this machine has, how a test opens it at a given level, and what the title of a test says that cannot run without it.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { launcherEntry } from '../../src/launcher/index.ts';
import { examineJail, type JailFindings, type JailLevel, type OpenJailOptions, reaches } from '../../src/sandbox/index.ts';

export const notBuilt = existsSync(launcherEntry) ? '' : ' (skipped: not built, run `npm run build`)';

/** Found by trying it, once per test file; undefined where nothing is built to try. */
export const machine: JailFindings | undefined = notBuilt === '' ? await examineJail() : undefined;

/** For the title of a test: why this machine cannot run it at `level`; empty when it can. */
export function lacksLevel(level: JailLevel): string {
  if (machine === undefined) return notBuilt;
  return reaches(machine.level, level)
    ? ''
    : ` (skipped: needs level \`${level}\`, and this machine has \`${machine.level}\`, see \`airlock doctor\`)`;
}

export const isRoot = process.getuid?.() === 0;

export const notRoot = isRoot ? '' : ' (skipped: needs root)';

/** A user without rights, as whom a test that is root starts a server. */
export const nobody = 65_534;

/** Code that is run as `nobody` lies here; a checkout below /root is closed to it. */
export const notForOthers = isOpenToAll(path.dirname(launcherEntry)) ? '' : ' (skipped: other users may not read this checkout)';

function isOpenToAll(folder: string): boolean {
  if (!existsSync(folder) || (statSync(folder).mode & 0o005) !== 0o005) return false;
  return folder === '/' || isOpenToAll(path.dirname(folder));
}

/** What opens exactly `level` on a machine that has it; a program that is not there leaves the namespaces out. */
export function optionsFor(level: JailLevel): OpenJailOptions {
  if (level === 'none' || level === 'seccomp-only') return { unsafeLevel: level };
  return level === 'full' ? { require: level } : { require: level, bubblewrap: '/nonexistent' };
}
