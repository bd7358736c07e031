// conda: environment.yml, conda-lock.yml and explicit lock files. conda's packages of TensorFlow are built by the channel, not by the TensorFlow project.
import { condaUse, requirementUse } from '../shell/index.ts';
import type { Fact, PackageUse, Place, ProjectFile } from '../supply-chain-types.ts';
import { unreadableFile } from './data-values.ts';
import { entryOf, isList, isText, readYaml, textsOf, type YamlText } from './yaml-document.ts';

export function readCondaEnvironment({ file, text }: ProjectFile): Fact[] {
  const [document] = readYaml(text) ?? [];
  if (document === undefined) return unreadableFile(file, 'environment of conda');
  const [channel] = textsOf(entryOf(document, 'channels'));
  const list = entryOf(document, 'dependencies');
  return (isList(list) ? list : []).flatMap((item): Fact[] => {
    if (isText(item)) return [condaFact(item, file, channel?.text)];
    return textsOf(entryOf(item, 'pip')).flatMap((entry) => pipFact(entry, file));
  });
}

function condaFact({ text, line }: YamlText, file: string, channel: string | undefined): PackageUse {
  const write: PackageUse['write'] = (name, specifier) => `  - pip: [${JSON.stringify(`${name}${specifier}`)}]`;
  return condaUse(text, { place: { file, line }, role: 'conda', channel, write });
}

function pipFact({ text, line }: YamlText, file: string): Fact[] {
  const place = { file, line };
  const [, option, path] = /^-{1,2}(r|c|requirement|constraint)[\s=]+(\S+)$/.exec(text.trim()) ?? [];
  if (option !== undefined) return [{ kind: 'include', place, path, constraint: option.startsWith('c') }];
  const [, index, url] = /^--(extra-index-url|index-url|find-links|trusted-host)[\s=]+(\S+)$/.exec(text.trim()) ?? [];
  if (index !== undefined)
    return [
      {
        kind: 'index',
        place,
        option: index as 'extra-index-url' | 'index-url' | 'find-links' | 'trusted-host',
        value: url,
        scope: 'file',
      },
    ];
  if (text.startsWith('-')) return [];
  const use = requirementUse(text, { place, role: 'requirement', write: (name, specifier) => `    - ${name}${specifier}` });
  return use === undefined ? [] : [use];
}

/**
 * conda-lock.yml: one entry per package and platform, of conda or of pip. It is written by a program, always in the same form, and has megabytes: so it is
 * read by lines and not as YAML. What does not have that form is a gap.
 */
export function readCondaLock({ file, text }: ProjectFile): Fact[] {
  const facts: Fact[] = [];
  let [isList, entry] = [false, new Map<string, string>()];
  let line = 1;
  const end = (): void => {
    facts.push(...lockFact(entry, { file, line }));
    entry = new Map();
  };
  for (const [at, raw] of text.split('\n').entries()) {
    const [, dash, key, value] = /^ {0,2}(- | {2})(?: {2})?([\w-]{1,64}): {0,8}(.*?)\r?$/.exec(raw) ?? [];
    if (/^package:\s*$/.test(raw)) isList = true;
    else if (/^[A-Za-z]/.test(raw)) isList = false;
    if (!isList || key === undefined) continue;
    if (dash === '- ') {
      end();
      line = at + 1;
    }
    if (key === 'sha256' || (key === 'hash' && /\bsha256: *["']?[0-9a-f]{64}/.test(value))) entry.set('sha256', value);
    else if (!entry.has(key)) entry.set(key, value.replace(/^(["'])(.*)\1$/, '$2'));
  }
  end();
  const isLock = /^package:\s*(?:\[\])?$/m.test(text) && /^(?:version|metadata):/m.test(text);
  return isLock ? facts : unreadableFile(file, 'lock of conda-lock');
}

function lockFact(entry: ReadonlyMap<string, string>, place: Place): Fact[] {
  const [name, version] = [entry.get('name'), entry.get('version')];
  if (entry.size === 0) return [];
  if (name === undefined || version === undefined)
    return [{ kind: 'gap', place, reason: 'an entry without a name or a version' }];
  const isPip = entry.get('manager') === 'pip';
  return [
    {
      kind: 'package',
      place,
      role: isPip ? 'lock' : 'conda-lock',
      name,
      specifier: `==${version}`,
      hashed: entry.has('sha256'),
      ...(isPip ? {} : { channel: channelOf(entry.get('url') ?? '') }),
      write: (official, specifier) =>
        `  - pip: [${JSON.stringify(`${official}${specifier}`)}] in environment.yml, then conda-lock`,
    },
  ];
}

/** `@EXPLICIT` files of conda: one URL per line, a digest after `#`; 64 hex characters are SHA-256, 32 are MD5, which holds nobody off. */
export function readCondaExplicit({ file, text }: ProjectFile): Fact[] {
  return text.split('\n').flatMap((raw, at): Fact[] => {
    const [url, digest = ''] = raw.trim().split('#', 2);
    const [, name, version] =
      /\/([a-z0-9_.][a-z0-9_.-]{0,100}?)-(\d[^-/]{0,60})-[^-/]{1,100}\.(?:conda|tar\.bz2)$/.exec(url) ?? [];
    if (name === undefined) return [];
    return [
      {
        kind: 'package',
        place: { file, line: at + 1 },
        role: 'conda-lock',
        name,
        specifier: `==${version}`,
        hashed: /^(?:sha256:)?[0-9a-f]{64}$/.test(digest),
        channel: channelOf(url),
        write: (official, specifier) => `pip install --require-hashes with ${official}${specifier} in a requirements file`,
      },
    ];
  });
}

function channelOf(url: string): string {
  const [, channel] = /^https?:\/\/[^/]{1,200}\/(?:.{0,200}\/)?([^/]{1,100})\/[^/]{1,40}\/[^/]{1,300}$/.exec(url) ?? [];
  return channel ?? 'a channel';
}
