// Tries every mutant of one folder of src at the commit that is checked out, in a private copy, and prints what the tests noticed per file. Only
// a whole run with --write writes the folder's page in docs. It must never run in the tree itself: Stryker writes mutants into the files.
//
// usage: node tools/stryker/mutate.js [--folder src/contract] [--only REGEX] [--share 0.1] [--runs 25] [--state FILE] [--write]
//
// --state keeps the results: of a file that has not changed since, only the mutants that no test had noticed are tried again.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportText, writeReport } from './report.js';
import { keyOf } from './sample-checker.js';

const { values: flags } = parseArgs({
  options: {
    folder: { type: 'string', default: 'src/contract' },
    only: { type: 'string', default: '' },
    share: { type: 'string', default: '1' },
    runs: { type: 'string', default: '25' },
    state: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const tools = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(tools, '../..');
/** Lines of the files that are mutated at one time: code that counts what it runs is slow, so the rest stays as it is. */
const linesAtOnce = 800;

/** `docs/mutation.md` for src/contract, `docs/mutation-provenance-format.md` for a part of another folder. */
const pageOf = (/** @type {string} */ folder) =>
  folder === 'src/contract' ? 'docs/mutation.md' : `docs/${folder.replace('src', 'mutation').replaceAll('/', '-')}.md`;

/** @param {string} commit */
function privateCopy(commit) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'airlock-mutation-'));
  const archive = path.join(folder, 'tree.tar');
  execFileSync('git', ['archive', '--format=tar', '-o', archive, commit], { cwd: root });
  execFileSync('tar', ['-x', '-f', archive, '-C', folder]);
  fs.rmSync(archive);
  fs.mkdirSync(path.join(folder, 'tools/stryker'), { recursive: true });
  for (const file of fs.readdirSync(tools).filter((name) => /\.js(on)?$/.test(name)))
    fs.copyFileSync(path.join(tools, file), path.join(folder, 'tools/stryker', file));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

/** @param {string} folder */
function groupsOf(folder) {
  const wanted = new RegExp(flags.only);
  const files = fs
    .readdirSync(path.join(folder, flags.folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${flags.folder}/${file}`)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/\/(gen|testdata)\//.test(file) && wanted.test(file));
  /** @type {string[][]} */
  const groups = [];
  let lines = Number.POSITIVE_INFINITY;
  for (const file of files.sort()) {
    const more = fs.readFileSync(path.join(folder, file), 'utf8').split('\n').length;
    if (lines + more > linesAtOnce) {
      groups.push([]);
      lines = 0;
    }
    groups.at(-1)?.push(file);
    lines += more;
  }
  return groups;
}

/** @typedef {import('./report.js').Mutant} Mutant */

/** @type {Record<string, import('./report.js').FileResult & { sha256: string }>} */
const state = flags.state !== undefined && fs.existsSync(flags.state) ? JSON.parse(fs.readFileSync(flags.state, 'utf8')) : {};
const isOpen = (/** @type {Mutant} */ { status }) => !['Killed', 'Timeout', 'Ignored', 'RuntimeError'].includes(status);

/**
 * Tries the mutants of these files, and puts what came of it into `state`.
 * @param {string} folder
 * @param {string[]} files
 */
function mutate(folder, files) {
  const hashes = files.map((file) => createHash('sha256').update(fs.readFileSync(path.join(folder, file))).digest('hex'));
  const known = files.filter((file, index) => state[file]?.sha256 === hashes[index]);
  const todo = files.filter((file) => !known.includes(file) || state[file].mutants.some(isOpen));
  if (todo.length === 0) return;
  // Files that are new have all of their mutants tried, so both kinds do not go into one run.
  const fresh = todo.filter((file) => !known.includes(file));
  if (fresh.length > 0 && fresh.length < todo.length) {
    mutate(folder, fresh);
    mutate(folder, todo.filter((file) => known.includes(file)));
    return;
  }
  const list = path.join(folder, 'mutants.json');
  const open = todo.flatMap((file) => (known.includes(file) ? state[file].mutants.filter(isOpen) : []));
  fs.writeFileSync(list, JSON.stringify(open.map(({ key }) => key)));
  const stryker = path.join(tools, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const args = [stryker, 'run', 'tools/stryker/stryker.config.json', '--mutate', todo.join(',')];
  const again = fresh.length === 0 ? { MUTATION_LIST: list } : {};
  const env = { ...process.env, MUTATION_TESTS: flags.folder, MUTATION_SHARE: flags.share, MUTATION_RUNS: flags.runs, ...again };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`Stryker failed on ${todo.join(', ')}:\n${`${stdout}${stderr}`.slice(-3000)}`);
  const { files: reported } = JSON.parse(fs.readFileSync(path.join(folder, 'reports/mutation.json'), 'utf8'));
  for (const file of todo) {
    const { mutants: all, source } = reported[file] ?? { mutants: [], source: '' };
    const lines = source.split('\n');
    const mutants = all.flatMap((/** @type {any} */ { status, mutatorName, location, replacement, statusReason }) => {
      if (status === 'CompileError') return [];
      const { line, column } = location.start;
      // A report counts from 1, everything else in Stryker from 0.
      const start = { line: line - 1, column: column - 1 };
      const key = keyOf({ fileName: file, mutatorName, location: { start }, replacement });
      // See in-process-runner.js.
      const counted = statusReason === 'too many runs of the mutant' ? 'Timeout' : status;
      return [{ key, file, status: counted, mutatorName, line, original: lines[line - 1].trim(), replacement, reason: statusReason }];
    });
    // Mutants that begin at one place may share a key: all that have it were tried again.
    const isAgain = fresh.length === 0;
    const tried = new Set(isAgain ? state[file].mutants.filter(isOpen).map(({ key }) => key) : []);
    const found = new Set(mutants.map(({ key }) => key));
    if ([...tried].some((key) => !found.has(key))) throw new Error(`not all mutants of ${file} were found again`);
    state[file] = {
      sha256: hashes[files.indexOf(file)],
      total: isAgain ? state[file].total : all.length,
      mutants: isAgain
        ? [...state[file].mutants.filter(({ key }) => !tried.has(key)), ...mutants.filter(({ key }) => tried.has(key))]
        : mutants,
    };
  }
}

os.setPriority(10);
const started = Date.now();
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
const folder = privateCopy(commit);
const groups = groupsOf(folder);
try {
  for (const files of groups) {
    mutate(folder, files);
    if (flags.state !== undefined) fs.writeFileSync(flags.state, JSON.stringify(state));
    console.log(`${Math.round((Date.now() - started) / 1000)} s, ${files.join(' ')}`);
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
const results = groups.flat().flatMap((file) => state[file] ?? []);
console.log(reportText(results));
if (flags.write) {
  if (flags.only !== '') throw new Error('only a run over all files is written');
  writeReport(path.join(root, pageOf(flags.folder)), results, { commit, runs: flags.runs });
}
