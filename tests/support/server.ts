// A real server for tests, from a real configuration file in a folder of its own, and what it said.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import { type AirlockServer, type RefusalLine, type ServerHooks, startServer } from '../../src/gateway/index.ts';
import { reachableSandbox } from './sandbox.ts';

export const root = path.resolve(import.meta.dirname, '../..');

type Worsening = Parameters<NonNullable<ServerHooks['onWorse']>>[0];
type ServingEvent = Parameters<ServerHooks['onEvent']>[0];

export interface TestServer {
  readonly server: AirlockServer;
  readonly url: string;
  readonly port: number;
  readonly refusals: RefusalLine[];
  readonly events: ServingEvent[];
  readonly workerLines: string[];
  readonly worse: Worsening[];
  readonly troubles: string[];
  /** Steps of changes of TensorFlow. */
  readonly rollouts: string[];
  close(): Promise<void>;
}

/**
 * Starts a server on a free port with `values` as its airlock.yaml (JSON is YAML), and waits until its models have loaded or failed.
 * `sandbox` is by default what this machine reaches; models without `trust` are served unsigned, and nothing is scanned without `scan`.
 */
export async function startTestServer(values: {
  readonly models: readonly object[];
  readonly limits?: object;
  readonly sandbox?: object;
  readonly trust?: object;
  readonly scan?: object;
  readonly runtime?: object;
  readonly telemetry?: object;
  readonly store?: string;
}): Promise<TestServer> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'airlock.yaml');
  const defaults = {
    store: path.join(root, '.airlock'),
    listen: { rest: '127.0.0.1:0' },
    sandbox: reachableSandbox,
    // Most models of these tests are small and odd on purpose, and the tests are about something else.
    scan: { unsafeOff: true },
  };
  // Most tests are about something else than who signed their models.
  const models = values.models.map((model) => ('trust' in model ? model : { unsafeUnsigned: true, ...model }));
  writeFileSync(file, JSON.stringify({ ...defaults, ...values, models }));
  const refusals: RefusalLine[] = [];
  const events: ServingEvent[] = [];
  const workerLines: string[] = [];
  const worse: Worsening[] = [];
  const troubles: string[] = [];
  const rollouts: string[] = [];
  try {
    const server = await startServer(await loadConfig(file), {
      onEvent: (event) => events.push(event),
      onRefusal: (line) => refusals.push(line),
      onWorkerLog: (_model, line) => workerLines.push(line),
      onWorse: (one) => worse.push(one),
      onTrouble: (text) => troubles.push(text),
      onRollout: (text) => rollouts.push(text),
    });
    await server.loaded;
    return {
      server,
      url: server.url,
      port: Number(new URL(server.url).port),
      refusals,
      events,
      workerLines,
      worse,
      troubles,
      rollouts,
      close: () => server.close(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'airlock-test-'));
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

/** One request; the answer must be JSON. */
export async function call(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const json: unknown = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, text, json };
}

export const post = (
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> => call(url, { method: 'POST', body, headers });

/** Waits until `condition` holds; fails, saying what for, when it does not in time. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
