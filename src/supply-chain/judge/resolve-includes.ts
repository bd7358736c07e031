// What files include: `-r` and `-c` lines, and the requirement files that commands name. Only files of the project itself; everything else is a gap.
import { posix } from 'node:path';
import type { Project } from '../files/index.ts';
import { formatOf, readRequirementsFile } from '../formats/index.ts';
import type { Fact, Gap, Include } from '../supply-chain-types.ts';

export interface Included {
  readonly file: string;
  readonly constraint: boolean;
}

export interface Resolved {
  /** Facts by file, those of included files with names of their own among them. */
  readonly facts: ReadonlyMap<string, readonly Fact[]>;
  readonly includes: ReadonlyMap<string, readonly Included[]>;
  readonly gaps: readonly Gap[];
}

/** More files than this are included by nobody. */
const maxExtra = 1_000;

export function resolveIncludes(project: Project, facts: Map<string, readonly Fact[]>): Resolved {
  const includes = new Map<string, Included[]>();
  const gaps: Gap[] = [];
  const byName = new Map<string, string[]>();
  for (const file of project.files.keys()) {
    const name = posix.basename(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const waiting = [...facts.keys()];
  let extra = 0;
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const fact of facts.get(file) ?? []) {
      if (fact.kind !== 'include') continue;
      const target = find(project, byName, fact);
      if (target === undefined) {
        gaps.push({ kind: 'gap', place: fact.place, reason: `${fact.path} is no file of this project that could be read` });
        continue;
      }
      includes.set(file, [...(includes.get(file) ?? []), { file: target, constraint: fact.constraint }]);
      if (facts.has(target)) continue;
      const text = project.extra(target);
      if (text === undefined || ++extra > maxExtra)
        gaps.push({ kind: 'gap', place: fact.place, reason: `${fact.path} could not be read` });
      else {
        facts.set(target, readRequirementsFile(text, fact.constraint ? 'constraint' : 'requirement'));
        waiting.push(target);
      }
    }
  }
  return { facts, includes, gaps };
}

/** The file that is meant: beside the file that names it, from the root, or, for a path inside an image, by its name. */
function find(project: Project, byName: ReadonlyMap<string, readonly string[]>, { path, place }: Include): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path) || path.length > 1_024 || path.includes('\0')) return undefined;
  const format = formatOf(place.file)?.name ?? '';
  const isLine = format === 'requirements' || format === 'requirements.in' || format === 'constraints' || format === '';
  const isOutside = (file: string): boolean => file === '..' || file.startsWith('../') || file.startsWith('/');
  const beside = posix.normalize(posix.join(posix.dirname(place.file), path));
  const fromRoot = posix.normalize(path);
  for (const file of isLine ? [beside] : [beside, fromRoot]) {
    if (path.startsWith('/') || isOutside(file)) continue;
    if (project.extra(file) !== undefined) return file;
  }
  // A command runs in a folder that is not known here, or in an image into which the file was copied.
  const same = isLine ? [] : (byName.get(posix.basename(path)) ?? []);
  return same.length === 1 ? same[0] : same.find((file) => !file.includes('/'));
}
