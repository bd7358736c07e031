// The clients of a soak: each asks one request after the other on a kept connection, compares every answer, and counts every end that a request came to.
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { errorSpec } from '../../dist/core/index.js';
import { difference } from './requests.js';
import { pause } from './soaked-server.js';

const answerTimeoutMs = 30_000;
const maxExamples = 20;

/** What became of all requests. */
export class Tally {
  answered = 0;
  /** By code, as the client was told. */
  refused = {};
  /** Broken off by the client in the middle of the body. */
  cut = 0;
  wrongAnswers = [];
  /** A code that the request must not lead to. */
  wrongRefusals = [];
  /**
   * Bodies that came a byte at a time and whose 408 was lost: a connection that is closed while a byte of it lies unread in the kernel is reset, and TCP then throws away what the client
   * has not read yet. The server's own count says that they were refused.
   */
  resets = 0;
  /** Sent, and neither answered nor refused. */
  vanished = [];
  slowestMs = 0;

  get sent() {
    return this.answered + this.cut + this.resets + this.vanished.length + Object.values(this.refused).reduce((sum, count) => sum + count, 0);
  }

  refuse(code) {
    this.refused[code] = (this.refused[code] ?? 0) + 1;
  }

  note(list, text) {
    if (list.length < maxExamples) list.push(text);
    else list[maxExamples - 1] = `${text} (and more before)`;
  }
}

/** @returns {Promise<{ status: number, json: any }>} */
export function post(agent, port, { model, body }, { readAfterMs = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = httpRequest(
      { agent, host: '127.0.0.1', port, path: `/v1/models/${model}:predict`, method: 'POST', headers, timeout: answerTimeoutMs },
      (response) => {
        const chunks = [];
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
          } catch (error) {
            reject(error);
          }
        });
        const read = () => response.on('data', (chunk) => chunks.push(chunk));
        if (readAfterMs > 0) setTimeout(read, readAfterMs);
        else read();
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${answerTimeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Predictions of a request that must succeed, tried again while the server says that it may. */
export async function mustAnswer(agent, port, request) {
  for (let tries = 0; tries < 50; tries++) {
    const { status, json } = await post(agent, port, request);
    if (status === 200) return json.predictions;
    if (!errorSpec(json.code)?.retry) throw new Error(`${request.model}: ${json.code}`);
    await pause(100);
  }
  throw new Error(`${request.model} does not answer`);
}

/** Asks until `isOver()`; a tenth of the requests are wrong on purpose, and some answers are read late. */
export async function runClient({ port, requests, random, tally, isOver, pauseMs }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!isOver()) {
    const isWrong = random.below(10) === 0;
    const request = isWrong ? requests.wrong() : requests.right();
    const startMs = performance.now();
    try {
      const { status, json } = await post(agent, port, request, { readAfterMs: random.below(50) === 0 ? 300 : 0 });
      if (status === 200) judgeAnswer(request, json, tally);
      else judgeRefusal(request, json, tally);
    } catch (error) {
      tally.note(tally.vanished, `${request.model}: ${error.message}`);
    }
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startMs);
    await pause(pauseMs);
  }
  agent.destroy();
}

function judgeAnswer({ model, expected, code }, json, tally) {
  tally.answered++;
  const found = code === undefined ? difference(json.predictions, expected) : `an answer instead of ${code}`;
  if (found !== undefined) tally.note(tally.wrongAnswers, `${model}: ${found}`);
}

function judgeRefusal({ model, code }, json, tally) {
  const got = json?.code;
  tally.refuse(got);
  // A request that was in a worker when that was killed from outside looks as if it had done it.
  const mayBe = got === code || got === 'REQUEST_POISONED' || errorSpec(got)?.retry === true || got === 'DEADLINE_EXCEEDED';
  if (!mayBe) tally.note(tally.wrongRefusals, `${model}: ${got} instead of ${code ?? 'an answer'}`);
}

/** Writes `text` to a connection of its own; gives what came back when it is over. */
function raw(port, talk) {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => talk(socket));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    // A reset is one of the ways in which it may end.
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(received));
  });
}

const head = (length) => `POST /v1/models/batched:predict HTTP/1.1\r\nhost: soak\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const body = '{"instances":[[1.0,2.0,3.0,4.0]]}';

function countRefusal(received, expected, tally) {
  const code = /"code":"([A-Z_]+)"/.exec(received)?.[1];
  if (code === undefined) tally.note(tally.vanished, `${expected}: ${received.slice(0, 60) || 'closed without a word'}`);
  else tally.refuse(code);
  if (code !== undefined && code !== expected) tally.note(tally.wrongRefusals, `${code} instead of ${expected}`);
}

/** Clients that do not behave, each for one request. */
export const unruly = {
  /** Goes away in the middle of its body. */
  async cut({ port, random, tally }) {
    await raw(port, (socket) => {
      const some = body.slice(0, 1 + random.below(body.length - 1));
      socket.write(head(body.length) + some, () => setTimeout(() => socket.destroy(), random.below(50)));
    });
    tally.cut++;
  },
  /** Sends a byte now and then, longer than the server waits. */
  async slow({ port, tally }) {
    const received = await raw(port, (socket) => {
      socket.write(head(1000) + body.slice(0, -1));
      const timer = setInterval(() => (socket.writable ? socket.write(' ') : clearInterval(timer)), 200);
      socket.once('close', () => clearInterval(timer));
    });
    if (received === '') tally.resets++;
    else countRefusal(received, 'REQUEST_TIMEOUT', tally);
  },
  /** Announces more than is allowed. */
  async large({ port, tally }) {
    countRefusal(await raw(port, (socket) => socket.write(head(2 ** 30) + body)), 'REQUEST_TOO_LARGE', tally);
  },
  /** Does not speak HTTP. */
  async stranger({ port, tally }) {
    countRefusal(await raw(port, (socket) => socket.write('\x16\x03\x01 hello\r\n\r\n')), 'REQUEST_MALFORMED', tally);
  },
};
