// What checking a signature costs: one large file, and many files of the same size together. Airlock, openssl and the Python tool in turn, so
// that each round saw the same neighbours. Writes provenance.md after a whole run; --small only shows that everything starts.
//
// usage: node bench/provenance.js [--small] [--rounds N]      (--part: npm run bench runs it, and has the lock)
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseBundle, parseStatement, readManifest } from '../dist/provenance/format/index.js';
import { loadSigner } from '../dist/provenance/signers/index.js';
import { compareTree, openModelStore } from '../dist/provenance/store/index.js';
import { generateKeys, keySigner, signModel } from '../dist/signing/index.js';
import { takeLock } from './lib/lock.js';
import { provenanceReport } from './lib/provenance-report.js';

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const venv = path.join(root, '.airlock', 'signing-venv', 'bin', 'python3');
const service = path.join(root, 'tests', 'conformance', 'provenance', 'model_signing_service.py');
const MiB = 2 ** 20;

/** @typedef {{ name: string, files: number, fileBytes: number }} Shape */
/** @typedef {{ path: string, signature: string, key: string }} Model */
/** @typedef {{ id: string, prepare?: () => Promise<void>, run: () => Promise<void>, finish?: () => Promise<void> }} Way */

const { values: flags } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    part: { type: 'boolean', default: false },
  },
});
const rounds = flags.small ? 2 : Number(flags.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on');

const totalBytes = flags.small ? 16 * MiB : 1024 * MiB;
/** @type {Shape[]} */
const shapes = [
  { name: 'one file', files: 1, fileBytes: totalBytes },
  { name: '64 files', files: 64, fileBytes: totalBytes / 64 },
];

/**
 * Of bytes that differ from file to file; what is in them makes no difference to a hash.
 * @param {string} folder
 * @param {Shape} shape
 * @param {string} keyFolder
 * @returns {Promise<Model>}
 */
async function makeModel(folder, shape, keyFolder) {
  const model = path.join(folder, shape.name.replaceAll(' ', '-'), '1');
  fs.mkdirSync(path.join(model, 'variables'), { recursive: true });
  fs.writeFileSync(path.join(model, 'saved_model.pb'), 'graph');
  const block = Buffer.allocUnsafe(Math.min(MiB, shape.fileBytes));
  for (let file = 0; file < shape.files; file++) {
    const name = `variables/variables.data-${String(file).padStart(5, '0')}-of-${String(shape.files).padStart(5, '0')}`;
    const handle = fs.openSync(path.join(model, name), 'w');
    for (let at = 0; at < shape.fileBytes; at += block.length) {
      block.fill((file * 131 + at / block.length) % 251);
      fs.writeSync(handle, block);
    }
    fs.closeSync(handle);
  }
  const key = path.join(keyFolder, 'key.pem');
  const { written } = await signModel({ path: model, signer: keySigner({ pem: fs.readFileSync(key) }) });
  return { path: model, signature: written[0], key: path.join(keyFolder, 'key.pub') };
}

/**
 * The whole check: read the bundle, verify its signature, hash the files.
 * @param {Model} model
 */
async function readSignature(model) {
  const signer = await loadSigner('bench', { kind: 'key', publicKey: model.key, accept: [] });
  const envelope = parseBundle(fs.readFileSync(model.signature));
  signer.verify(envelope, Date.now());
  return readManifest(parseStatement(envelope.payload));
}

/** The Python tool in one process: its start is not in the numbers. */
class PythonTool {
  #child = spawn(venv, [service], { stdio: ['pipe', 'pipe', 'inherit'] });
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  /** @param {string[]} args of its command line */
  async run(args) {
    this.#child.stdin.write(`${JSON.stringify({ do: 'cli', args })}\n`);
    const { value } = await this.#lines.next();
    const { code, output } = JSON.parse(String(value).slice(1));
    if (code !== 0) throw new Error(`the Python tool failed: ${output}`);
  }

  end() {
    this.#child.kill('SIGKILL');
  }
}

/**
 * Before something is written: nothing that was written before waits for the disk, and there is free memory that the machine has used already. A
 * virtual machine that gives memory back to its host gets it again page by page, which takes longer than the copy itself.
 * @param {string} folder
 * @param {number} bytes
 */
function settleMemory(folder, bytes) {
  const scratch = path.join(folder, 'scratch');
  const block = Buffer.alloc(MiB, 1);
  const handle = fs.openSync(scratch, 'w');
  for (let at = 0; at < bytes; at += block.length) fs.writeSync(handle, block);
  fs.closeSync(handle);
  fs.rmSync(scratch);
  runCommand('sync', []);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function runCommand(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}

/**
 * @param {Model} model
 * @param {string} folder
 * @param {PythonTool | undefined} python
 * @returns {Way[]}
 */
function waysOf(model, folder, python) {
  const files = fs
    .readdirSync(model.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'model.sig')
    .map((entry) => path.join(entry.parentPath, entry.name));
  const verifyArgs = ['verify', 'key', model.path, '--signature', model.signature, '--public_key', model.key];
  return [
    {
      id: 'verify',
      async run() {
        const { differences } = await compareTree(model.path, await readSignature(model), {});
        if (differences.length > 0) throw new Error(`it does not verify: ${JSON.stringify(differences)}`);
      },
    },
    staging('stage'),
    { id: 'openssl', run: async () => runCommand('openssl', ['dgst', '-sha256', ...files]) },
    {
      id: 'airlockCommand',
      run: async () =>
        runCommand(process.execPath, [path.join(root, 'bin', 'airlock.js'), 'verify', model.path, '--key', model.key]),
    },
    ...(python === undefined
      ? []
      : [
          { id: 'python', run: async () => await python.run(verifyArgs) },
          { id: 'pythonCommand', run: async () => runCommand(venv, ['-m', 'model_signing', ...verifyArgs]) },
        ]),
  ];

  /**
   * A store that is empty each time: a copy that is there already would only be hashed.
   * @param {string} id
   * @returns {Way}
   */
  function staging(id) {
    const place = path.join(folder, `store-${id}`);
    /** @type {import('../dist/provenance/store/index.js').ModelStore | undefined} */
    let store;
    return {
      id,
      async prepare() {
        settleMemory(folder, totalBytes);
        fs.mkdirSync(place, { mode: 0o700, recursive: true });
        store = await openModelStore(path.join(place, 'models'));
      },
      async run() {
        if (store === undefined) throw new Error('not prepared');
        await store.stage(model.path, await readSignature(model));
      },
      async finish() {
        await store?.close();
        const { removed } = (await store?.collect()) ?? { removed: [] };
        if (removed.length !== 1) throw new Error('nothing was staged');
      },
    };
  }
}

/**
 * Seconds of each way in each round, by its id.
 * @param {Way[]} ways
 */
async function measure(ways) {
  /** @type {Record<string, number[]>} */
  const seconds = Object.fromEntries(ways.map(({ id }) => [id, []]));
  // The first round warms the page cache, the threads and the compilers, and is forgotten.
  for (let round = -1; round < rounds; round++) {
    // Each round begins with another way, so that none always follows the same one.
    const order = ways.map((_, at) => ways[(at + Math.max(round, 0)) % ways.length]);
    for (const { id, prepare, run, finish } of order) {
      await prepare?.();
      const startedNs = process.hrtime.bigint();
      await run();
      const took = Number(process.hrtime.bigint() - startedNs) / 1e9;
      await finish?.();
      if (round >= 0) seconds[id].push(took);
    }
  }
  return seconds;
}

async function main() {
  if (!flags.part) takeLock(bench);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'airlock-bench-provenance-'));
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const needed = totalBytes * 4;
  const { bavail, bsize } = fs.statfsSync(folder);
  if (bavail * bsize < needed) throw new Error(`the temporary folder needs ${Math.ceil(needed / 2 ** 30)} GiB of free space`);
  const hasPython = fs.existsSync(venv);
  if (!hasPython) console.log('Without the Python tool: run `npm test` once, which installs it.');
  const python = hasPython ? new PythonTool() : undefined;
  try {
    await generateKeys({ file: path.join(folder, 'key.pem'), passphrase: undefined });
    const results = [];
    for (const shape of shapes) {
      console.log(`${shape.name} …`);
      const model = await makeModel(folder, shape, folder);
      results.push({ ...shape, seconds: await measure(waysOf(model, folder, python)) });
      fs.rmSync(path.dirname(model.path), { recursive: true, force: true });
    }
    const { text, isReached } = provenanceReport({ results, rounds, root, venv: hasPython ? venv : undefined });
    console.log(`\n${text}`);
    if (flags.small) {
      console.log('Too small to judge by: starting threads takes longer than hashing this. Nothing was written.');
      return;
    }
    fs.writeFileSync(path.join(bench, 'provenance.md'), text);
    if (!isReached) process.exitCode = 1;
  } finally {
    python?.end();
  }
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
await main();
