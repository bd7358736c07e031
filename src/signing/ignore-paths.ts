// Which paths of a model a signature leaves out. What is left out is unsigned: verifiers never copy or load it, so the list is short and
// each entry is one path, never a pattern.
import { isAbsolute, posix, relative } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { isCanonicalName, signatureNames } from '../provenance/format/index.ts';

/** What model-signing leaves out when nothing else is said. */
const gitNames: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

export interface IgnoreOptions {
  /** Absolute. */
  readonly model: string;
  /** Absolute; where the signature will lie. */
  readonly output: string;
  /** Paths inside the model: absolute, or relative to the model. */
  readonly paths: readonly string[];
  /** Default true. */
  readonly git: boolean;
}

/**
 * The paths to leave out, each once, in one fixed order: names of signatures, those of git, then the others, sorted.
 * @throws USAGE for a path outside of the model, or the model itself
 */
export function ignoredPaths({ model, output, paths, git }: IgnoreOptions): string[] {
  const others = paths.map((path) => insideModel(path, model));
  const own = relative(model, output);
  // Whatever its name is, a signature in the model cannot sign itself, nor what will lie beside it.
  if (isCanonicalName(own)) others.push(own, `${own}.d`);
  others.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return [...new Set([...signatureNames, ...(git ? gitNames : []), ...others])];
}

/** True when the two lists leave out the same, apart from the names of signatures. */
export function ignoresSame(some: readonly string[], others: readonly string[]): boolean {
  const rest = (names: readonly string[]) => new Set(names.filter((name) => !signatureNames.includes(name)));
  const [left, right] = [rest(some), rest(others)];
  return left.size === right.size && [...left].every((name) => right.has(name));
}

function insideModel(path: string, model: string): string {
  const name = isAbsolute(path) ? relative(model, path) : posix.normalize(path).replace(/\/$/, '');
  if (isCanonicalName(name)) return name;
  throw new AirlockError('USAGE', {
    message: `--ignore-paths ${printable(path, 200)} is not inside the model; it is relative to the model, not to this folder`,
  });
}
