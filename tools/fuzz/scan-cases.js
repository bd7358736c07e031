// The process in which cases of tools/fuzz/scan.js run, one after the other. Each lies on the disk when it is scanned, so that what kills this
// process is still there for whoever watches. Says before each case that it begins, and ends with the first that does not hold.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Random } from './random.js';
import { makeScanTargets } from './scan-targets.js';

const { dist, root, name, seed, first, untilMs, only, work } = JSON.parse(process.argv[2]);
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { scanInProcess } = await load('scan/engine/index.js');
const { readScanResult } = await load('scan/index.js');
const { isAirlockError } = await load('core/index.js');
const targets = makeScanTargets(await load('model/index.js'), root, new Random(seed));
const make = targets[name];
const freeAboveBytes = 350 * 1024 ** 2;

function lay(files) {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) {
    const path = join(work, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

/** What went wrong, or undefined. */
async function run(path) {
  try {
    const result = await scanInProcess({ path, tensorflow: '2.21.0' });
    // What the process that scans sends must be what its reader accepts: else there is no report.
    readScanResult(JSON.parse(JSON.stringify(result)));
    if (result.artifacts.length > 0 && result.unreadable.length === 0) counts.whole++;
    return undefined;
  } catch (thrown) {
    return isAirlockError(thrown) && thrown.code.startsWith('MODEL_')
      ? undefined
      : (thrown.cause?.stack ?? thrown.stack ?? String(thrown));
  }
}

const counts = { cases: 0, whole: 0, slowestMs: 0, slowestCase: 0, residentMiB: 0, residentCase: 0 };
const say = (message) => process.send?.(message);
let number = only ?? first;
for (; only === undefined ? Date.now() < untilMs : number === only; number++) {
  const { target, files } = make(new Random(seed + number * 0x9e3779b9));
  lay(files);
  say({ begins: number, counts });
  const before = process.cpuUsage();
  const fault = await run(join(work, target));
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1000;
  counts.cases++;
  if (tookMs > counts.slowestMs) Object.assign(counts, { slowestMs: tookMs, slowestCase: number });
  const residentMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  if (residentMiB > counts.residentMiB) Object.assign(counts, { residentMiB, residentCase: number });
  if (fault !== undefined) {
    say({ fault, case: number, counts });
    break;
  }
  say({ rests: true, counts });
  // A scan has a process of its own; what others left behind is not its.
  if (process.memoryUsage.rss() > freeAboveBytes) globalThis.gc?.();
}
say({ ends: number, counts });
process.disconnect?.();
