// The table of the flood.
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { quantile } from '../lib/statistics.js';
import { short, table } from '../lib/tables.js';

/**
 * @typedef {{ sent: number, failed: number, failures: Record<string, number>, p50Ms: number, p99Ms: number, maxMs: number }} Honest
 * @typedef {{ quiet: Honest, flooded: Honest, told: Record<string, Record<string, number>>, peakMiB: number }} Round
 * @typedef {{ id: string, results: Round[], ended: string | undefined }} Stack
 */

const titles = { airlock: 'Airlock', fastapi: 'FastAPI' };
const titleOf = (/** @type {string} */ id) => titles[/** @type {keyof typeof titles} */ (id)] ?? id;

/** Median of the rounds. @param {Round[]} rounds @param {(round: Round) => number} value */
const median = (rounds, value) => quantile(rounds.map(value), 0.5);

/** @param {Stack} stack */
function row({ id, results, ended }) {
  const sent = results.reduce((sum, { flooded }) => sum + flooded.sent, 0);
  const failed = results.reduce((sum, { flooded }) => sum + flooded.failed, 0);
  const ratio = median(results, ({ quiet, flooded }) => flooded.p99Ms / quiet.p99Ms);
  return [
    titleOf(id),
    short(median(results, ({ quiet }) => quiet.p50Ms)),
    short(median(results, ({ quiet }) => quiet.p99Ms)),
    short(median(results, ({ flooded }) => flooded.p50Ms)),
    short(median(results, ({ flooded }) => flooded.p99Ms)),
    `${short(ratio)}×`,
    `${((100 * (sent - failed)) / sent).toFixed(2)} %`,
    short(Math.max(...results.map(({ peakMiB }) => peakMiB))),
    ended ?? 'still there',
  ];
}

/** @param {Stack} stack */
function outcomes({ id, results }) {
  /** @type {Record<string, Record<string, number>>} */
  const sums = {};
  for (const { told } of results)
    for (const [attack, counts] of Object.entries(told))
      for (const [outcome, count] of Object.entries(counts)) {
        sums[attack] ??= {};
        sums[attack][outcome] = (sums[attack][outcome] ?? 0) + count;
      }
  return Object.entries(sums).map(([attack, counts]) => {
    const text = Object.entries(counts).map(([outcome, count]) => `${outcome}: ${count}`);
    return [titleOf(id), attack, text.join(', ')];
  });
}

/** @param {string} root */
function commitOf(root) {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** @param {Stack[]} stacks @param {{ seconds: number, rounds: number, root: string }} how */
export function floodReport(stacks, { seconds, rounds, root }) {
  const failures = stacks.flatMap(({ id, results }) =>
    Object.entries(Object.assign({}, ...results.map(({ flooded }) => flooded.failures))).map(
      ([why]) => `- ${titleOf(id)}: ${why}`,
    ),
  );
  return [
    '# An honest client in a flood',
    '',
    `Written by \`node bench/flood.js --seconds ${seconds} --rounds ${rounds} --write\`.`,
    `${new Date().toISOString().slice(0, 10)}, commit ${commitOf(root)}: ${os.cpus().length} × ${os.cpus()[0].model.trim()}, Linux ${os.release()}, Node ${process.versions.node}, load average ${os.loadavg()[0].toFixed(1)} at the end.`,
    '',
    'One honest client asks for one row 50 times a second, whatever becomes of the requests before; a latency counts from when the request was due. 20 attackers, each with an',
    'address of its own, send batches that are as large as the contract allows, bodies that are too large, too deep or wrong at their very end, gzip that inflates, bodies a byte',
    'at a time, and connections that say nothing. They run on the same machine with a lower priority, because real ones have machines of their own. Medians of the rounds.',
    '',
    table([
      [
        'stack',
        'quiet p50 ms',
        'quiet p99 ms',
        'flooded p50 ms',
        'flooded p99 ms',
        'p99, flooded to quiet',
        'honest requests answered',
        'most memory, MiB',
        'the server',
      ],
      ...stacks.map(row),
    ]),
    '',
    ...(failures.length === 0 ? [] : ['What the honest client got instead of answers:', '', ...failures, '']),
    table([['stack', 'attack', 'what the attackers were told'], ...stacks.flatMap(outcomes)], 3),
    '',
  ].join('\n');
}
