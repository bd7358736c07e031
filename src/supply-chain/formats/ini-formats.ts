// setup.cfg, tox.ini and pip.conf: requirements and commands in files of sections and keys.
import { indexKeys, readShell, readVariable, requirementUse } from '../shell/index.ts';
import type { Fact, ProjectFile, Role } from '../supply-chain-types.ts';
import { readIni } from './ini-file.ts';

/** `install_requires`, `setup_requires`, `tests_require` and the extras of setuptools. */
export function readSetupCfg({ file, text }: ProjectFile): Fact[] {
  return readIni(text).flatMap(({ section, key, lines }) => {
    const isRequires = section === 'options' && /^(?:install|setup|tests)_requires?$/.test(key.replaceAll('-', '_'));
    if (!isRequires && section !== 'options.extras_require') return [];
    return lines.flatMap((line) => requirementLine(line.text, file, line.line, 'manifest'));
  });
}

/** `deps` with factors before a colon, `commands`, and variables in `setenv`. */
export function readToxIni({ file, text }: ProjectFile): Fact[] {
  return readIni(text).flatMap(({ section, key, lines }) => {
    if (!/^(?:testenv|base|\w+env)\b|^env_run_base/.test(section)) return [];
    return lines.flatMap(({ text: value, line }): Fact[] => {
      const plain = value.replace(/^[\w{},.!-]{1,200}:\s+(?=\S)/, '');
      if (key === 'deps') return depsLine(plain, file, line);
      if (/^commands/.test(key)) return readShell(plain, line, { file });
      const [, name, setting] = /^([A-Z_]+)\s*=\s*(.*)$/.exec(plain) ?? [];
      return key === 'setenv' && name !== undefined ? readVariable(name, setting, { file, line }) : [];
    });
  });
}

function depsLine(text: string, file: string, line: number): Fact[] {
  const [, option, path] = /^-([rc])\s*(.+)$/.exec(text) ?? [];
  // {toxinidir} is the folder of this file.
  const included = path?.trim().replace(/^\{(?:toxinidir|tox_root)\}\//, '');
  if (included !== undefined) return [{ kind: 'include', place: { file, line }, path: included, constraint: option === 'c' }];
  if (text.includes('{')) return /tensorflow|keras/i.test(text) ? openDep(text, file, line) : [];
  return requirementLine(text, file, line, 'requirement');
}

function openDep(text: string, file: string, line: number): Fact[] {
  return [{ kind: 'gap', place: { file, line }, reason: `what tox installs is decided by ${text}` }];
}

function requirementLine(text: string, file: string, line: number, role: Role): Fact[] {
  const plain = text.replace(/,$/, '');
  if (plain === '' || plain.startsWith('-')) return [];
  if (plain.startsWith('file:') || /^attr:/.test(plain)) return [];
  const marker = plain.includes(';') ? ` ; ${plain.slice(plain.indexOf(';') + 1).trim()}` : '';
  const use = requirementUse(plain, { place: { file, line }, role, write: (name, specifier) => `${name}${specifier}${marker}` });
  return use === undefined ? [] : [use];
}

/** Settings that hold for whoever uses the file; pip reads it when PIP_CONFIG_FILE or a virtual environment says so, and images copy it. */
export function readPipConf({ file, text }: ProjectFile): Fact[] {
  return readIni(text).flatMap(({ key, lines }) => {
    const option = indexKeys.get(key);
    if (option === undefined) return [];
    return lines.flatMap(({ text: value, line }) =>
      value
        .split(/\s+/)
        .filter((part) => part !== '')
        .map((part): Fact => ({ kind: 'index', place: { file, line }, option, value: part, scope: 'project' })),
    );
  });
}
