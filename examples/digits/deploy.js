// Brings a signed version to a running server: verifies it, puts it beside the old one in one step, and waits until the server has it.
//   node deploy.js --from build/2 --to models/digits --config airlock.yaml --model digits --url http://127.0.0.1:8501
// Exit code 0: the new version answers. 1: it does not, the reason is printed and the old version keeps serving; what the server refused is taken away
// again. 3: the server had not decided when the time was up, so the version stays where it is: it may be about to answer.
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

const timeoutMs = Number(timeout) * 1000;
if (!(timeoutMs > 0)) fail('--timeout is a number of seconds');
// Without a server to ask, the copy would only wait for the next one.
const server = await fetch(`${url}/airlock/v1/status`).catch(() => undefined);
if (server?.ok !== true) fail(`not deployed: no server answers at ${url}`);

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

const endMs = Date.now() + timeoutMs;
for (;;) {
  const { state, refusal } = await stateOf();
  if (state === 'AVAILABLE') break;
  if (refusal !== undefined) {
    rmSync(target, { recursive: true, force: true });
    fail(`taken back: ${refusal}`);
  }
  if (Date.now() > endMs) {
    process.stderr.write(`deploy: undecided after ${timeout} s: ${target} stays, look at ${url}/airlock/v1/status\n`);
    process.exit(3);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}
process.stdout.write(`deployed: ${model} version ${version} answers\n`);

async function stateOf() {
  const answer = await fetch(`${url}/airlock/v1/status`).then(
    (response) => (response.ok ? response.json() : undefined),
    // It may be busy, or starting again.
    () => undefined,
  );
  const { versions = [], refused = [] } = answer?.models.find(({ name }) => name === model) ?? {};
  const one = versions.find((candidate) => candidate.version === version);
  // A version that has just been copied lies still for two seconds first.
  const why = refused.find((candidate) => candidate.version === version && candidate.error !== 'MODEL_INCOMPLETE');
  if (why !== undefined) return { refusal: `${why.error}: ${why.message}` };
  // A load that failed is tried again by the server, and would be tried after its next start.
  return one?.error === undefined ? { state: one?.state } : { refusal: one.error };
}
