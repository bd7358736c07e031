// Counts mutants per file, and writes the table into docs/mutation.md between its markers.
import fs from 'node:fs';
import os from 'node:os';

/** @typedef {{ key: string, file: string, status: string, mutatorName: string, line: number, original: string, replacement: string, reason?: string }} Mutant */

/** `total` counts the mutants that were not in the sample too. */
/** @typedef {{ total: number, mutants: Mutant[] }} FileResult */

const columns = ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'RuntimeError', 'Ignored'];

/** @param {Mutant[]} mutants */
function counts(mutants) {
  const numbers = Object.fromEntries(columns.map((status) => [status, 0]));
  for (const { status } of mutants) numbers[status] = (numbers[status] ?? 0) + 1;
  const noticed = numbers.Killed + numbers.Timeout;
  const judged = noticed + numbers.Survived + numbers.NoCoverage;
  const score = judged === 0 ? 'no mutant' : `${((100 * noticed) / judged).toFixed(1)} %`;
  return [score, ...columns.map((status) => `${numbers[status]}`)];
}

/** @param {FileResult[]} results */
export function reportText(results) {
  const mutants = results.flatMap((result) => result.mutants);
  const texts = mutants.filter(({ mutatorName }) => mutatorName === 'StringLiteral');
  const code = mutants.filter(({ mutatorName }) => mutatorName !== 'StringLiteral');
  const total = results.reduce((sum, result) => sum + result.total, 0);
  const tried = (/** @type {FileResult} */ one) => {
    const ignored = one.mutants.filter(({ status }) => status === 'Ignored').length;
    const [some, all] = [one.mutants.length - ignored, one.total - ignored];
    return some === all ? 'all' : `${some} of ${all}`;
  };
  const rows = [
    ['file', 'score', 'killed', 'timeout', 'survived', 'no test', 'error', 'at load', 'tried'],
    ['**all**', ...counts(mutants), tried({ total, mutants })],
    ['all but texts', ...counts(code), ''],
    ['texts', ...counts(texts), ''],
    ...results
      .filter((result) => result.mutants.length > 0)
      .map((result) => [`\`${result.mutants[0].file.replace(/^src\/[^/]+\//, '')}\``, ...counts(result.mutants), tried(result)]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (/** @type {string[]} */ row) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/**
 * @param {string} file
 * @param {FileResult[]} results
 * @param {{ commit: string, runs: string }} run
 */
export function writeReport(file, results, { commit, runs }) {
  const text = fs.readFileSync(file, 'utf8');
  const begin = '<!-- written by tools/stryker -->';
  const at = text.indexOf(begin);
  const end = text.indexOf('<!-- end -->', at);
  if (at < 0 || end < 0) throw new Error(`${file} has lost its markers`);
  const isTried = (/** @type {Mutant} */ { status }) => status !== 'Ignored';
  const tried = results.reduce((sum, { mutants }) => sum + mutants.filter(isTried).length, 0).toLocaleString('en-US');
  const total = results.reduce((sum, one) => sum + one.total, 0).toLocaleString('en-US');
  const head = [
    `Commit ${commit}, ${new Date().toISOString().slice(0, 10)}: ${tried} of ${total} mutants (where not all of a file, a sample drawn by a hash),`,
    `at most ${runs} cases per property (a quarter of those that ask for more). Node ${process.versions.node},`,
    `StrykerJS 9.6.1, ${os.cpus().length} cores, ${os.cpus()[0].model.trim()}.`,
  ];
  fs.writeFileSync(file, `${text.slice(0, at + begin.length)}\n\n${head.join('\n')}\n\n${reportText(results)}\n\n${text.slice(end)}`);
}
