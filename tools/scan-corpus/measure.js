// Measures the scanner on the corpus, beside modelscan and modelaudit where asked, and writes RESULTS.md after a whole run.
//
// usage: node tools/scan-corpus/measure.js [--corpus DIR] [--peers] [--only TEXT] [--jobs N] [--keep DIR] [--quick]
// --quick scans in one process and measures no times.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { judge, plain } from './measure/judge.js';
import { resultsText } from './measure/results.js';
import { peers, root, runAirlock, runInProcess, runPeer, wholeProcessMs } from './measure/scanners.js';

const here = import.meta.dirname;
const { values: flags } = parseArgs({
  options: {
    corpus: { type: 'string', default: path.join(root, '.airlock/scan-corpus') },
    peers: { type: 'boolean', default: false },
    only: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    keep: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
/** @type {import('./measure/judge.js').Entry[]} */
const all = JSON.parse(fs.readFileSync(path.join(here, 'expectations.json'), 'utf8'));
const baseline = 'b-sm-dense';
const wanted = new Set((flags.only ?? '').split(',').filter(Boolean));
const entries = all.filter(({ id }) => wanted.size === 0 || id === baseline || [...wanted].some((text) => id.includes(text)));
const missing = entries.filter((entry) => !fs.lstatSync(path.join(flags.corpus, entry.path), { throwIfNoEntry: false }));
if (missing.length > 0) {
  console.error(`${missing.length} artefacts are not there, ${missing[0]?.id} among them. Make them: tools/scan-corpus/make.py`);
  process.exit(2);
}
if (flags.keep) fs.mkdirSync(flags.keep, { recursive: true });

const startedMs = performance.now();
const shown = process.stderr.isTTY;
const done = (/** @type {number} */ count) => shown && process.stderr.write(`\rairlock ${count}/${entries.length} `);
const run = flags.quick ? runInProcess : runAirlock;
const scanned = new Map([['airlock', await run(entries, flags.corpus, { jobs: Number(flags.jobs), keep: flags.keep, done })]]);
if (flags.peers) {
  for (const name of /** @type {const} */ (['modelscan', 'modelaudit'])) scanned.set(name, await runPeer(name, entries, flags.corpus));
}

const judged = new Map();
for (const [name, results] of scanned) {
  const usual = new Set((results.get(baseline)?.findings ?? []).map(({ text }) => plain(text)));
  judged.set(name, new Map(entries.map((entry) => [entry.id, judge(entry, results.get(entry.id) ?? { findings: [], failed: true, ms: 0 }, usual)])));
}
const whole = flags.quick ? {} : wholeProcessMs(path.join(flags.corpus, 'savedmodel', baseline), flags.peers);
const attacks = entries.filter(({ kind }) => kind === 'attack').length;
const facts = {
  date: new Date().toISOString().slice(0, 10),
  command: `node tools/scan-corpus/measure.js ${process.argv.slice(2).join(' ')}`.trim(),
  corpus: `${attacks} attacks, ${entries.length - attacks} benign`,
  versions: `airlock ${JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version}, ${Object.entries(peers).map((one) => one.join(' ')).join(', ')}`,
  machine: `${os.cpus().length} × ${os.cpus()[0]?.model ?? 'CPU'}, Node ${process.versions.node}`,
  'whole process on a small model, median of five': Object.entries(whole).map(([name, ms]) => `${name} ${ms} ms`).join(', '),
  'slowest scan of Airlock': slowest(),
};
const text = resultsText(entries, judged, facts);
process.stdout.write(text);
if (flags.peers && wanted.size === 0 && !flags.quick) fs.writeFileSync(path.join(here, 'RESULTS.md'), text);
console.error(`${((performance.now() - startedMs) / 1000).toFixed(0)} s`);

function slowest() {
  const [id, result] = [...(scanned.get('airlock') ?? [])].sort((a, b) => b[1].ms - a[1].ms)[0] ?? ['none', { ms: 0 }];
  return `${id}, ${(result.ms / 1000).toFixed(1)} s`;
}
