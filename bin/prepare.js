// Brings a fresh clone to the point where it can serve and be tested: packages from the lockfile, the build, the TensorFlow
// runtime. When all of that is there it only compares two hashes and looks for a folder, so that a second start is quick.
// It must never install anything that is not pinned: `npm ci` and the pin table of src/runtime decide what comes.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { checkDisk, checkPlatform } from './machine.js';
import { importBuilt, makeStateFolder, root, runLoggedStep, runOpenStep, stateFolder, stop } from './run-step.js';

const packagesBytes = 0.5e9;
// The wheel (0.3 GB) and the two libraries (0.9 GB), which lie there twice while they are verified and moved.
const runtimeBytes = 2e9;

const lockfile = path.join(root, 'package-lock.json');
const packagesStamp = path.join(root, 'node_modules', '.airlock-lock');
const buildStamp = path.join(root, 'dist', '.stamp');
const prepareLock = path.join(stateFolder, 'prepare.lock');

/** Does what is missing, and nothing when nothing is. Throws `stop` with one line when it cannot. */
export async function prepare() {
  checkPlatform();
  if (packagesReady() && buildReady() && (await runtimeReady())) return;
  makeStateFolder();
  const release = await takeLock();
  try {
    const runtimesEmpty = !fs.existsSync(path.join(stateFolder, 'runtimes'));
    checkDisk(root, (packagesReady() ? 0 : packagesBytes) + (runtimesEmpty ? runtimeBytes : 0));
    if (!packagesReady()) await installPackages();
    if (!buildReady()) await build();
    if (!(await runtimeReady())) await installRuntime();
  } finally {
    release();
  }
}

function packagesReady() {
  return readOrEmpty(packagesStamp) === sha256(fs.readFileSync(lockfile));
}

async function installPackages() {
  // npm_config_production or NODE_ENV=production in the environment would leave out the compiler.
  const command = [...npm(), 'ci', '--include=dev', '--no-progress', '--fetch-retries=1'];
  await runLoggedStep('Installing packages from the lockfile (npm ci)', command, explainNpm);
  fs.writeFileSync(packagesStamp, sha256(fs.readFileSync(lockfile)));
}

function explainNpm(log) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|network/.test(log)) {
    return "npm could not reach its registry: check the network, or npm's `registry` setting, then run this again.";
  }
  if (log.includes('ENOSPC')) return 'The disk became full while npm installed packages: free some space, then run this again.';
  if (/EACCES|EROFS|EPERM/.test(log))
    return 'npm was not allowed to write: check the permissions of this folder and of its cache, then run this again.';
  if (log.includes('EINTEGRITY'))
    return 'npm was given a package that is not the one in package-lock.json, and refused it: check the registry, then run this again.';
  return 'npm could not install the packages: read its own words, then run this again.';
}

/**
 * True when dist was built from these sources. By content, because a checkout or a copy changes times; and the stamp must be
 * younger than what it speaks for, because a build by hand leaves the stamp of an older one behind.
 */
function buildReady() {
  if (readOrEmpty(buildStamp) !== sourceHash()) return false;
  const builtFile = path.join(root, 'dist', 'core', 'index.js');
  return fs.existsSync(builtFile) && fs.statSync(builtFile).mtimeMs <= fs.statSync(buildStamp).mtimeMs;
}

async function build() {
  const hash = sourceHash();
  fs.rmSync(buildStamp, { force: true });
  await runLoggedStep(
    'Building (npm run build)',
    [...npm(), 'run', 'build'],
    () => 'The build failed: the compiler found errors.',
  );
  fs.writeFileSync(buildStamp, hash);
}

function sourceHash() {
  const sources = fs
    .readdirSync(path.join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  const hash = createHash('sha256');
  for (const file of [lockfile, path.join(root, 'tsconfig.json'), path.join(root, 'tsconfig.build.json'), ...sources.sort()]) {
    hash.update(`${path.relative(root, file)}\0${sha256(fs.readFileSync(file))}\0`);
  }
  return hash.digest('hex');
}

async function runtimeReady() {
  const { defaultVersion, findSlot } = await importBuilt('runtime/index.js');
  try {
    await findSlot(stateFolder, defaultVersion);
    return true;
  } catch (error) {
    if (error.code === 'RUNTIME_NOT_INSTALLED') return false;
    throw error;
  }
}

async function installRuntime() {
  const { main } = await importBuilt('cli/main.js');
  const args = ['runtime', 'install', '--store', stateFolder];
  await runOpenStep('Installing the TensorFlow runtime (airlock runtime install)', (io) => main(args, io));
}

/** The npm that started us, else the one of the PATH. */
function npm() {
  const own = process.env.npm_execpath;
  return own !== undefined && /npm-cli\.c?js$/.test(own) ? [process.execPath, own] : ['npm'];
}

/** One preparation at a time in one folder: two `npm ci` would delete each other's files. Returns what gives the lock back. */
async function takeLock() {
  for (let told = false; ; ) {
    try {
      if (createLock()) return () => fs.rmSync(prepareLock, { force: true });
      const holder = readLock();
      if (holder !== undefined && !isHeld(holder)) fs.rmSync(prepareLock, { force: true });
      else if (holder !== undefined && !told) {
        process.stdout.write(`Process ${holder} prepares this folder already; waiting for it …\n`);
        told = true;
      }
    } catch (error) {
      throw stop(explainLock(error));
    }
    // After a removal too: another process may still be about to remove what it saw, and that must not be our new lock.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** False when there is a lock. By a link, because a file that is created first and filled then may stay empty for ever. */
function createLock() {
  const own = `${prepareLock}.${process.pid}`;
  try {
    fs.writeFileSync(own, String(process.pid));
    fs.linkSync(own, prepareLock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** Undefined when it was given back meanwhile. */
function readLock() {
  try {
    return fs.readFileSync(prepareLock, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the holder still runs. Our own id is that of an earlier process: in a container each start may get the same. */
function isHeld(holder) {
  // To kill(), 0 and less are groups of processes, which always run.
  if (!/^[1-9]\d*$/.test(holder) || Number(holder) === process.pid) return false;
  try {
    process.kill(Number(holder), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function explainLock({ code, syscall }) {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `The disk or quota of the folder .airlock is full (${code}): free some space, then run this again.`;
  if (syscall === 'link' && ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code))
    return `The disk of the folder .airlock has no hard links (${code}): copy this folder to another disk, then run this again.`;
  if (['EACCES', 'EPERM', 'EROFS'].includes(code))
    return `The folder .airlock cannot be written (${code}): change its permissions, then run this again.`;
  return `The lock .airlock/prepare.lock cannot be taken (${code}): check this file and its disk, then run this again.`;
}

function readOrEmpty(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
