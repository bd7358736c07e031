// One requirement, as pip takes it on a line or as an argument, as a fact: a name with specifiers, a URL, a repository or a path.
import { normalizedName, parseRequirement } from '../python/index.ts';
import type { DirectSource, Gap, PackageUse, Place, Role } from '../supply-chain-types.ts';

/** Of a requirement with its marker, or a URL. */
const maxLength = 4_096;

export interface UseContext {
  readonly place: Place;
  readonly role: Role;
  /** Default false. */
  readonly hashed?: boolean;
  readonly write: PackageUse['write'];
  readonly afterwards?: string;
}

/** Undefined when it names no package: the project itself, or another folder. A gap when it cannot be read. */
export function requirementUse(text: string, context: UseContext): PackageUse | Gap | undefined {
  const { place, role, hashed = false, write, afterwards } = context;
  if (text.length > maxLength) return { kind: 'gap', place, reason: 'a requirement is too long to be one' };
  const common = { kind: 'package' as const, place, role, hashed, write, ...(afterwards === undefined ? {} : { afterwards }) };
  const direct = directSource(text);
  if (direct !== undefined) {
    const named = nameInSource(direct);
    return named === undefined ? undefined : { ...common, ...named, hashed: hashed || direct.fixed, direct };
  }
  const requirement = parseRequirement(text);
  if (requirement === undefined) return { kind: 'gap', place, reason: `"${text}" is no requirement that can be read` };
  const { name, extras, specifierText, url } = requirement;
  const extrasText = extras.length === 0 ? '' : `[${extras.join(',')}]`;
  if (url === undefined) return { ...common, name, specifier: specifierText, extras: extrasText };
  const source = directSource(url) ?? { form: 'path' as const, text: url, fixed: false };
  const version = nameInSource(source)?.specifier;
  return { ...common, name, specifier: version, extras: extrasText, hashed: hashed || source.fixed, direct: source };
}

/** Undefined when it is a name. */
export function directSource(text: string): DirectSource | undefined {
  // pip: a requirement with a scheme or a separator, or the name of an archive.
  if (/^(?:git|hg|svn|bzr)\+/.test(text) || /^git@/.test(text) || /^git:\/\//.test(text))
    return { form: 'vcs', text, fixed: /@[0-9a-f]{40}(?:[#;\s]|$)/.test(text) };
  if (/^https?:\/\//i.test(text)) return { form: 'url', text, fixed: /[#&](?:sha256|sha384|sha512)=[0-9a-f]{64,128}/.test(text) };
  if (/^[a-z][a-z0-9+.-]{1,20}:/i.test(text)) return { form: /^file:/i.test(text) ? 'path' : 'url', text, fixed: false };
  const isPath = /^(?:\.{1,2}(?:[/[]|$)|\/|~)/.test(text) || /\.(?:whl|tar\.gz|tgz|zip|tar\.bz2)(?:$|[[\s;])/i.test(text);
  return isPath ? { form: 'path', text, fixed: false } : undefined;
}

/** The package that a URL or file says by `#egg=`, or by the name of the wheel, archive or repository. */
function nameInSource({
  form,
  text,
}: DirectSource): { readonly name: string; readonly specifier: string | undefined } | undefined {
  const [, egg] = /[#&]egg=([A-Za-z0-9._-]{1,100})/.exec(text) ?? [];
  const path = text.replace(/[#?].*$/s, '').trim();
  const last = path.slice(path.lastIndexOf('/') + 1);
  const [, wheel, version] = /^([A-Za-z0-9._]{1,100})-([A-Za-z0-9._!+]{1,60})-[^/]*\.whl/i.exec(decoded(last)) ?? [];
  if (wheel !== undefined) return { name: egg ?? wheel, specifier: `==${version}` };
  const [, archive, archiveVersion] =
    /^([A-Za-z0-9._-]{1,100})-(\d[A-Za-z0-9._!+]{0,60}?)\.(?:tar\.gz|tgz|zip|tar\.bz2)$/i.exec(last) ?? [];
  if (archive !== undefined) return { name: egg ?? archive, specifier: `==${archiveVersion}` };
  if (egg !== undefined) return { name: egg, specifier: undefined };
  if (form !== 'vcs') return undefined;
  // What follows the `@` is a branch, which may hold a slash; one before the host is a user.
  const start = path.indexOf('/', path.indexOf('://') + 3);
  const [address] = path.slice(start + 1).split('@', 1);
  const name = address.slice(address.lastIndexOf('/') + 1).replace(/\.git$/, '');
  return /^[A-Za-z0-9._-]{1,100}$/.test(name) ? { name: normalizedName(name), specifier: undefined } : undefined;
}

function decoded(text: string): string {
  return text.replace(/%2b/gi, '+').replace(/%21/g, '!');
}
