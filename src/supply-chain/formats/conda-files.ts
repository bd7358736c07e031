// conda: environment.yml, conda-lock.yml and explicit lock files. conda's packages of TensorFlow are built by the channel, not by the TensorFlow project.
import { condaUse, requirementUse } from '../shell/index.ts';
import type { Fact, PackageUse, ProjectFile } from '../supply-chain-types.ts';
import { unreadableFile } from './data-values.ts';
import { entriesOf, entryOf, isList, isText, readYaml, textsOf, type YamlText, type YamlValue } from './yaml-document.ts';

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

/** conda-lock.yml: one entry per package and platform, of conda or of pip. */
export function readCondaLock({ file, text }: ProjectFile): Fact[] {
  const [document] = readYaml(text) ?? [];
  const list = entryOf(document, 'package');
  if (!isList(list)) return unreadableFile(file, 'lock of conda-lock');
  return list.flatMap((entry) => lockFact(entry, file));
}

function lockFact(entry: YamlValue, file: string): Fact[] {
  const [name, version, manager, url] = ['name', 'version', 'manager', 'url'].map((key) => entryOf(entry, key));
  if (!isText(name) || !isText(version)) return [];
  const isPip = isText(manager) && manager.text === 'pip';
  const digests = entriesOf(entryOf(entry, 'hash')).filter(({ key }) => key === 'sha256');
  return [
    {
      kind: 'package',
      place: { file, line: name.line },
      role: isPip ? 'lock' : 'conda-lock',
      name: name.text,
      specifier: `==${version.text}`,
      hashed: digests.length > 0,
      ...(isPip ? {} : { channel: channelOf(isText(url) ? url.text : '') }),
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
