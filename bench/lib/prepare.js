// Gets everything in place before anything is measured: the product's build and runtime, the Python stack, the models.
// Nothing here is timed, and a second run finds it all there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare as prepareProduct } from '../../bin/prepare.js';

/**
 * @typedef {{ root: string, bench: string, store: string, models: string, work: string, python: string, libraries: string }} Places
 */

/**
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder
 */
function step(title, command, args, folder) {
  process.stdout.write(`${title} …\n`);
  const result = spawnSync(command, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.error !== undefined) throw new Error(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`${title} failed:\n${`${result.stdout}${result.stderr}`.slice(-2000)}`);
  return result.stdout.trim();
}

/**
 * Runs `make` unless it has run for the same files.
 * @param {string} stamp
 * @param {string[]} files
 * @param {() => void} make
 */
function once(stamp, files, make) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(fs.readFileSync(file));
  const wanted = hash.digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return;
  fs.rmSync(stamp, { force: true });
  make();
  fs.writeFileSync(stamp, wanted);
}

/**
 * @param {{ needsAirlock: boolean, needsAutocannon: boolean }} options
 * @returns {Promise<Places>}
 */
export async function prepare({ needsAirlock, needsAutocannon }) {
  const bench = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
  const root = path.dirname(bench);
  const venv = path.join(bench, '.venv');
  const python = path.join(venv, 'bin/python');
  const models = path.join(bench, '.models');
  const work = path.join(bench, '.work');
  fs.mkdirSync(work, { recursive: true });
  if (needsAirlock) await prepareProduct();

  const requirements = path.join(bench, 'requirements.txt');
  once(path.join(work, 'venv.stamp'), [requirements], () => {
    step('Making bench/.venv', 'python3', ['-m', 'venv', '--clear', venv], bench);
    step('Installing the Python stack (pip)', python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], bench);
  });
  const script = path.join(bench, 'make_models.py');
  once(path.join(work, 'models.stamp'), [requirements, script], () => {
    step('Making the models and requests', python, [script, models], bench);
  });
  if (needsAutocannon) {
    once(path.join(work, 'packages.stamp'), [path.join(bench, 'package-lock.json')], () => {
      step('Installing autocannon (npm ci)', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], bench);
    });
  }
  // Bare Node loads the libraries of the very wheel that the Python stack uses.
  const find = 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])';
  const libraries = step('Finding the TensorFlow libraries', python, ['-c', find], bench);
  return { root, bench, store: path.join(root, '.airlock'), models, work, python, libraries };
}
