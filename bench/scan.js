// What a scan costs: whole processes as a person starts them, in turn so that each round saw the same neighbours. Three questions: a graph of half a
// million nodes, a gigabyte of weights beside hashing the same file, and a small model beside modelscan. Writes scan.md after a whole run.
//
// usage: node bench/scan.js [--small] [--rounds N]
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { hashTree } from '../dist/provenance/store/index.js';
import { summarize } from './lib/statistics.js';
import { table } from './lib/tables.js';

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const airlock = path.join(root, 'bin', 'airlock.js');
const engine = path.join(root, 'dist', 'scan', 'engine', 'index.js');
const modelscan = path.join(root, '.airlock', 'peers-venv', 'bin', 'modelscan');
const MiB = 2 ** 20;

const { values: flags } = parseArgs({
  options: { small: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
});
const rounds = flags.small ? 1 : Number(flags.rounds);

/** A length-delimited protobuf field. @param {number} number @param {Buffer} content */
function field(number, content) {
  const head = [(number << 3) | 2];
  let rest = content.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) head.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([...head, rest]), content]);
}

/** A GraphDef: a placeholder and additions, each of the last two results. @param {number} nodes */
function graphOf(nodes) {
  const type = field(5, Buffer.concat([field(1, Buffer.from('T')), field(2, Buffer.from([0x30, 1]))]));
  const parts = [field(1, Buffer.concat([field(1, Buffer.from('x')), field(2, Buffer.from('Placeholder'))]))];
  for (let node = 0; node < nodes; node++) {
    const inputs = [node - 1, node - 2].map((at) => field(3, Buffer.from(at < 0 ? 'x' : `block_${at}/add`)));
    parts.push(
      field(1, Buffer.concat([field(1, Buffer.from(`block_${node}/add`)), field(2, Buffer.from('AddV2')), ...inputs, type])),
    );
  }
  return Buffer.concat(parts);
}

/** Normal numbers, as weights are. @param {string} file @param {number} bytes */
function writeWeights(file, bytes) {
  const block = new Float32Array(Math.min(bytes, 64 * MiB) / 4);
  const random = new Uint32Array(randomBytes(block.length * 4).buffer.slice(0));
  for (let at = 0; at + 1 < block.length; at += 2) {
    const radius = Math.sqrt(-2 * Math.log((random[at] + 1) / 2 ** 32)) * 0.05;
    const angle = (random[at + 1] / 2 ** 32) * 2 * Math.PI;
    block[at] = radius * Math.cos(angle);
    block[at + 1] = radius * Math.sin(angle);
  }
  const handle = fs.openSync(file, 'w');
  for (let done = 0; done < bytes; done += block.byteLength) {
    block[done % block.length] += 1e-3;
    fs.writeSync(handle, new Uint8Array(block.buffer), 0, Math.min(block.byteLength, bytes - done));
  }
  fs.closeSync(handle);
}

/** Wall time in milliseconds. @param {string} command @param {string[]} args @param {readonly number[]} codes */
function timed(command, args, codes = [0]) {
  const started = performance.now();
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * MiB });
  if (status === null || !codes.includes(status)) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

/** Time and peak memory of one scan in a process of its own. @param {string} target */
function engineRun(target) {
  const code = `import { scanInProcess } from ${JSON.stringify(engine)};
    const started = performance.now();
    await scanInProcess({ path: ${JSON.stringify(target)}, tensorflow: '2.21.0' });
    process.stdout.write(JSON.stringify({ ms: performance.now() - started, MiB: process.resourceUsage().maxRSS / 1024 }));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Milliseconds as seconds. @param {readonly number[]} values */
function seconds(values) {
  const { median, min, max } = summarize(values.map((value) => value / 1000));
  return `${median.toFixed(2)} s (${min.toFixed(2)} to ${max.toFixed(2)})`;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'airlock-bench-scan-'));
try {
  const nodes = flags.small ? 5_000 : 500_000;
  const weightBytes = (flags.small ? 16 : 1024) * MiB;
  const graph = path.join(folder, 'graph.pb');
  fs.writeFileSync(graph, graphOf(nodes));
  const weights = path.join(folder, 'weights');
  fs.mkdirSync(weights);
  // A TensorFlow Lite or HDF5 file would be parsed first; a checkpoint is what large models are.
  const { writeBundle } = await import('./lib/bundle-file.js');
  writeWeights(path.join(weights, 'model.ckpt.data-00000-of-00001'), weightBytes);
  fs.writeFileSync(path.join(weights, 'model.ckpt.index'), writeBundle('kernel', weightBytes));
  const digits = path.join(root, 'examples', 'digits', '1');
  /** @type {Record<string, number[]>} */
  const times = { graph: [], graphMemory: [], weights: [], hash: [], small: [], modelscan: [] };
  for (let round = 0; round < rounds; round++) {
    const run = engineRun(graph);
    times.graph.push(run.ms);
    times.graphMemory.push(run.MiB);
    const started = performance.now();
    await hashTree(weights);
    times.hash.push(performance.now() - started);
    times.weights.push(engineRun(weights).ms);
    times.small.push(timed(process.execPath, [airlock, 'scan', digits]));
    if (fs.existsSync(modelscan)) times.modelscan.push(timed(modelscan, ['-p', digits], [0, 1]));
    process.stdout.write(`round ${round + 1} of ${rounds}\n`);
  }
  const memory = summarize(times.graphMemory);
  const ratio = summarize(times.weights).median / summarize(times.hash).median;
  const faster = times.modelscan.length === 0 ? 0 : summarize(times.modelscan).median / summarize(times.small).median;
  const rows = [
    ['what', 'measured', 'to reach'],
    [`a graph of ${nodes.toLocaleString('en')} nodes`, `${seconds(times.graph)}, ${memory.median.toFixed(0)} MiB`, '3 s, 500 MB'],
    [
      `${weightBytes / MiB} MiB of weights`,
      `${seconds(times.weights)}, ${ratio.toFixed(2)} times hashing them (${seconds(times.hash)})`,
      '1.2 times',
    ],
    ['a small model (examples/digits), whole command', seconds(times.small), ''],
    faster === 0
      ? [
          'the same with modelscan',
          'not installed: `node tools/scan-corpus/measure.js --peers` makes its environment',
          '10 times',
        ]
      : ['the same with modelscan 0.8.8', `${seconds(times.modelscan)}: ${faster.toFixed(1)} times as long`, '10 times'],
  ];
  const text = `# What a scan costs

Made by \`node bench/scan.js\`, ${rounds} rounds in turn; median, and in brackets the least and the most. ${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}.

${table(rows)}
`;
  process.stdout.write(text);
  if (!flags.small) fs.writeFileSync(path.join(bench, 'scan.md'), text);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
