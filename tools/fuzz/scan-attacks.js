// Measures the scanner on models that are made to cost much: dense and deep call graphs, names and values that multiply, archives and files that
// grow, tables that share their parts. Needs a build (`npm run build`).
//
//   node tools/fuzz/scan-attacks.js [--only TEXT] [--dist FOLDER] [--keep FOLDER]
//
// Each is scanned in a process of its own. It prints time, memory and what was said, and ends with 1 when one takes more than 10 s of processor time, more
// than 1 GiB, or fails in a way that is a fault of the scanner. `--only` takes those whose name has the text.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const maxMs = 10_000;
const maxMiB = 1024;
const here = fileURLToPath(import.meta.url);

/** In the process that scans. */
async function scanOnce(path, dist) {
  const load = (file) => import(pathToFileURL(join(dist, file)).href);
  const { scanInProcess } = await load('scan/engine/index.js');
  const { readScanResult } = await load('scan/index.js');
  const { isAirlockError } = await load('core/index.js');
  const before = process.cpuUsage();
  let said;
  let fault;
  try {
    const result = await scanInProcess({ path, tensorflow: '2.21.0' });
    const { artifacts, unreadable, findings } = readScanResult(JSON.parse(JSON.stringify(result)));
    said = `${artifacts.length} read, ${findings.length} findings${unreadable.length > 0 ? `, ${unreadable.length} unreadable: ${unreadable[0].reason}` : ''}`;
  } catch (thrown) {
    said = `${thrown.code ?? ''} ${thrown.message}`;
    if (!isAirlockError(thrown) || !thrown.code.startsWith('MODEL_')) fault = thrown.detail ?? thrown.stack ?? String(thrown);
  }
  const { user, system } = process.cpuUsage(before);
  process.send({ said, fault, tookMs: (user + system) / 1000, residentMiB: process.resourceUsage().maxRSS / 1024 });
  process.disconnect();
}

function runOnce(path, dist) {
  const child = fork(here, ['--scan', path, '--dist', dist], {
    execArgv: ['--max-old-space-size=768'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((done) => {
    let end;
    let errors = '';
    const timer = setTimeout(() => {
      end ??= { said: '', fault: 'it was stopped after 120 s', tookMs: 120_000, residentMiB: 0 };
      child.kill('SIGKILL');
    }, 120_000);
    child.stderr.on('data', (text) => {
      errors = (errors + text).slice(-3000);
    });
    child.on('message', (message) => {
      end = message;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const reason = /FATAL ERROR: .*/.exec(errors)?.[0] ?? errors;
      done(end ?? { said: '', fault: `the process ended with ${code ?? signal} ${reason}`, tookMs: 0, residentMiB: 0 });
    });
  });
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    dist: { type: 'string', default: resolve(dirname(here), '../../dist') },
    keep: { type: 'string' },
    scan: { type: 'string' },
  },
});
if (values.scan !== undefined) await scanOnce(values.scan, values.dist);
else {
  const { attacks } = await import('./scan-attack-models.js');
  const { maskedCrc32c } = await import(pathToFileURL(join(resolve(values.dist), 'model/index.js')).href);
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'airlock-attacks-'));
  let isSound = true;
  for (const [name, make] of Object.entries(attacks)) {
    if (!name.includes(values.only)) continue;
    const { target, files } = make({ maskedCrc32c });
    let bytes = 0;
    for (const [file, content] of Object.entries(files)) {
      const path = join(folder, name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      bytes += content.length;
    }
    const { said, fault, tookMs, residentMiB } = await runOnce(join(folder, name, target), resolve(values.dist));
    const isBad = fault !== undefined || tookMs > maxMs || residentMiB > maxMiB;
    isSound &&= !isBad;
    console.log(
      `${isBad ? 'BAD ' : '    '}${name.padEnd(28)} ${(bytes / 1024 ** 2).toFixed(1).padStart(6)} MiB ${(tookMs / 1000).toFixed(2).padStart(6)} s ${String(Math.round(residentMiB)).padStart(5)} MiB  ${(fault ?? said).slice(0, 300)}`,
    );
    if (values.keep === undefined) rmSync(join(folder, name), { recursive: true, force: true });
  }
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(isSound ? 0 : 1);
}
