// `npm run bench`: Airlock, bare Node and the Python stack side by side. Ends with 1 when a number to reach was missed.
// Only a whole run may write results.json and README.md; what --quick, --only or --without-airlock measure is printed and forgotten.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { contractTargets, runContractRules, runContracts } from './lib/contract-parts.js';
import { chooseGenerator } from './lib/load.js';
import { takeLock } from './lib/lock.js';
import { describeMachine } from './lib/machine.js';
import { prepare } from './lib/prepare.js';
import { reportText, targetsText, writeReport } from './lib/report.js';
import { runScenario, scenarios } from './lib/scenarios.js';
import { judgeTargets } from './lib/targets.js';

const usage = `usage: npm run bench -- [--quick] [--rounds N] [--only LIST] [--without-airlock]
  --quick            one short round: does everything start and answer correctly?
  --rounds N         rounds per scenario, at least 5 for numbers worth keeping (default 7)
  --only LIST        some of the parts: tiny, tinyAll16, tinyAll64, image8, image17, jailTiny, jailImage, decode,
                     contracts, contractRules, provenance (with a report of its own)
  --without-airlock  only the stacks to compare with`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string' },
    'without-airlock': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/**
 * @param {import('./lib/prepare.js').Places} places
 * @param {number} blocks
 * @returns {import('./lib/targets.js').DecodeResult[]}
 */
function runDecode(places, blocks) {
  console.log('\nDecoding alone');
  const script = path.join(places.bench, 'decode.js');
  const result = spawnSync(process.execPath, [script, places.models, `${blocks}`], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`decoding alone failed:\n${result.stderr.slice(-2000)}`);
  return JSON.parse(result.stdout);
}

/**
 * A report of its own, bench/provenance.md: nothing in it is about requests.
 * @param {import('./lib/prepare.js').Places} places
 * @param {number} rounds
 */
function runProvenance(places, rounds) {
  console.log('\nSignatures');
  const args = [path.join(places.bench, 'provenance.js'), '--part', '--rounds', `${rounds}`, ...(flags.quick ? ['--small'] : [])];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status === 1) process.exitCode = 1;
  else if (status !== 0) throw new Error('measuring signatures failed');
}

async function main() {
  const rounds = flags.quick ? 1 : Number(flags.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on');
  const known = [...scenarios.map(({ id }) => id), 'decode', 'contracts', 'contractRules', 'provenance'];
  const parts = flags.only?.split(',') ?? known;
  const unknown = parts.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new Error(`--only does not know ${unknown}`);
  const withAirlock = !flags['without-airlock'];

  takeLock(path.dirname(fileURLToPath(import.meta.url)));
  const generator = chooseGenerator();
  const places = await prepare({ needsAirlock: withAirlock, needsAutocannon: generator.name === 'autocannon' });
  const machine = describeMachine(places, generator);
  console.log(machine);

  const results = [];
  // Without Airlock there is nothing to take the jail from.
  const wanted = scenarios.filter(({ id, airlockOnly }) => parts.includes(id) && (withAirlock || !airlockOnly));
  for (const scenario of wanted) {
    results.push(await runScenario(scenario, places, generator, { rounds, shorten: flags.quick ? 4 : 1, withAirlock }));
  }
  const decode = parts.includes('decode') && withAirlock ? runDecode(places, flags.quick ? 3 : 40) : [];
  const contracts = parts.includes('contracts') && withAirlock ? runContracts(places, rounds) : undefined;
  const contractRules = parts.includes('contractRules') && withAirlock ? runContractRules(places) : undefined;
  const targets = [...judgeTargets(results, decode), ...(contracts === undefined ? [] : contractTargets(contracts))];
  const report = { machine, scenarios: results, decode, contracts, contractRules, targets };
  if (flags.quick || flags.only !== undefined || !withAirlock) console.log(`\n${reportText(report)}`);
  else {
    writeReport(places.bench, report);
    console.log(`\n${targetsText(targets)}\n\nWritten to bench/README.md and bench/results.json.`);
  }
  if (parts.includes('provenance') && withAirlock) runProvenance(places, rounds);
  if (!flags.quick && targets.some(({ reached }) => reached === false)) process.exitCode = 1;
}

// An exit, so that what is registered for it runs: the servers are stopped and the lock is given back.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

if (flags.help) console.log(usage);
else {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
