// Writes what was measured: everything to results.json, the tables into README.md between two markers.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { contractText, ruleCostsText } from './contract-parts.js';
import { summarize } from './statistics.js';
import { short, spread, table } from './tables.js';
import { medianOf } from './targets.js';

const beginMark = '<!-- written by run.js -->';
const endMark = '<!-- end -->';

/** @param {import('./scenarios.js').ScenarioResult} scenario */
function scenarioText(scenario) {
  const { payload, stacks, measurements, memory, alone } = scenario;
  const rows = [['', 'requests/s', 'median ms', 'p99 ms', 'resident MiB']];
  for (const { id, title } of stacks) {
    const rounds = measurements[id];
    const rates = summarize(rounds.map((round) => round.requestsPerSecond));
    const times = [medianOf(rounds, 'p50Ms'), medianOf(rounds, 'p99Ms')].map(short);
    rows.push([title, spread(rates), ...times, short(memory[id].rssMiB)]);
  }
  const body = `${payload.bytes.toLocaleString('en-US')} bytes, ${payload.numbers.toLocaleString('en-US')} numbers of at most ${payload.mostDigits} digits`;
  const rounds = measurements[stacks[0].id].length;
  const lines = [
    `### ${scenario.title}`,
    `${body}; ${scenario.connections} connections; ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${scenario.secondsPerMeasurement} s per stack.`,
    table(rows),
  ];
  if (alone.length > 0) lines.push(aloneText(alone));
  if (scenario.starts[stacks[0].id].length > 0) lines.push(startsText(scenario));
  return lines.join('\n\n');
}

/** @param {import('./scenarios.js').ScenarioResult['alone']} alone */
function aloneText(alone) {
  const parts = [`bare Node ${spread(summarize(alone.map((round) => round.bareMs)))} ms`];
  const ours = alone.flatMap((round) => (round.airlockMs === undefined ? [] : [round.airlockMs]));
  if (ours.length > 0) parts.unshift(`Airlock ${spread(summarize(ours))} ms`);
  const run = spread(summarize(alone.map((round) => round.sessionRunMs)));
  return `One connection, median latency: ${parts.join(', ')}; \`TF_SessionRun\` alone takes ${run} ms (measured in bare Node).`;
}

/** @param {import('./scenarios.js').ScenarioResult} scenario */
function startsText({ stacks, starts }) {
  const rows = [['one worker', 'isolation', 'process to ready, ms', 'resident MiB', 'of which its own']];
  for (const { id, title } of stacks) {
    const pick = (/** @type {import('./worker-start.js').StartNumber} */ field) =>
      spread(summarize(starts[id].map((start) => start[field])));
    rows.push([title, starts[id][0].level, pick('startMs'), pick('residentMiB'), pick('ownMiB')]);
  }
  return table(rows);
}

/** @param {import('./targets.js').DecodeResult[]} decode */
function decodeText(decode) {
  const rows = [['body', 'Airlock ms', 'JSON.parse, flatten ms', 'times faster']];
  for (const { payload, dtype, airlockMs, plainMs, timesFaster } of decode) {
    const type = dtype === 'DT_FLOAT' ? 'Float32Array' : 'Float64Array';
    rows.push([`${payload} to ${type}`, spread(airlockMs), spread(plainMs), spread(timesFaster)]);
  }
  return `### Decoding alone\n\nOne image body to one typed array, one thread.\n\n${table(rows)}`;
}

/** @param {import('./targets.js').Target[]} targets */
export function targetsText(targets) {
  const rows = [['number to reach', 'target', 'measured', '']];
  for (const { what, target, measured, unit, reached } of targets) {
    rows.push([what, target, `${spread(measured)}${unit}`, reached === undefined ? '' : reached ? 'reached' : '**missed**']);
  }
  return table(rows);
}

/**
 * @param {object} results
 * @param {ReturnType<typeof import('./machine.js').describeMachine>} results.machine
 * @param {import('./scenarios.js').ScenarioResult[]} results.scenarios
 * @param {import('./targets.js').DecodeResult[]} results.decode
 * @param {import('./contract-parts.js').ContractResult} [results.contracts]
 * @param {import('./contract-parts.js').RuleCosts} [results.contractRules]
 * @param {import('./targets.js').Target[]} results.targets
 */
export function reportText({ machine, scenarios, decode, contracts, contractRules, targets }) {
  const where = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}. Node ${machine.node}, Python ${machine.python}`,
    `(${machine.pythonPackages}).`,
    `Load from ${machine.generator} on the same machine; load average at the start ${machine.loadAverageAtStart}.`,
    `Commit ${machine.commit}. Numbers are medians of the rounds with the least and the most in brackets; a ratio is taken within each`,
    'round first.',
  ];
  const parts = [where.join('\n'), ...scenarios.map(scenarioText)];
  if (decode.length > 0) parts.push(decodeText(decode));
  if (contracts !== undefined) parts.push(contractText(contracts));
  if (contractRules !== undefined) parts.push(ruleCostsText(contractRules));
  if (targets.length > 0) parts.push(`### Numbers to reach\n\n${targetsText(targets)}`);
  return parts.join('\n\n');
}

/**
 * @param {string} folder the bench folder
 * @param {Parameters<typeof reportText>[0]} results
 */
export function writeReport(folder, results) {
  const readme = path.join(folder, 'README.md');
  const text = fs.readFileSync(readme, 'utf8');
  const begin = text.indexOf(beginMark);
  const end = text.indexOf(endMark, begin);
  if (begin < 0 || end < 0) throw new Error('bench/README.md has lost its markers');
  fs.writeFileSync(readme, `${text.slice(0, begin + beginMark.length)}\n\n${reportText(results)}\n\n${text.slice(end)}`);
  const raw = path.join(folder, 'results.json');
  fs.writeFileSync(raw, `${JSON.stringify(results)}\n`);
  // The repository's check covers these two files like all others.
  const biome = path.join(path.dirname(folder), 'node_modules/@biomejs/biome/bin/biome');
  const formatted = spawnSync(process.execPath, [biome, 'format', '--write', readme, raw], { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(`biome could not format the report: ${formatted.stderr.slice(-500)}`);
}
