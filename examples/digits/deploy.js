// Brings a signed version to a running server: verifies it, puts it beside the old one in one step, and waits until the server has it.
//   node deploy.js --from build/2 --to models/digits --config airlock.yaml --model digits --url http://127.0.0.1:8501
// Exit code 0: the new version answers. Otherwise the reason is printed, what was copied is taken away again, and the old version keeps serving.
// It decides nothing itself: `airlock verify` does before the copy, and the server does again, with its own policy, from the bytes that it stages.
// (A scan of the model belongs between the two; Airlock has no scanner yet.)
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const airlock = fileURLToPath(new URL('../../bin/airlock.js', import.meta.url));
const text = { type: 'string' };
const { values } = parseArgs({ options: { from: text, to: text, config: text, model: text, url: text, timeout: text } });
const { from, to, config, model, url, timeout = '120' } = values;

function fail(reason) {
  process.stderr.write(`deploy: ${reason}\n`);
  process.exit(1);
}

if (from === undefined || config === undefined || model === undefined || to === undefined || url === undefined) {
  fail('usage: node deploy.js --from build/2 --to models/digits --config airlock.yaml --model digits --url http://127.0.0.1:8501');
}
const version = path.basename(path.resolve(from));
if (!/^[0-9]+$/.test(version)) fail(`${from} is not a version folder: its name must be the number`);
const target = path.join(to, version);
if (existsSync(target)) fail(`${target} is there already: give a changed model a new version number`);

const verified = spawnSync(process.execPath, [airlock, 'verify', from, '--policy', config, '--model', model, '--explain'], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (verified.status !== 0) fail('not deployed: the version does not pass the trust policy');

// Beside the target, so that it appears in one step: the server never sees half a version. The name is none of a version.
const incoming = mkdtempSync(path.join(to, '.incoming-'));
try {
  cpSync(from, path.join(incoming, version), { recursive: true, verbatimSymlinks: true });
  renameSync(path.join(incoming, version), target);
} finally {
  rmSync(incoming, { recursive: true, force: true });
}

const endMs = Date.now() + Number(timeout) * 1000;
for (;;) {
  const found = await stateOf();
  if (found.state === 'AVAILABLE') {
    process.stdout.write(`deployed: ${model} version ${version} answers\n`);
    process.exit(0);
  }
  if (found.refusal !== undefined || Date.now() > endMs) {
    rmSync(target, { recursive: true, force: true });
    fail(`taken back: ${found.refusal ?? `the server did not have it after ${timeout} s`}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}

async function stateOf() {
  const response = await fetch(`${url}/airlock/v1/status`);
  if (!response.ok) return {};
  const { models } = await response.json();
  const { versions = [], refused = [] } = models.find(({ name }) => name === model) ?? {};
  const one = versions.find((candidate) => candidate.version === version);
  // A version that has just been copied lies still for two seconds first.
  const why = refused.find((candidate) => candidate.version === version && candidate.error !== 'MODEL_INCOMPLETE');
  if (why !== undefined) return { refusal: `${why.error}: ${why.message}` };
  if (one?.error !== undefined) return { refusal: one.error };
  return { state: one?.state };
}
