// Fuzzes the scanner, parser by parser, for as long as it is told. Inputs are mutations of valid models, structural ones too; it is not guided by
// coverage. Needs a build (`npm run build`).
//
//   node tools/fuzz/scan.js [--seconds 60] [--only NAME] [--seed N] [--case I] [--out FOLDER] [--dist FOLDER]
//
// `--seconds` is for each parser. What does not hold is put into `--out` (default fuzz-scan/), one folder for each fault, with a fault.txt that
// says how to repeat it; it ends with 1 then. Seeds come from .airlock/scan-corpus, or from the folder in AIRLOCK_SCAN_CORPUS. See docs/fuzzing.md for what must hold.
import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { targetNames } from './scan-target-names.js';

/** Of processor time, so that a busy machine finds nothing; and by the clock, for what waits. */
const maxCaseMs = 10_000;
const maxWaitMs = 60_000;
const maxResidentBytes = 1024 ** 3;
const maxFaults = 20;
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
    seed: { type: 'string' },
    case: { type: 'string' },
    out: { type: 'string', default: 'fuzz-scan' },
    dist: { type: 'string', default: join(root, 'dist') },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const only = values.case === undefined ? undefined : Number(values.case);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('--seconds and --seed want numbers');
  process.exit(2);
}
const names = targetNames.filter((name) => values.only === undefined || name === values.only);
if (names.length === 0) {
  console.error(`--only wants one of ${targetNames.join(', ')}`);
  process.exit(2);
}
if (!existsSync(process.env.AIRLOCK_SCAN_CORPUS ?? join(root, '.airlock/scan-corpus'))) {
  console.error('There is no corpus to begin with: make it first (tools/scan-corpus), or name its folder in AIRLOCK_SCAN_CORPUS');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'airlock-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function residentBytes(pid) {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
    return pages * 4096;
  } catch {
    return 0;
  }
}

/** Of user and system, in ms: the kernel counts in hundredths of a second. */
function processorMs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

/** Cases from `first` on in one process, until the time is over or one does not hold. */
function runCases(name, first, untilMs) {
  const work = join(folder, name);
  const options = { dist: resolve(values.dist), root, name, seed, first, untilMs, work, ...(only === undefined ? {} : { only }) };
  const child = fork(fileURLToPath(new URL('./scan-cases.js', import.meta.url)), [JSON.stringify(options)], {
    execArgv: ['--max-old-space-size=768', '--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((done) => {
    let errors = '';
    let current;
    let isScanning = false;
    let [beganMs, beganProcessorMs] = [0, 0];
    let counts = { cases: 0, whole: 0, slowestMs: 0, residentMiB: 0 };
    let end;
    const finish = (fault) => {
      end ??= { fault, number: current, counts };
      child.kill('SIGKILL');
    };
    const watch = setInterval(() => {
      if (!isScanning) return;
      const bytes = residentBytes(child.pid);
      if (bytes > maxResidentBytes) finish(`It has ${Math.round(bytes / 1024 ** 2)} MiB of memory`);
      else if (processorMs(child.pid) - beganProcessorMs > maxCaseMs) finish(`It takes more than ${maxCaseMs / 1000} s of processor time`);
      else if (Date.now() - beganMs > maxWaitMs) finish(`It does not end in ${maxWaitMs / 1000} s`);
    }, 50);
    child.stderr.on('data', (text) => {
      errors = (errors + text).slice(-4000);
    });
    child.on('message', (message) => {
      counts = message.counts;
      isScanning = message.begins !== undefined;
      if (isScanning) [current, beganMs, beganProcessorMs] = [message.begins, Date.now(), processorMs(child.pid)];
      else if (message.fault !== undefined) end = { fault: message.fault, number: message.case, counts };
      else if (message.ends !== undefined) end ??= { number: message.ends, counts };
    });
    child.on('close', (code, signal) => {
      clearInterval(watch);
      done({ ...(end ?? { fault: `The process ended with ${code ?? signal}\n${errors}`, number: current, counts }), work });
    });
  });
}

/** Where in the code, so that a thousand cases of one fault count once. */
const kindOf = (fault) =>
  fault
    .split('\n')
    .slice(0, 3)
    .join('\n')
    .replaceAll(/\d{4,}/g, 'N')
    .replaceAll(/"[^"]*"/g, '""');

function keep(name, { fault, number, work }) {
  const target = join(values.out, `${name}-${seed}-${number}`);
  mkdirSync(target, { recursive: true });
  if (existsSync(work)) cpSync(work, join(target, 'input'), { recursive: true });
  writeFileSync(
    join(target, 'fault.txt'),
    `node tools/fuzz/scan.js --only ${name} --seed ${seed} --case ${number}\n\n${fault}\n`,
  );
  return target;
}

console.log(`seed ${seed}, ${seconds} s for each of ${names.length} parsers`);
let found = 0;
for (const name of names) {
  const untilMs = Date.now() + seconds * 1000;
  const total = { cases: 0, whole: 0, slowestMs: 0, slowestCase: 0, residentMiB: 0 };
  const kinds = new Map();
  for (let first = 0; Date.now() < untilMs && kinds.size < maxFaults; ) {
    const end = await runCases(name, first, untilMs);
    total.cases += end.counts.cases;
    total.whole += end.counts.whole;
    if (end.counts.slowestMs > total.slowestMs)
      Object.assign(total, { slowestMs: end.counts.slowestMs, slowestCase: end.counts.slowestCase });
    if (end.counts.residentMiB > total.residentMiB)
      Object.assign(total, { residentMiB: end.counts.residentMiB, residentCase: end.counts.residentCase });
    if (end.fault !== undefined) {
      const kind = kindOf(end.fault);
      if (!kinds.has(kind))
        console.error(
          `${name}: case ${end.number} does not hold (${keep(name, end)})\n${end.fault.split('\n').slice(0, 6).join('\n')}`,
        );
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (end.number === undefined) break;
      first = end.number + 1;
    }
    if (only !== undefined || end.fault === undefined) break;
  }
  found += kinds.size;
  const many = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    `${name}: ${total.cases} cases, ${total.whole} read whole, slowest ${Math.round(total.slowestMs)} ms (case ${total.slowestCase}), up to ${total.residentMiB} MiB (case ${total.residentCase}), ${many === 0 ? 'nothing found' : `${kinds.size} faults in ${many} cases`}`,
  );
}
process.exit(found === 0 ? 0 : 1);
