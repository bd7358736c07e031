// Pythons of their own for the tests that use a real Python client, TensorFlow in Python or model-signing, below .airlock. Never a reason to fail:
// where one cannot be made, the tests that need it are skipped, and say so.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root, stateFolder } from './run-step.js';

const environments = {
  client: { folder: 'test-venv', requirements: 'requirements.txt', what: 'the Python client for its tests' },
  tensorflow: {
    folder: 'tensorflow-venv',
    requirements: 'requirements-tensorflow.txt',
    what: 'TensorFlow in Python for its tests (300 MB)',
  },
  signing: {
    folder: 'signing-venv',
    requirements: 'requirements-signing.txt',
    what: "OpenSSF's model-signing for its tests",
  },
};

/** Makes the client's environment unless it is there with these requirements. Returns the reason when it could not. */
export function prepareTestPython() {
  return prepare(environments.client);
}

/** The same with TensorFlow and Keras in it. */
export function prepareTensorFlowPython() {
  return prepare(environments.tensorflow);
}

/** The same with the real model-signing in it. */
export function prepareSigningPython() {
  return prepare(environments.signing);
}

function prepare({ folder: name, requirements: file, what }) {
  const folder = path.join(stateFolder, name);
  const requirements = path.join(root, 'tools', 'python', file);
  const wanted = fs.readFileSync(requirements, 'utf8');
  const stamp = path.join(folder, '.requirements');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return undefined;
  process.stdout.write(`Installing ${what} (pip) … `);
  const startedMs = Date.now();
  const reason = makeEnvironment(folder, requirements);
  process.stdout.write(reason === undefined ? `${((Date.now() - startedMs) / 1000).toFixed(1)} s\n` : 'not possible\n');
  if (reason === undefined) fs.writeFileSync(stamp, wanted);
  return reason;
}

function makeEnvironment(folder, requirements) {
  fs.rmSync(folder, { recursive: true, force: true });
  // Without pip inside: Debian ships venv's pip in a package of its own, while the pip of the machine can install there too.
  if (run('python3', ['-m', 'venv', '--without-pip', folder]) === undefined) return 'python3 cannot make a venv';
  const site = run(path.join(folder, 'bin', 'python3'), ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  if (site === undefined) return 'the venv does not run';
  const quick = ['--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '10'];
  const pinned = ['--no-deps', '--require-hashes', '--only-binary', ':all:', '--target', site.trim(), '-r', requirements];
  return run('python3', ['-m', 'pip', 'install', ...quick, ...pinned]) === undefined ? 'pip could not install it' : undefined;
}

/** What the program printed, or undefined when it did not end well. */
function run(command, args) {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : undefined;
}
