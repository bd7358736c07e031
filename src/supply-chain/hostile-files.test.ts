// Every reader against any text: it never throws, what it says has places in the file, and a megabyte made to be slow takes less than a second.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFiles } from '../../tests/support/supply-chain-run.ts';
import { formatOf, formats } from './formats/index.ts';
import { isOfInterest } from './judge/judge-package.ts';
import { splitCommands } from './shell/split-commands.ts';

/** One name of a file for each format. */
const names = [
  'pyproject.toml', 'setup.cfg', 'setup.py', 'Pipfile', 'Pipfile.lock', 'poetry.lock', 'uv.lock', 'pdm.lock', 'pylock.toml', 'requirements.in', 'constraints.txt', 'requirements.txt',
  'environment.yml', 'conda-lock.yml', 'conda-linux-64.lock', 'pip.conf', 'Dockerfile', '.github/workflows/a.yml', 'tox.ini', 'noxfile.py', 'Makefile', 'Jenkinsfile', 'a.sh', 'pixi.toml',
]; // biome-ignore format: a list of names

/** Pieces of all of these languages, so that random texts come near to real ones. */
const pieces = [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a file of the project holds
  'tensorflow', 'keras', 'tensorfow', '==2.9.1', '>=2', '[', ']', '{', '}', '(', ')', '"', "'", '"""', '\n', '\n  ', '\n\t', '\\\n', ' ', '=', ':', ',', ';', '#', '$', '${A}', '$(', '`', '|', '&&', '<<EOF', '\nEOF\n',
  'FROM ', 'RUN ', 'ARG A=', 'ENV ', 'COPY --from=', 'pip install ', 'uv run --with ', 'conda install ', 'sh -c "', '-r ', '-c ', '-e ', '--hash=sha256:', '--index-url ', '- ', '? ', 'run: |', 'script:', 'deps =', '[testenv]',
  'install_requires=[', 'session.install(', '[[package]]', 'name = ', 'version = ', '[project]', 'dependencies = [', '[tool.poetry.dependencies]', '@', 'git+https://', 'file:', '.whl', '\u202e', '\u0000', '\ufeff', '&a ', '*a', '<<: ', '!!js ',
]; // biome-ignore format: a list of texts

/**
 * Each takes less than a second where nothing else runs; coverage and neighbours make it several times as much. What goes through a megabyte again and again takes
 * minutes.
 */
const maxCpuMs = 10_000;

