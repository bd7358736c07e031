// The text of bench/provenance.md: what checking and staging a signed model costs, beside other tools, and whether the numbers to reach were reached.
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { summarize, summarizeRatios } from './statistics.js';
import { short, spread, table } from './tables.js';

/** @typedef {{ name: string, files: number, fileBytes: number, seconds: Record<string, number[]> }} Result */

/** In the order of the table. */
const ways = [
  ['verify', 'Airlock', 'verify, in a process that runs: bundle, signature, every file'],
  ['stage', 'Airlock', 'the same while copying into the store, as the server does'],
  ['airlockCommand', 'Airlock', '`airlock verify`, the whole process'],
  ['openssl', 'openssl', '`openssl dgst -sha256`, one process for all files: hashes only'],
  ['python', 'model-signing', 'verify, in a process that runs'],
  ['pythonCommand', 'model-signing', '`model_signing verify key`, the whole process'],
];

/**
 * @param {{ results: Result[], rounds: number, root: string, venv: string | undefined }} measured `venv` is the Python of the tool, when it is there
 * @returns {{ text: string, isReached: boolean }}
 */
export function provenanceReport({ results, rounds, root, venv }) {
  const targets = judge(results);
  const lines = [
    '# What checking a signature costs',
    '',
    '    node bench/provenance.js',
    '',
    ...describe(root, venv),
    '',
    `Each in turn, ${rounds} rounds, the files in the page cache; before each copy nothing waits for the disk, and as much memory has just been used and freed. Seconds: median (smallest`,
    'to largest); GB are 10^9 bytes.',
    ...results.flatMap(section),
    '',
    '## Numbers to reach',
    '',
    table([
      ['what', 'target', 'measured', ''],
      ...targets.map(({ what, target, text, reached }) => [what, target, text, reached ? 'reached' : '**missed**']),
    ]),
    '',
  ];
  return { text: lines.join('\n'), isReached: targets.every(({ reached }) => reached) };
}

/** @param {Result} result */
function section({ name, files, fileBytes, seconds }) {
  const bytes = files * fileBytes;
  const rows = ways
    .filter(([id]) => seconds[id] !== undefined)
    .map(([id, who, what]) => {
      const summary = summarize(seconds[id]);
      return [who, what, spread(summary), short(bytes / 1e9 / summary.median)];
    });
  const title = files === 1 ? `One file of ${mebibytes(bytes)} MiB` : `${files} files of ${mebibytes(fileBytes)} MiB`;
  return ['', `## ${title}`, '', table([['who', `what (${name})`, 's', 'GB/s'], ...rows])];
}

/** @param {Result[]} results one file, then many */
function judge([one, many]) {
  const speed = (/** @type {Result} */ { files, fileBytes, seconds }) =>
    (files * fileBytes) / 1e9 / summarize(seconds.verify).median;
  const gain = speed(many) / speed(one);
  const all = [
    { what: 'verify, one file', target: 'at least 1.2 GB/s', text: `${short(speed(one))} GB/s`, reached: speed(one) >= 1.2 },
    { what: 'verify, many files against one', target: 'at least 1.7 times', text: `${short(gain)} times`, reached: gain >= 1.7 },
  ];
  for (const { name, seconds } of [one, many]) {
    const toOpenssl = summarizeRatios(seconds.verify, seconds.openssl);
    all.push({
      what: `verify against openssl, ${name}`,
      target: 'at most 1 of its time',
      text: spread(toOpenssl),
      reached: toOpenssl.median <= 1,
    });
    const toHashing = summarizeRatios(seconds.stage, seconds.verify);
    all.push({
      what: `staging against hashing, ${name}`,
      target: 'at most 1.5 times',
      text: spread(toHashing),
      reached: toHashing.median <= 1.5,
    });
  }
  return all;
}

/**
 * What the numbers were measured on: without it they mean nothing.
 * @param {string} root
 * @param {string | undefined} venv
 */
function describe(root, venv) {
  const versions =
    'import importlib.metadata as m, platform; print(m.version("model-signing"), "on Python", platform.python_version())';
  const tool = venv === undefined ? 'not installed' : ask(venv, ['-c', versions], root);
  const commit = ask('git', ['rev-parse', '--short', 'HEAD'], root);
  const changed = ask('git', ['status', '--porcelain', '--', 'src', 'bench'], root) === '' ? '' : ' with local changes';
  return [
    `${os.cpus()[0].model.trim()}, ${os.availableParallelism()} cores, Linux ${os.release()}, load ${os.loadavg()[0].toFixed(2)} at the end;`,
    `Node ${process.versions.node}, ${ask('openssl', ['version'], root)}, model-signing ${tool}; commit ${commit}${changed}.`,
  ];
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder
 */
function ask(command, args, folder) {
  const { status, stdout } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

const mebibytes = (/** @type {number} */ bytes) => short(bytes / 2 ** 20);
