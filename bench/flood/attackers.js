// The attackers of the flood, in a process of their own and bounded in time: each has an address of its own on the loopback network and sends, one after the other and without
// a pause but a few milliseconds, what costs a server most: requests that are right and dear, and requests that are wrong and dear to find out. Prints what they were told.
//
//   node bench/flood/attackers.js --port N --seconds 10 [--attackers 20] [--rows 32]
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { requestBody, width } from './layers-model.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    attackers: { type: 'string', default: '20' },
    rows: { type: 'string', default: '32' },
  },
});
const port = Number(values.port);
const endMs = performance.now() + Number(values.seconds) * 1000;
const pauseMs = 5;
/** Of one attack; the slow ones are given up then. */
const attackMs = 3_000;
const idleConnections = 40;
const isOver = () => performance.now() > endMs;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {number} length @param {string} [more] */
const head = (length, more = '') =>
  `POST /v1/models/model:predict HTTP/1.1\r\nhost: flood\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;

/** @param {string | Buffer} body @param {string} [more] */
const whole = (body, more) => Buffer.concat([Buffer.from(head(Buffer.byteLength(body), more)), Buffer.from(body)]);

const row = `[${new Array(width).fill('0.12345678901234567').join(',')}]`;
const mebibyte = 1024 * 1024;
const many = (/** @type {string} */ text, /** @type {number} */ bytes) =>
  new Array(Math.floor(bytes / (text.length + 1))).fill(text).join(',');

/** What is sent, all of it made before the flood begins. @type {Record<string, Buffer>} */
const messages = {
  'dear and right': whole(requestBody(Number(values.rows), 1)),
  'dear and too many': whole(requestBody(32 * Number(values.rows), 1)),
  'far too many rows': whole(`{"instances":[${many(row, 8 * mebibyte)}]}`),
  'wrong at the very end': whole(`{"instances":[${many(row, 4 * mebibyte)},["x"]]}`),
  deep: whole(`{"instances":${'['.repeat(mebibyte)}`),
  'inflates to 64 MiB': whole(gzipSync(Buffer.alloc(64 * mebibyte, '[')), 'content-encoding: gzip\r\n'),
  'a name without end': whole(`{"${'a'.repeat(8 * mebibyte)}":1}`),
};

/** @type {Record<string, Record<string, number>>} */
const outcomes = {};
/** @param {string} attack @param {string} outcome */
function count(attack, outcome) {
  outcomes[attack] ??= {};
  outcomes[attack][outcome] = (outcomes[attack][outcome] ?? 0) + 1;
}

/** @param {string} localAddress @param {(socket: import('node:net').Socket) => void} talk @returns {Promise<string>} what came back */
function exchange(localAddress, talk) {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => talk(socket));
    const timer = setTimeout(() => socket.destroy(), Math.min(attackMs, Math.max(0, endMs - performance.now())));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      // The answer has begun: that is all an attacker wants to know.
      if (received.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(received);
    });
  });
}

/** @param {string} received */
const outcomeOf = (received) => /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 'no answer';

/** Sends its messages in turn. @param {string} address @param {number} first */
async function sender(address, first) {
  const names = Object.keys(messages);
  for (let turn = first; !isOver(); turn++) {
    const name = names[turn % names.length];
    count(name, outcomeOf(await exchange(address, (socket) => socket.write(messages[name]))));
    await pause(pauseMs);
  }
}

/** A body that comes a byte at a time. @param {string} address */
async function dripper(address) {
  while (!isOver()) {
    const received = await exchange(address, (socket) => {
      socket.write(`${head(100_000)}{"instances":[`);
      const timer = setInterval(() => (socket.writable ? socket.write(' ') : clearInterval(timer)), 100);
      socket.once('close', () => clearInterval(timer));
    });
    count('a byte at a time', outcomeOf(received));
  }
}

/** Connections that say nothing. @param {string} address */
async function squatter(address) {
  while (!isOver()) {
    const all = Array.from({ length: idleConnections }, () => exchange(address, () => undefined));
    for (const received of await Promise.all(all)) count('connections that say nothing', outcomeOf(received));
  }
}

const attackers = Array.from({ length: Number(values.attackers) }, (_, index) => {
  const address = `127.0.1.${index + 1}`;
  return Promise.all([sender(address, index), dripper(address), squatter(address)]);
});
await Promise.all(attackers);
console.log(JSON.stringify(outcomes));
process.exit(0);
