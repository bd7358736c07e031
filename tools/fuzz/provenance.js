// Fuzzes what reads signatures, for as long as it is told: the JSON parser, bundles, manifests, certificate chains with time
// stamps, and the files of signers. Inputs are mutations of valid ones; it is not guided by coverage. Needs a build (`npm run
// build`).
//
//   node tools/fuzz/provenance.js [--seconds 60] [--seed N] [--target NAME]
//
// Ends with 1 and prints the input in base64 as soon as something does not hold (see targets.js) or takes longer than two
// seconds.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeAuthorities } from './material.js';
import { Random } from './random.js';
import { makeTargets } from './targets.js';

const maxCaseMs = 2000;
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, target: { type: 'string' } },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('--seconds and --seed want numbers');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'airlock-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function fuzz(name, { make, check }, untilMs) {
  const random = new Random(seed);
  const counts = { cases: 0, accepted: 0, slowestMs: 0 };
  while (performance.now() < untilMs) {
    const input = make(random);
    const startedMs = performance.now();
    try {
      if (await check(input)) counts.accepted++;
    } catch (finding) {
      console.error(`${name}: case ${counts.cases} of seed ${seed} does not hold\n${input.toString('base64')}`);
      console.error(finding);
      process.exit(1);
    }
    const tookMs = performance.now() - startedMs;
    if (tookMs > maxCaseMs) {
      console.error(`${name}: case ${counts.cases} of seed ${seed} took ${Math.round(tookMs)} ms\n${input.toString('base64')}`);
      process.exit(1);
    }
    counts.cases++;
    counts.slowestMs = Math.max(counts.slowestMs, tookMs);
  }
  return counts;
}

const targets = await makeTargets(await makeAuthorities(), folder);
const names = Object.keys(targets).filter((name) => values.target === undefined || name === values.target);
if (names.length === 0) {
  console.error(`--target wants one of ${Object.keys(targets).join(', ')}`);
  process.exit(2);
}
console.log(`seed ${seed}, ${seconds} s over ${names.length} targets`);
for (const name of names) {
  const { cases, accepted, slowestMs } = await fuzz(name, targets[name], performance.now() + (seconds * 1000) / names.length);
  console.log(`${name}: ${cases} cases, ${accepted} accepted, slowest ${slowestMs.toFixed(1)} ms, nothing found`);
}
