// The load generator, always a process of its own: wrk where it is installed, otherwise autocannon from bench's own lockfile.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';

/** @typedef {{ requestsPerSecond: number, p50Ms: number, p99Ms: number, maxMs: number, requests: number }} Measurement */
/** @typedef {{ name: string, version: string }} Generator */

/** @returns {Generator} */
export function chooseGenerator() {
  const wrk = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  if (wrk.error === undefined) {
    const version = /wrk\s+(?:debian\/)?(\S+)/.exec(`${wrk.stdout}${wrk.stderr}`);
    return { name: 'wrk', version: version === null ? 'unknown' : version[1] };
  }
  return { name: 'autocannon', version: '9.0.0' };
}

/**
 * Runs the generator and returns what it printed. Rejects when it fails: a round with errors is no measurement.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>}
 */
function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let complaint = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (complaint += chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} failed: ${complaint.slice(-500)}`)),
    );
  });
}

/**
 * @param {string} folder
 * @param {{ url: string, bodyFile: string, connections: number, seconds: number }} options
 * @returns {Promise<Measurement>}
 */
async function runWrk(folder, { url, bodyFile, connections, seconds }) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', path.join(folder, 'wrk-report.lua'), url];
  const text = await output('wrk', [...args, '--', bodyFile]);
  const line = /^REPORT (.*)$/m.exec(text);
  if (line === null) throw new Error(`wrk printed no report: ${text.slice(-500)}`);
  const report = JSON.parse(line[1]);
  if (report.failed + report.badStatus > 0)
    throw new Error(`of ${report.requests} requests ${report.failed + report.badStatus} failed`);
  return {
    requests: report.requests,
    requestsPerSecond: report.requests / (report.durationUs / 1e6),
    p50Ms: report.p50Us / 1000,
    p99Ms: report.p99Us / 1000,
    maxMs: report.maxUs / 1000,
  };
}

/**
 * @param {string} folder
 * @param {{ url: string, bodyFile: string, connections: number, seconds: number }} options
 * @returns {Promise<Measurement>}
 */
async function runAutocannon(folder, { url, bodyFile, connections, seconds }) {
  const program = path.join(folder, 'node_modules/autocannon/autocannon.js');
  const args = ['--json', '-c', `${connections}`, '-d', `${seconds}`, '-m', 'POST', '-t', '30'];
  const text = await output(process.execPath, [program, ...args, '-H', 'content-type=application/json', '-i', bodyFile, url]);
  const report = JSON.parse(text.slice(text.indexOf('{')));
  if (report.errors + report.timeouts + report.non2xx > 0) throw new Error(`of ${report.requests.total} requests some failed`);
  return {
    requests: report.requests.total,
    requestsPerSecond: report.requests.total / report.duration,
    p50Ms: report.latency.p50,
    p99Ms: report.latency.p99,
    maxMs: report.latency.max,
  };
}

/**
 * Keeps `connections` requests in flight for `seconds` and reports what came back.
 * @param {Generator} generator
 * @param {string} folder the bench folder
 * @param {{ url: string, bodyFile: string, connections: number, seconds: number }} options
 */
export function measureLoad(generator, folder, options) {
  return generator.name === 'wrk' ? runWrk(folder, options) : runAutocannon(folder, options);
}
