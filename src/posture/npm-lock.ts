// The npm packages that Airlock runs with, from a lock file of npm (versions 2 and 3, and the hidden one that an installation leaves in node_modules): which
// versions, and whether each has a digest. It reads one document and asks nobody; the document is hostile until it has the form of a lock file.
import { z } from 'zod';
import { AirlockError, jsonOrUndefined, printable } from '../core/index.ts';

/** A lock file with more bytes than this is refused before it is parsed. */
export const maxLockBytes = 16 * 1024 * 1024;
const maxPackages = 20_000;
const maxNameLength = 214;

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** Whether the lock file has a digest for it, without which any bytes are accepted. */
  readonly hasIntegrity: boolean;
}

/** As a package.json has them. */
export interface NpmRoot {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const ranges = z.record(z.string().max(maxNameLength), z.string().max(1_024));

const entry = z.object({
  version: z.string().max(256).optional(),
  name: z.string().max(maxNameLength).optional(),
  integrity: z.string().max(4_096).optional(),
  dev: z.boolean().optional(),
  link: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  dependencies: ranges.optional(),
  optionalDependencies: ranges.optional(),
});

const lock = z.object({
  lockfileVersion: z.union([z.literal(2), z.literal(3)]),
  packages: z.record(z.string().max(4_096), entry),
});

/**
 * Every package that is not for development only, once for each version, by name.
 * @throws USAGE for what is no lock file of npm, is larger than 16 MiB or names more than 20,000 packages.
 */
export function npmPackages(bytes: Uint8Array): readonly NpmPackage[] {
  return npmLock(bytes).packages;
}

/** The same, and what the lock file says the project itself depends on. @throws USAGE as above. */
export function npmLock(bytes: Uint8Array): { readonly packages: readonly NpmPackage[]; readonly root: NpmRoot } {
  if (bytes.length > maxLockBytes) throw invalid(`it has more than ${maxLockBytes} bytes`);
  const parsed = lock.safeParse(jsonOrUndefined(Buffer.from(bytes).toString('utf8')));
  if (!parsed.success) throw invalid('it is none of version 2 or 3');
  const entries = Object.entries(parsed.data.packages);
  if (entries.length > maxPackages) throw invalid(`it names more than ${maxPackages} packages`);
  const found = new Map<string, NpmPackage>();
  for (const [place, one] of entries) {
    const at = place.lastIndexOf('node_modules/');
    // What lies elsewhere is the project itself and its workspaces.
    if (at === -1 || one.dev === true || one.link === true || one.version === undefined) continue;
    const name = printable(one.name ?? place.slice(at + 'node_modules/'.length), maxNameLength);
    const version = printable(one.version);
    const key = `${name}@${version}`;
    // The digest of what bundles it covers it.
    const hasIntegrity = one.integrity !== undefined || one.inBundle === true;
    found.set(key, { name, version, hasIntegrity: hasIntegrity && found.get(key)?.hasIntegrity !== false });
  }
  const packages = [...found.values()].sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
  const { name, version, dependencies, optionalDependencies } = parsed.data.packages[''] ?? {};
  const root = { name, version, dependencies, optionalDependencies };
  return { packages, root: JSON.parse(JSON.stringify(root)) as NpmRoot };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function invalid(why: string): AirlockError {
  return new AirlockError('USAGE', { message: `This is no lock file of npm: ${why}` });
}