describe('every reader', () => {
  it('has a name here', () => {
    expect(new Set(names.map((name) => formatOf(name)?.name))).toEqual(new Set(formats.map(({ name }) => name)));
  });

  it.each(names)('takes any text as %s', (file) => {
    const text = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 80 }),
    );
    const read = formatOf(file)?.read;
    fc.assert(
      fc.property(text, (content) => {
        const lines = content.split('\n').length;
        for (const fact of read?.({ file, text: content }) ?? []) {
          expect(fact.place.file).toBe(file);
          expect(fact.place.line).toBeGreaterThanOrEqual(1);
          expect(fact.place.line).toBeLessThanOrEqual(lines + 1);
          if (fact.kind === 'package') expect(typeof fact.write('tensorflow', '==1')).toBe('string');
        }
      }),
      { numRuns: 200 },
    );
  });

  const size = 1024 * 1024;
  const fill = (piece: string, lead = '', tail = '') => `${lead}${piece.repeat(Math.ceil(size / piece.length))}${tail}`;
  const slow: readonly (readonly [string, string])[] = [
    ['quotes', fill('"', '', 'x')],
    ['single quotes in a command', fill("'", 'RUN pip install ', 'x')],
    ['quotes in a command', fill('\\"', 'RUN pip install ', 'x')],
    ['one long word', fill('a', 'RUN pip install ')],
    ['blanks', fill(' ', 'a', 'b')],
    ['blanks of a command', fill(' ', 'RUN pip install tensorflow', 'b')],
    ['lines', fill('\n')],
    ['continued lines', fill('\\\n', 'RUN a')],
    ['substitutions', fill('$(', 'RUN pip install ')],
    ['closed substitutions', fill('$(a)', 'RUN pip install ')],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a file of the project holds
    ['variables', fill('${a}', 'ARG a=b\nRUN pip install ')],
    ['growing variables', fill('ARG a=$a$a\n', 'ARG a=bbbb\n')],
    ['brackets', fill('[')],
    ['braces', fill('{"a":')],
    ['here-documents', fill('<<A ', 'RUN cat ', '\n')],
    ['here-documents of lines', fill('RUN a <<A\n')],
    ['at signs', fill('a@', 'git+https://', '/')],
    ['at signs per line', fill(`git+${'a@'.repeat(2000)}/\n`)],
    ['dashes', fill('- ')],
    ['indents', fill(' \n')],
    ['deep yaml', Array.from({ length: 1400 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
    ['yaml flow', fill('a, ', '[', ']')],
    ['yaml keys', fill('a: b\n')],
    ['yaml different keys', Array.from({ length: 80_000 }, (_, at) => `k${at}: pip`).join('\n')],
    ['requirements', fill('tensorflow==2.9.1\n')],
    ['different look-alikes', Array.from({ length: 40_000 }, (_, at) => `tensorflo${at.toString(36)}==1`).join('\n')],
    ['hashes', fill(' --hash=sha256:', 'tensorflow==2.1 ')],
    [
      'toml dependencies',
      `[project]\nname="a"\ndependencies=[${Array.from({ length: 30_000 }, (_, at) => `\n"tensorflow${at}>2"`).join(',')}]`,
    ],
    ['toml packages', Array.from({ length: 20_000 }, (_, at) => `[[package]]\nname="tk${at}"\nversion="1"\n`).join('')],
    ['toml tables', Array.from({ length: 40_000 }, (_, at) => `[tool.poetry.group.g${at}]\na="t"\n`).join('')],
    [
      'poetry names',
      `[tool.poetry.dependencies]\n${Array.from({ length: 40_000 }, (_, at) => `tensorflow${at} = "^1"\n`).join('')}`,
    ],
    ['python lists', fill('install_requires=[')],
    ['python calls', fill('session.install("a",')],
    ['sh texts', fill('sh "')],
    ['triple quotes', fill('sh """')],
    ['make variables', fill('A = $(A)$(A)\n')],
    ['curl', fill('curl a|sh\n')],
    ['bash in bash', fill('bash -c "bash -c ', 'RUN ')],
    ['ini values', fill(' a=b\n', '[testenv]\ndeps =\n')],
    ['brace factors', fill('{a,', '[testenv]\ndeps = ', ': x')],
  ];

  it.each(slow)('is quick with a megabyte of %s', (_, text) => {
    // The readers of one kind share their code; these are one of each. Time of this process, because the machine may be busy.
    for (const file of [
      'requirements.txt',
      'pyproject.toml',
      'uv.lock',
      'Dockerfile',
      'tox.ini',
      'noxfile.py',
      'Makefile',
      'Jenkinsfile',
      'conda-lock.yml',
      'Pipfile.lock',
    ]) {
      const before = process.cpuUsage().user;
      formatOf(file)?.read({ file, text });
      expect((process.cpuUsage().user - before) / 1_000, file).toBeLessThan(maxCpuMs);
    }
  });

  it.each(slow)('is quick with as much YAML as is read of %s', (_, text) => {
    const before = process.cpuUsage().user;
    formatOf('environment.yml')?.read({ file: 'environment.yml', text: text.slice(0, 256 * 1024) });
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(maxCpuMs);
  });
});

describe('commands', () => {
  const words = (text: string) => splitCommands(text, 1).map((command) => command.words.map((word) => word.text));
  it.each([
    ['a "b c" d\\ e', [['a', 'b c', 'd e']]],
    ["a 'b\"' && c || d; e | f & g", [['a', 'b"'], ['c'], ['d'], ['e'], ['f'], ['g']]],
    ['a # b\nc#d', [['a'], ['c#d']]],
    ['a \\\n b', [['a', 'b']]],
    ['(a; b)', [['a'], ['b']]],
    [
      'a $(b c) d',
      [
        ['a', '$(b c)', 'd'],
        ['b', 'c'],
      ],
    ],
    ['cat <<E\npip install x\nE\na', [['cat'], ['a'], ['pip', 'install', 'x']]],
  ])('%s', (text, expected) => expect(words(text)).toEqual(expected));
});

it('names of interest are found quickly among many', () => {
  const started = performance.now();
  for (let at = 0; at < 20_000; at++) isOfInterest(`tensorflo${at.toString(36)}`);
  expect(performance.now() - started).toBeLessThan(maxCpuMs);
});

it('says what a terminal obeys in no report', () => {
  const report = auditFiles({
    'requirements.txt': 'tensorflow==2.9.1 ; a == "\u202e\u001b[2J"\n\u001b[31mtensorfow\n',
    Dockerfile: 'FROM tensorflow/tensorflow:\u001b[2J\n',
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(JSON.stringify(report)).not.toMatch(/\\u001b|\\u202e|[\u0000-\u001f\u202e]/);
  expect(report.findings.length).toBeGreaterThan(2);
});
