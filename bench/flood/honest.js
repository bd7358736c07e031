// The honest client of the flood, in a process of its own: one row at a steady rate, whatever becomes of the ones before. A latency counts from when the request was due, so
// that a server which stands still cannot hide it. Prints one line of JSON.
//
//   node bench/flood/honest.js --port N --seconds 10 [--rate 50]
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { quantile } from '../lib/statistics.js';
import { requestBody } from './layers-model.js';

const answerTimeoutMs = 10_000;
const { values } = parseArgs({
  options: { port: { type: 'string' }, seconds: { type: 'string', default: '10' }, rate: { type: 'string', default: '50' } },
});
const port = Number(values.port);
const everyMs = 1000 / Number(values.rate);
const count = Math.floor(Number(values.seconds) * Number(values.rate));
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** @type {number[]} */
const latenciesMs = [];
/** @type {Record<string, number>} */
const failures = {};

/** @param {string} why */
function fail(why) {
  failures[why] = (failures[why] ?? 0) + 1;
}

/** @param {number} index @param {number} dueMs */
function ask(index, dueMs) {
  // Another value each time, so that an answer that is somebody else's shows.
  const value = 1 + (index % 50);
  const body = requestBody(1, value);
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = {
      agent,
      host: '127.0.0.1',
      port,
      path: '/v1/models/model:predict',
      method: 'POST',
      headers,
      timeout: answerTimeoutMs,
    };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', () => undefined);
      response.on('close', () => {
        latenciesMs.push(performance.now() - dueMs);
        if (response.statusCode !== 200) fail(`${response.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`.trim());
        else if (Math.abs(JSON.parse(text).predictions[0][0] - value) > 1e-3) fail('wrong answer');
        resolve(undefined);
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', (error) => {
      latenciesMs.push(performance.now() - dueMs);
      fail('code' in error ? String(error.code) : error.message);
      resolve(undefined);
    });
    sent.end(body);
  });
}

const startMs = performance.now();
const all = [];
for (let index = 0; index < count; index++) {
  const dueMs = startMs + index * everyMs;
  const waitMs = dueMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  all.push(ask(index, dueMs));
}
await Promise.all(all);
agent.destroy();
const failed = Object.values(failures).reduce((sum, value) => sum + value, 0);
const result = {
  sent: count,
  failed,
  failures,
  p50Ms: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
  maxMs: Math.max(...latenciesMs),
};
console.log(JSON.stringify(result));
