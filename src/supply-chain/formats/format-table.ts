// Which files of a project are read, by their names, and by what.
import { basename } from 'node:path/posix';
import type { Fact, ProjectFile } from '../supply-chain-types.ts';
import { readCi } from './ci-files.ts';
import { readCondaEnvironment, readCondaExplicit, readCondaLock } from './conda-files.ts';
import { readDockerfile } from './dockerfile.ts';
import { readPipConf, readSetupCfg, readToxIni } from './ini-formats.ts';
import { readPipfile, readPipfileLock } from './pipfile.ts';
import { readPyproject } from './pyproject.ts';
import { readNoxfile, readSetupPy } from './python-literals.ts';
import { readRequirementsFile } from './requirements-file.ts';
import { readJenkinsfile, readMakefile, readShellScript } from './script-files.ts';
import { readTomlLock } from './toml-locks.ts';

export interface Format {
  readonly name: string;
  readonly matches: (file: string) => boolean;
  readonly read: (file: ProjectFile) => Fact[];
}

const named =
  (...names: readonly string[]) =>
  (file: string): boolean =>
    names.includes(basename(file));

const byPattern =
  (pattern: RegExp) =>
  (file: string): boolean =>
    pattern.test(basename(file));

/** Read but understood by nobody here: with TensorFlow in it, it is not judged. */
function readForeign({ file, text }: ProjectFile): Fact[] {
  const line = text.split('\n').findIndex((each) => /\b(?:tensorflow|keras)\b/i.test(each)) + 1;
  return line === 0
    ? []
    : [{ kind: 'gap', place: { file, line }, reason: 'it names TensorFlow or Keras, and this kind of file is not read yet' }];
}

/** The first that matches reads the file. */
export const formats: readonly Format[] = [
  { name: 'pyproject', matches: named('pyproject.toml'), read: readPyproject },
  { name: 'setup.cfg', matches: named('setup.cfg'), read: readSetupCfg },
  { name: 'setup.py', matches: named('setup.py'), read: readSetupPy },
  { name: 'Pipfile', matches: named('Pipfile'), read: readPipfile },
  { name: 'Pipfile.lock', matches: named('Pipfile.lock'), read: readPipfileLock },
  { name: 'poetry.lock', matches: named('poetry.lock'), read: (file) => readTomlLock(file, 'poetry') },
  { name: 'uv.lock', matches: named('uv.lock'), read: (file) => readTomlLock(file, 'uv') },
  { name: 'pdm.lock', matches: named('pdm.lock'), read: (file) => readTomlLock(file, 'pdm') },
  { name: 'pylock', matches: byPattern(/^pylock(?:\.[^.]{1,100})?\.toml$/), read: (file) => readTomlLock(file, 'pylock') },
  {
    name: 'requirements.in',
    matches: byPattern(/^(?:.{0,80}[-_.])?requirements(?:[-_.].{0,80})?\.in$/i),
    read: (file) => readRequirementsFile(file, 'manifest'),
  },
  {
    name: 'constraints',
    matches: byPattern(/^(?:.{0,80}[-_.])?constraints?(?:[-_.].{0,80})?\.txt$/i),
    read: (file) => readRequirementsFile(file, 'constraint'),
  },
  {
    name: 'requirements',
    matches: (file) =>
      byPattern(/^(?:.{0,80}[-_.])?(?:requirements?|reqs?|pip-?freeze|freeze)(?:[-_.].{0,80})?\.txt$/i)(file) ||
      /(?:^|\/)requirements\/[^/]{1,100}\.txt$/i.test(file),
    read: (file) => readRequirementsFile(file, 'requirement'),
  },
  {
    name: 'requirements.in',
    matches: (file) => /(?:^|\/)requirements\/[^/]{1,100}\.in$/i.test(file),
    read: (file) => readRequirementsFile(file, 'manifest'),
  },
  { name: 'conda environment', matches: byPattern(/^environment(?:[-_.].{0,80})?\.ya?ml$/i), read: readCondaEnvironment },
  { name: 'conda-lock', matches: byPattern(/^(?:.{0,80}\.)?conda-lock\.ya?ml$/i), read: readCondaLock },
  {
    name: 'conda explicit',
    matches: byPattern(
      /^conda-(?:linux|osx|win)-[a-z0-9]{1,16}\.lock$|^(?:.{0,80}[-_.])?explicit(?:[-_.].{0,80})?\.(?:txt|lock)$/i,
    ),
    read: readCondaExplicit,
  },
  { name: 'pip.conf', matches: named('pip.conf', 'pip.ini', '.pip.conf'), read: readPipConf },
  {
    name: 'Dockerfile',
    matches: byPattern(/^(?:Docker|Container)file(?:[-_.].{1,80})?$|\.(?:docker|container)file$/i),
    read: readDockerfile,
  },
  {
    name: 'CI',
    matches: (file) =>
      /(?:^|\/)\.github\/(?:workflows|actions\/(?:.{1,200}\/)?[^/]{1,100})\/?[^/]{0,100}\.ya?ml$|(?:^|\/)\.circleci\/[^/]{1,100}\.ya?ml$/.test(
        file,
      ) ||
      byPattern(
        /^(?:\.gitlab-ci|azure-pipelines|\.travis|bitbucket-pipelines|cloudbuild|buildspec|\.drone|action|appveyor)(?:[-_.].{0,80})?\.ya?ml$/,
      )(file) ||
      /(?:^|\/)\.gitlab\/.{0,200}\.ya?ml$/.test(file),
    read: readCi,
  },
  { name: 'tox.ini', matches: named('tox.ini'), read: readToxIni },
  { name: 'noxfile', matches: named('noxfile.py'), read: readNoxfile },
  { name: 'Makefile', matches: byPattern(/^(?:GNU)?[Mm]akefile(?:\..{1,80})?$|\.mk$/), read: readMakefile },
  { name: 'Jenkinsfile', matches: byPattern(/^Jenkinsfile(?:[-_.].{1,80})?$/), read: readJenkinsfile },
  { name: 'shell script', matches: byPattern(/\.(?:sh|bash)$/), read: readShellScript },
  {
    name: 'not read',
    matches: byPattern(/^(?:pixi\.(?:toml|lock)|meta\.ya?ml|recipe\.ya?ml|flake\.nix|requirements\.ya?ml|MODULE\.bazel)$/),
    read: readForeign,
  },
];

export function formatOf(file: string): Format | undefined {
  return formats.find(({ matches }) => matches(file));
}
