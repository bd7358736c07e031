// The two parts of the benchmark that are about contracts: a whole contract beside pydantic and pandera, and what each rule costs. Both
// run in a process of their own, so that nothing else has warmed or filled it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { quantile, summarize } from './statistics.js';
import { short, spread, table } from './tables.js';
import { judge } from './targets.js';

/** @typedef {import('./statistics.js').Summary} Summary */
/**
 * `medianMs` are the medians of the rounds, `p99Ms` is of all runs of all rounds.
 * @typedef {{ medianMs: Summary, p99Ms: number, runs: number }} Contender
 * @typedef {{ image: { bodyBytes: number, decodeMs: Summary, checkMs: Summary, share: Summary }, versions: Record<string, string>, contenders: Record<string, Contender>, maxMemoryMiB: Record<string, number>, ratios: Record<string, Summary> }} ContractResult
 * @typedef {{ perRule: { rule: string, dtype: string, nsPerElement: number, ms: Summary }[], whole: { name: string, bytes: number, decodeMs: Summary, contractMs: Summary, percentOfDecoding: number }[] }} RuleCosts
 */

/** In the order of the table. */
const titles = {
  airlockTensors: 'Airlock: check 30 decoded tensors',
  pandera: 'pandera: validate a DataFrame, lazily',
  pydanticPython: 'pydantic: row models from Python objects',
  airlockJson: 'Airlock: decode JSON and check',
  pydanticJson: 'pydantic: row models from JSON',
};

/**
 * @param {string} title
 * @param {string} script
 * @param {string[]} args
 */
function runScript(title, script, args) {
  console.log(`\n${title}`);
  const result = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) throw new Error(`${path.basename(script)} failed:\n${result.stderr.slice(-2000)}`);
  return result.stdout;
}

/**
 * @param {import('./prepare.js').Places} places
 * @param {number} rounds
 * @returns {ContractResult}
 */
export function runContracts(places, rounds) {
  const script = path.join(places.bench, 'contracts.js');
  const answer = JSON.parse(runScript('Whole contracts', script, [`${rounds}`, places.python, places.work]));
  const { image, ratios, tabular } = answer;
  /** @type {Record<string, Contender>} */
  const contenders = {};
  for (const [name, { medians, all }] of Object.entries(tabular.measured))
    contenders[name] = { medianMs: summarize(medians), p99Ms: quantile(all, 0.99), runs: all.length };
  return { image, ratios, versions: tabular.versions, maxMemoryMiB: tabular.maxMemoryMiB, contenders };
}

/**
 * @param {import('./prepare.js').Places} places
 * @returns {RuleCosts}
 */
export function runContractRules(places) {
  const file = path.join(places.work, 'contract-rules.json');
  runScript('Rules of contracts', path.join(places.bench, 'contract-rules.js'), ['--json', file]);
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/** @param {ContractResult} result */
export function contractTargets({ image, ratios }) {
  const percent = { median: 100 * image.share.median, min: 100 * image.share.min, max: 100 * image.share.max };
  return [
    judge('contract: check of a 224×224×3 image / decoding it', percent, { atMost: 15 }, ' %'),
    judge('contract: pydantic row models from Python / check of tensors', ratios.pydanticPython, { atLeast: 20 }),
    judge('contract: pandera on a DataFrame / check of tensors', ratios.pandera, { atLeast: 2 }),
    judge('contract: pydantic row models from JSON / decoding and checking JSON', ratios.pydanticJson, {}),
  ];
}

/** @param {ContractResult} result */
export function contractText({ image, versions, contenders, maxMemoryMiB }) {
  const rows = [['1,000 rows of 30 features', 'median ms', 'p99 ms', 'runs']];
  for (const [name, title] of Object.entries(titles)) {
    const { medianMs, p99Ms, runs } = contenders[name];
    rows.push([title, spread(medianMs), short(p99Ms), `${runs}`]);
  }
  const [{ runs }] = Object.values(contenders);
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    '### Whole contracts',
    'The same rules for all: 20 floats and 6 integers with bounds, 3 choices, one text with a pattern. All have refused a bad batch first.',
    `They take turns, round by round (${runs} runs of the first in all); ${named.join(', ')}.`,
    table(rows),
    `Most resident memory: Airlock's process ${short(maxMemoryMiB.airlock)} MiB, the Python process with both libraries ${short(maxMemoryMiB.python)} MiB.`,
    `An image of 224×224×3 floats: decoding ${image.bodyBytes.toLocaleString('en-US')} bytes of JSON ${spread(image.decodeMs)} ms, its whole contract ${spread(image.checkMs)} ms.`,
  ].join('\n\n');
}

/** @param {RuleCosts} costs */
export function ruleCostsText({ perRule, whole }) {
  const rows = [['rule, on 150,528 elements', 'type', 'ns per element']];
  for (const { rule, dtype, nsPerElement } of perRule) rows.push([rule, dtype, short(nsPerElement)]);
  const beside = [['whole contract', 'JSON bytes', 'decoding ms', 'contract ms', '% of decoding']];
  for (const { name, bytes, decodeMs, contractMs, percentOfDecoding } of whole)
    beside.push([name, bytes.toLocaleString('en-US'), spread(decodeMs), spread(contractMs), short(percentOfDecoding)]);
  return `### Rules of contracts\n\n${table(rows)}\n\n${table(beside)}`;
}
