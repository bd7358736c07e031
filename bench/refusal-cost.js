// What a refusal costs the server against the request that it refused: processor time of the server and of the worker, per request, for
// a batch of images that is answered and for the same bytes refused in each of the ways.
//
// usage: node bench/refusal-cost.js [--dist DIR] [--images N] [--json FILE]
import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');
const option = (name, preset) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? preset : process.argv[at + 1];
};
const dist = path.resolve(option('dist', path.join(root, 'dist')));
const images = Number(option('images', 256));

if (process.send !== undefined) {
  const { loadConfig, startServer } = await import(path.join(dist, 'index.js'));
  const quiet = () => undefined;
  const server = await startServer(await loadConfig(option('config', '')), { onEvent: quiet, onRefusal: quiet });
  await server.loaded;
  process.on('message', (message) => {
    if (message === 'cpu') process.send({ cpu: process.cpuUsage() });
    else void server.close().then(() => process.disconnect());
  });
  process.send({ url: server.url });
} else await measure();

async function measure() {
  const folder = mkdtempSync(path.join(tmpdir(), 'airlock-bench-'));
  const contract = (name, rules, more = '') => {
    const tensor = `{ dtype: float32, shape: [null, 8, 8, 1], min: 0, max: 1, ${rules} }`;
    const one = `{ inputs: { image: ${tensor} }, outputs: { probabilities: { dtype: float32 } } }`;
    const text = `apiVersion: airlock/contract/v1\nmetadata: { id: bench, revision: 1 }\n${more}\nsignatures: { serving_default: ${one}, serve: ${one} }\n`;
    const file = path.join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    return file;
  };
  const digits = path.join(root, 'examples/digits');
  const model = (name, more) => ({ name, path: digits, unsafeUnsigned: true, ...more });
  const config = {
    store: path.join(root, '.airlock'),
    listen: { rest: '127.0.0.1:0' },
    models: [
      model('plain', {}),
      model('good', { contract: contract('good', '') }),
      model('bytes', { contract: contract('bytes', '', 'request: { maxBytes: 1000 }') }),
      model('depth', { contract: contract('depth', '', 'request: { maxDepth: 3 }') }),
      model('elements', { contract: contract('elements', '', 'request: { maxElements: 64 }') }),
      model('exact', { contract: contract('exact', 'number: { narrowing: exact }') }),
      model('limited', { rateLimits: { perModel: { unitsPerSecond: 1, burst: 1 } } }),
    ],
  };
  const file = path.join(folder, 'airlock.yaml');
  writeFileSync(file, JSON.stringify(config));
  const child = fork(fileURLToPath(import.meta.url), ['--dist', dist, '--config', file]);
  const next = () => new Promise((resolve) => child.once('message', resolve));
  try {
    const { url } = await next();
    const cpuMs = async () => {
      const answer = next();
      child.send('cpu');
      const { user, system } = (await answer).cpu;
      return { server: (user + system) / 1000, workers: workersMs(child.pid) };
    };
    const pixel = (i) => ((i * 37) % 256) / 256;
    const image = (first) => Array.from({ length: 8 }, (_, y) => Array.from({ length: 8 }, (_, x) => [first + pixel(y * 8 + x)]));
    const good = JSON.stringify({ instances: Array.from({ length: images }, () => image(0)) });
    const lossy = good.replace('0.14453125', '0.1');
    const late = good.replace(/0\.\d+(?=\]\]\]\]\})/, '7');
    const cases = [
      ['a look at the model, on a new connection', 'plain', undefined, 200],
      ['answered, no contract', 'plain', good, 200],
      ['answered, contract', 'good', good, 200],
      ['rate limit, before the body', 'limited', good, 429],
      ['declared length over the limit', 'bytes', good, 413],
      ['length found while it arrives', 'bytes', good, 413, { chunked: true }],
      ['nested too deep', 'depth', good, 413],
      ['too many elements', 'elements', good, 413],
      ['number that loses precision', 'exact', lossy, 400],
      ['value of the last element', 'good', late, 400],
    ];
    const results = [];
    for (const [what, name, body, status, more = {}] of cases) {
      const agent = new Agent({ keepAlive: body !== undefined, maxSockets: 4 });
      const target = `${url}/v1/models/${name}${body === undefined ? '' : ':predict'}`;
      const send = () => post(target, body, agent, more);
      await rounds(send, 40, status);
      const before = await cpuMs();
      const count = 300;
      await rounds(send, count, status);
      const after = await cpuMs();
      agent.destroy();
      const serverUs = ((after.server - before.server) * 1000) / count;
      const workerUs = ((after.workers - before.workers) * 1000) / count;
      results.push({ what, status, serverUs: Math.round(serverUs), workerUs: Math.round(workerUs) });
    }
    const whole = results[1].serverUs + results[1].workerUs;
    for (const one of results) one.percent = Math.round((1000 * (one.serverUs + one.workerUs)) / whole) / 10;
    const bytes = Buffer.byteLength(good);
    console.log(`${images} images of 8×8, ${bytes} bytes; processor time per request in microseconds`);
    console.table(results);
    const json = option('json', undefined);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ images, bytes, results }, undefined, 2)}\n`);
  } finally {
    child.send('close');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true });
  }
}

async function rounds(send, count, status) {
  let left = count;
  const lane = async () => {
    while (left-- > 0) {
      const got = await send();
      if (got !== status) throw new Error(`expected ${status}, got ${got}`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}

function post(url, body, agent, { chunked = false }) {
  return new Promise((resolve, reject) => {
    const headers = chunked || body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: body === undefined ? 'GET' : 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode));
    });
    // A server that refuses a body closes the connection while it is still being sent.
    let answered = false;
    call.once('response', () => {
      answered = true;
    });
    call.on('error', (error) =>
      answered
        ? undefined
        : error.code === 'EPIPE' || error.code === 'ECONNRESET'
          ? resolve(post(url, body, agent, { chunked }))
          : reject(error),
    );
    if (chunked) for (let at = 0; at < body.length; at += 16_384) call.write(body.slice(at, at + 16_384));
    else if (body !== undefined) call.write(body);
    call.end();
  });
}

/** Processor time of all processes below `pid`, in milliseconds; the kernel counts in hundredths of a second. */
function workersMs(pid) {
  const parents = new Map();
  const times = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(fields[1]));
      times.set(Number(name), (Number(fields[11]) + Number(fields[12])) * 10);
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (one) => one === pid || (parents.has(one) && isBelow(parents.get(one)));
  let sum = 0;
  for (const [one, ms] of times) if (one !== pid && isBelow(one)) sum += ms;
  return sum;
}
