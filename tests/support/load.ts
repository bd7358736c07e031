// A steady load on a server while something happens to it: a few kept connections that send one request after the other, and a count of every answer that was not the
// right one.
import { Agent, request } from 'node:http';

export interface LoadTarget {
  /** Of the predict request. */
  readonly path: string;
  readonly body: string;
  /** Why an answer is wrong; undefined when it is right. */
  readonly fault: (answer: unknown) => string | undefined;
}

export interface Load {
  /** Requests that were answered. */
  readonly answered: () => number;
  /** What was wrong, at most 20 of them in words. */
  readonly faults: readonly string[];
  readonly faultCount: () => number;
  /** The slowest answer so far, in milliseconds. */
  readonly slowestMs: () => number;
  /** Stops after the requests that are under way. */
  stop(): Promise<void>;
}

/** Sends to `targets` in turn from each of `connections`, one request at a time each, with a pause so that a small machine is not full. */
export function startLoad(
  port: number,
  targets: readonly LoadTarget[],
  { connections = 4, pauseMs = 5 }: { readonly connections?: number; readonly pauseMs?: number } = {},
): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const faults: string[] = [];
  let faultCount = 0;
  let answered = 0;
  let slowestMs = 0;
  let stopped = false;
  const blame = (text: string): void => {
    faultCount++;
    if (faults.length < 20) faults.push(text);
  };
  const client = async (first: number): Promise<void> => {
    for (let turn = first; !stopped; turn++) {
      const target = targets[turn % targets.length];
      const startMs = performance.now();
      try {
        const { status, text } = await post(agent, port, target);
        if (status !== 200) blame(`${target.path}: ${status} ${text.slice(0, 300)}`);
        else {
          const fault = target.fault(JSON.parse(text));
          if (fault !== undefined) blame(`${target.path}: ${fault}`);
        }
      } catch (thrown) {
        blame(`${target.path}: ${String(thrown)}`);
      }
      answered++;
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const clients = Array.from({ length: connections }, (_, index) => client(index));
  return {
    answered: () => answered,
    faults,
    faultCount: () => faultCount,
    slowestMs: () => slowestMs,
    async stop() {
      stopped = true;
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

function post(
  agent: Agent,
  port: number,
  { path, body }: LoadTarget,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Numbers of a JSON answer, in order. */
export function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}

/** A judge for answers that must be these numbers, up to what another TensorFlow may round in another way. */
export function sameNumbers(expected: readonly number[], absolute = 1e-4): LoadTarget['fault'] {
  return (answer) => {
    const got = numbersOf(answer);
    if (got.length !== expected.length) return `${got.length} numbers instead of ${expected.length}`;
    const at = got.findIndex((value, index) => !(Math.abs(value - expected[index]) <= absolute));
    return at === -1 ? undefined : `number ${at} is ${got[at]} instead of ${expected[at]}`;
  };
}
