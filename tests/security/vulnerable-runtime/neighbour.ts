// Another model on a real server, asked all the time while the attacks run: each answer is compared with what the model says when nothing else happens.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { post, root, startTestServer } from '../../support/server.ts';

export interface Neighbour {
  /** Answers so far that were the right one. */
  readonly right: number;
  /** What came instead; empty as long as all is well. */
  readonly wrong: readonly string[];
  /** The longest that one answer took. */
  readonly slowestMs: number;
  stop(): Promise<void>;
}

const pauseMs = 10;

export async function startNeighbour(): Promise<Neighbour> {
  const digits = path.join(root, 'examples/digits');
  const started = await startTestServer({
    models: [{ name: 'digits', path: digits, contract: path.join(digits, 'contract.yaml') }],
  });
  const body = readFileSync(path.join(digits, 'request.json'));
  const ask = (): ReturnType<typeof post> =>
    post(`${started.url}/v1/models/digits:predict`, new Uint8Array(body), { 'content-type': 'application/json' });
  const expected = await ask();
  if (expected.status !== 200) throw new Error(`digits does not answer: ${expected.text}`);
  const wrong: string[] = [];
  const state = { right: 0, slowestMs: 0, isStopped: false };
  const asking = (async () => {
    while (!state.isStopped) {
      const startMs = performance.now();
      const { status, text } = await ask().catch((error: unknown) => ({ status: 0, text: String(error) }));
      if (status === 200 && text === expected.text) state.right++;
      else wrong.push(`${status} ${text}`);
      state.slowestMs = Math.max(state.slowestMs, performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  return {
    get right() {
      return state.right;
    },
    get slowestMs() {
      return state.slowestMs;
    },
    wrong,
    async stop() {
      state.isStopped = true;
      await asking;
      await started.close();
    },
  };
}
