// Match specifications of conda (`conda-forge::tensorflow=2.15.*=cpu_py311*`), as far as name, version and channel go. Versions are turned into
// specifiers of PEP 440: `=2.15` is fuzzy, `==2.15.0` exact.
import type { PackageUse, Place, Role } from '../supply-chain-types.ts';

interface CondaContext {
  readonly place: Place;
  readonly role: Role;
  readonly channel: string | undefined;
  readonly write: PackageUse['write'];
}

export function condaUse(text: string, { place, role, channel, write }: CondaContext): PackageUse {
  const [, written, spec] = /^(?:([^\s:]{1,200})::)?(.*)$/s.exec(text.trim()) ?? [];
  const [, name, rest] = /^([A-Za-z0-9_][A-Za-z0-9._-]*)(.*)$/s.exec(spec ?? '') ?? [];
  return {
    kind: 'package',
    place,
    role,
    name: name ?? text,
    specifier: name === undefined ? undefined : condaSpecifier(rest.trim()),
    hashed: false,
    channel: written ?? channel ?? 'its default channels',
    write,
  };
}

/** Undefined when it cannot be read; `[build=…]` and build strings select among builds of a version and are left out. */
function condaSpecifier(text: string): string | undefined {
  const plain = text.replace(/\[.*$/s, '').trim();
  if (plain === '' || plain === '*') return '';
  if (plain.includes('|')) return undefined;
  const [, equals, version] = /^(==?)\s{0,8}([^=\s]{1,64})(?:[=\s].*)?$/s.exec(plain) ?? [];
  if (version !== undefined && !/[<>,!~]/.test(version)) {
    const bare = version.replace(/\.?\*$/, '');
    if (bare === '') return '';
    return equals === '==' && bare === version ? `==${version}` : `==${bare}.*`;
  }
  if (/^[<>!~=]/.test(plain)) return plain.replace(/(^|,)\s*=(?!=)/g, '$1==');
  // `tensorflow 2.15.*` and `tensorflow 2.15.0`, with a build perhaps.
  const [first] = plain.split(/\s+/);
  return /^\d[\w.]*(?:\.\*)?$/.test(first) ? `==${first}` : undefined;
}
