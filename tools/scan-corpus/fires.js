// Runs the attacks of the corpus in real TensorFlow and compares what happens, and when, with what the scanner predicts. Writes FIRES.md after a
// whole run. What the attacks do stays in a temporary folder; each is a child process with a deadline and a limit of memory.
//
// usage: node tools/scan-corpus/fires.js [--only TEXT] [--jobs N]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { scanInProcess } from '../../dist/scan/engine/index.js';
import { judge } from './measure/judge.js';
import { root } from './measure/scanners.js';

const here = import.meta.dirname;
const python = path.join(root, '.airlock/tensorflow-venv/bin/python3');
const { values: flags } = parseArgs({ options: { only: { type: 'string' }, jobs: { type: 'string', default: '2' } } });
if (!fs.existsSync(python)) throw new Error('There is no TensorFlow in .airlock/tensorflow-venv: run `npm test` once');

/** @type {(import('./measure/judge.js').Entry & { fires: Record<string, string> | null })[]} */
const entries = JSON.parse(fs.readFileSync(path.join(here, 'expectations.json'), 'utf8'));
const wanted = entries.filter(({ id, fires }) => fires && (!flags.only || id.includes(flags.only)));
const startedMs = performance.now();
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'airlock-fires-'));
try {
  // What connects listens on one port, so all of it is in one job.
  const jobs = Array.from({ length: Number(flags.jobs) }, () => /** @type {string[]} */ ([]));
  const others = wanted.filter(({ fires }) => fires?.effect !== 'connects');
  for (const { id, fires } of wanted) if (fires?.effect === 'connects') jobs[0]?.push(id);
  others.forEach(({ id }, at) => jobs[at % jobs.length]?.push(id));
  const results = (await Promise.all(jobs.filter((ids) => ids.length > 0).map(runJob))).flat();
  report(new Map(results.map((result) => [result.id, result])));
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}

/**
 * @param {string[]} ids
 * @param {number} job
 */
async function runJob(ids, job) {
  const folder = path.join(work, String(job));
  const child = spawn(python, [path.join(here, 'fires.py'), '--work', folder, '--ids', ids.join(',')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  const seen = new Map(text.split('\n').filter(Boolean).map((line) => JSON.parse(line)).map((result) => [result.id, result]));
  const results = [];
  for (const entry of wanted.filter(({ id }) => ids.includes(id))) {
    const result = seen.get(entry.id) ?? { ok: false, why: 'fires.py ended before' };
    results.push({ id: entry.id, ...result, predicted: await predict(entry, path.join(folder, 'corpus', entry.path)) });
  }
  return results;
}

/**
 * The finding that names the hazard, with the trigger that was seen where there is one.
 * @param {import('./measure/judge.js').Entry} entry
 * @param {string} file
 */
async function predict(entry, file) {
  const { findings } = await scanInProcess({ path: file, tensorflow: '2.21.0' });
  const found = findings.map(({ severity, ruleId, trigger, message, argument, location }) => ({
    severity,
    rule: ruleId,
    category: ruleId.split('/')[0] ?? '',
    trigger,
    text: `${message} ${JSON.stringify(argument ?? {})} ${JSON.stringify(location)}`,
  }));
  const fitting = found.filter((finding) => judge(entry, { findings: [finding], failed: false, ms: 0 }, new Set()).exact);
  return fitting.find(({ trigger }) => trigger === entry.trigger) ?? fitting[0];
}

/** @param {Map<string, any>} results */
function report(results) {
  const rows = wanted.map((entry) => {
    const result = results.get(entry.id);
    const { how, effect, target = '' } = entry.fires ?? {};
    const agrees = result.ok && result.predicted?.trigger === entry.trigger;
    const seen = result.ok ? `${effect} ${target} at ${result.step}` : `not seen: ${result.why}`.replaceAll('\n', ' ').replaceAll('|', '/').slice(0, 200);
    return { agrees, fired: result.ok, line: [entry.id, how, seen, entry.trigger, result.predicted ? `${result.predicted.rule} (${result.predicted.trigger})` : 'nothing', agrees ? 'yes' : 'no'] };
  });
  const summary = [
    `${rows.filter(({ fired }) => fired).length} of ${rows.length} attacks do in TensorFlow 2.21.0 what is expected of them, at the step that is expected and not before;`,
    `for ${rows.filter(({ agrees }) => agrees).length} of them the scanner predicts the effect with that trigger.`,
  ].join(' ');
  const head = ['attack', 'how', 'what was seen', 'trigger', 'finding that predicts it', 'agrees'];
  const table = [head, head.map(() => '---'), ...rows.map(({ line }) => line)].map((row) => `| ${row.join(' | ')} |`).join('\n');
  const text = `# Attacks that were run\n\n${summary}\n\nThe command is \`node tools/scan-corpus/fires.js\`; the date ${new Date().toISOString().slice(0, 10)}.\n\n${table}\n`;
  if (!flags.only) fs.writeFileSync(path.join(here, 'FIRES.md'), text);
  for (const { agrees, line } of rows) if (!agrees) console.log(line.join(' · '));
  console.log(summary);
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  process.exitCode = rows.every(({ fired }) => fired) ? 0 : 1;
}
