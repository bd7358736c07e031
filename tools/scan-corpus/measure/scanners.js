// Starts the scanners: Airlock as its users start it, and the peers from a Python environment of their own. Never downloads without being asked to.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** @typedef {import('./judge.js').Entry} Entry */
/** @typedef {import('./judge.js').Scanned} Scanned */

export const root = path.resolve(import.meta.dirname, '../../..');
const peersFolder = path.join(root, '.airlock/peers-venv');
export const peers = { modelscan: '0.8.8', modelaudit: '0.2.54' };
const timeoutMs = 180_000;

/**
 * Each artefact in a process of its own, as the command line does it.
 * @param {Entry[]} entries
 * @param {string} corpus
 * @param {{ jobs: number, keep: string | undefined, done: (count: number) => void }} options
 * @returns {Promise<Map<string, Scanned>>}
 */
export async function runAirlock(entries, corpus, { jobs, keep, done }) {
  const results = new Map();
  const left = [...entries];
  const work = async () => {
    for (let entry = left.shift(); entry !== undefined; entry = left.shift()) {
      results.set(entry.id, await scanOne(path.join(corpus, entry.path), keep && path.join(keep, `${entry.id}.json`)));
      done(results.size);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}

/**
 * All in one process, which is started again where an artefact ends it or takes too long.
 * @param {Entry[]} entries
 * @param {string} corpus
 * @param {{ keep: string | undefined, done: (count: number) => void }} options
 * @returns {Promise<Map<string, Scanned>>}
 */
export async function runInProcess(entries, corpus, { keep, done }) {
  const results = new Map();
  let child;
  let lines;
  for (const entry of entries) {
    child ??= spawn(process.execPath, [path.join(import.meta.dirname, 'scan-many.js')], { stdio: ['pipe', 'pipe', 'ignore'] });
    lines ??= createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.write(`${path.join(corpus, entry.path)}\n`);
    const running = child;
    const timer = setTimeout(() => running.kill('SIGKILL'), timeoutMs);
    const { value, done: ended } = await lines.next();
    clearTimeout(timer);
    if (ended) {
      child.kill('SIGKILL');
      child = lines = undefined;
      results.set(entry.id, { findings: [], failed: true, ms: timeoutMs });
    } else {
      const report = JSON.parse(value);
      results.set(entry.id, { findings: findingsOf(report), failed: report.unreadable.length > 0, ms: report.ms });
      if (keep) fs.writeFileSync(path.join(keep, `${entry.id}.json`), value);
    }
    done(results.size);
  }
  child?.stdin.end();
  return results;
}

/** @param {{ findings: Record<string, any>[] }} report */
function findingsOf(report) {
  return report.findings.map((finding) => ({
    severity: finding.severity,
    category: finding.ruleId.split('/')[0],
    trigger: finding.trigger,
    rule: finding.ruleId,
    text: `${finding.message} ${JSON.stringify(finding.argument ?? {})} ${JSON.stringify(finding.location)}`,
  }));
}

/**
 * @param {string} file
 * @param {string | undefined} keep
 * @returns {Promise<Scanned>}
 */
async function scanOne(file, keep) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [path.join(root, 'bin/airlock.js'), 'scan', file, '--json', '--refuse-at', 'info'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  const [text, errors] = await Promise.all([collect(child.stdout), collect(child.stderr), new Promise((resolve) => child.once('close', resolve))]);
  const ms = performance.now() - startedMs;
  if (keep) fs.writeFileSync(keep, text || JSON.stringify({ error: errors }));
  let report;
  try {
    report = JSON.parse(text);
  } catch {
    return { findings: [], failed: true, ms };
  }
  return {
    findings: findingsOf(report),
    failed: report.unreadable.length > 0,
    ms,
  };
}

/** @param {import('node:stream').Readable} stream */
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Makes the peers' environment by pip where it is not there. TensorFlow, which modelscan needs, is borrowed from the tests' environment. */
export function preparePeers() {
  const python = path.join(peersFolder, 'bin/python');
  if (!fs.existsSync(path.join(peersFolder, 'bin/modelaudit'))) {
    run('python3', ['-m', 'venv', peersFolder]);
    run(python, ['-m', 'pip', 'install', '--quiet', ...packages()]);
  }
  const site = run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']).trim();
  const borrowed = site.replace('peers-venv', 'tensorflow-venv');
  fs.writeFileSync(path.join(site, 'zz-tensorflow.pth'), `${borrowed}\n`);
  return python;
}

function packages() {
  return [`modelscan==${peers.modelscan}`, `modelaudit[h5,tflite]==${peers.modelaudit}`, 'h5py'];
}

/**
 * @param {'modelscan' | 'modelaudit'} name
 * @param {Entry[]} entries
 * @param {string} corpus
 * @returns {Promise<Map<string, Scanned>>}
 */
export async function runPeer(name, entries, corpus) {
  const child = spawn(preparePeers(), [path.join(import.meta.dirname, 'peers.py'), name, corpus], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(JSON.stringify(entries));
  const lines = (await collect(child.stdout)).split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map(({ id, ...rest }) => [id, rest]));
}

/**
 * How long a whole process takes on a small model, median of five, in milliseconds.
 * @param {string} model
 * @param {boolean} withPeers
 */
export function wholeProcessMs(model, withPeers) {
  const commands = { airlock: [process.execPath, path.join(root, 'bin/airlock.js'), 'scan', model, '--json'] };
  if (withPeers) {
    commands.modelscan = [path.join(peersFolder, 'bin/modelscan'), '-p', model];
    commands.modelaudit = [path.join(peersFolder, 'bin/modelaudit'), 'scan', model, '--no-cache'];
  }
  const env = { ...process.env, PROMPTFOO_DISABLE_TELEMETRY: '1', NO_ANALYTICS: '1', CI: '1' };
  return Object.fromEntries(
    Object.entries(commands).map(([name, [program, ...args]]) => {
      const times = Array.from({ length: 5 }, () => {
        const startedMs = performance.now();
        spawnSync(program, args, { stdio: 'ignore', env });
        return performance.now() - startedMs;
      });
      return [name, Math.round(times.sort((a, b) => a - b)[2] ?? 0)];
    }),
  );
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
