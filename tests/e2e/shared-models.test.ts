// What clients share of a model, over one real server with everything on at once: batches in which nobody gets another's answer, shares, the limiter, several workers, and sampled profiles. Whatever
// becomes of a request, nothing of it is left in a count.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readProfile } from '../../src/profile/index.ts';
import type { Signature } from '../../src/tensor/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { notBuilt } from '../support/jail-level.ts';
import { type ReadMetrics, readMetrics } from '../support/metrics-text.ts';
import { needsRuntime } from '../support/runtime.ts';
import { root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';
import { signature, spec } from '../support/tensors.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const whyNot = `${needsRuntime}${notBuilt}`;
const folder = temporaryFolder();
const profileFile = path.join(root, '.airlock/profiles/e2e-shared-slow-1.json');
const [float, int64, text] = [{ T: attribute.type(1) }, { T: attribute.type(9) }, { encoding: attribute.text('') }];

/** Three rows of different kinds, each of its own row of the input: the double of floats and of integers, and strings in capitals. */
const rowsSignature: Signature = signature(
  [spec('f:0', 'DT_FLOAT', [-1, 2]), spec('i:0', 'DT_INT64', [-1]), spec('s:0', 'DT_STRING', [-1])],
  [
    { ...spec('f2:0', 'DT_FLOAT', [-1, 2]), alias: 'f2' },
    { ...spec('i2:0', 'DT_INT64', [-1]), alias: 'i2' },
    { ...spec('s2:0', 'DT_STRING', [-1]), alias: 's2' },
  ],
);
const rowsNodes = [
  placeholder('f', 1, [-1, 2]),
  placeholder('i', 9, [-1]),
  placeholder('s', 7, [-1]),
  node('f2', 'AddV2', ['f', 'f'], float),
  node('i2', 'AddV2', ['i', 'i'], int64),
  node('s2', 'StringUpper', ['s'], text),
];
const contract = `apiVersion: airlock/contract/v1
metadata: { id: rows, revision: 1 }
signatures:
  serving_default:
    inputs:
      f: { dtype: float32, min: -1000000, max: 1000000 }
      i: { dtype: int64, min: 0, max: 1000000000 }
      s: { dtype: string, string: { maxBytes: 64 } }
    outputs:
      f2: { dtype: float32 }
      i2: { dtype: int64 }
      s2: { dtype: string }
`;

/** A square multiplied with itself some times: slow by one small number. */
const slowSignature = signature([spec('n:0', 'DT_INT32', [2])], [{ ...spec('y:0', 'DT_FLOAT', []), alias: 'y' }]);
const constant = (name: string, dtypeCode: number, shape: readonly number[], content: ArrayBufferView) =>
  node(name, 'Const', [], {
    dtype: attribute.type(dtypeCode),
    value: attribute.tensor(dtypeCode, shape, new Uint8Array(content.buffer)),
  });
const slowNodes = [
  placeholder('n', 3, [2]),
  constant('one', 1, [], Float32Array.of(1)),
  node('s0', 'Fill', ['n', 'one'], { ...float, index_type: attribute.type(3) }),
  ...Array.from({ length: 8 }, (_, at) => node(`s${at + 1}`, 'MatMul', [`s${at}`, 's0'], float)),
  constant('axes', 3, [2], Int32Array.of(0, 1)),
  node('y', 'Sum', ['s8', 'axes'], { ...float, Tidx: attribute.type(3) }),
];
/** Of a size that takes some tens of milliseconds. */
const slowBody = JSON.stringify({ inputs: [800, 800] });

let server: TestServer;
/** One for each client: a client is an address. */
const agents = new Map<string, Agent>();

beforeAll(async () => {
  if (whyNot !== '') return;
  rmSync(profileFile, { force: true });
  const contractFile = path.join(folder, 'rows.yaml');
  writeFileSync(contractFile, contract);
  for (const [name, nodes, one] of [['rows', rowsNodes, rowsSignature] as const, ['slow', slowNodes, slowSignature] as const])
    writeSavedModel(path.join(folder, name, '1'), nodes, { signatures: [one] });
  server = await startTestServer({
    models: [
      {
        name: 'rows',
        path: path.join(folder, 'rows'),
        contract: contractFile,
        batching: { maxRows: 16, maxDelayMs: 4 },
        concurrency: { min: 32, max: 64 },
        workers: { min: 2, sleepAfterMs: 60_000 },
        profilePercent: 5,
        limits: { timeoutMs: 20_000, cpuMs: 10_000, perClient: { maxConcurrent: 50 }, perModel: { maxConcurrent: 200 } },
      },
      {
        name: 'e2e-shared-slow',
        path: path.join(folder, 'slow'),
        concurrency: { min: 6, max: 6 },
        profilePercent: 100,
        limits: { timeoutMs: 20_000, perClient: { maxConcurrent: 4 }, ops: { MatMul: { maxMs: 1 } } },
      },
    ],
  });
  // Files that are younger than two seconds may not be all there.
  await until('all models', () => server.server.catalog.ready);
});
afterAll(async () => {
  for (const agent of agents.values()) agent.destroy();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
  rmSync(profileFile, { force: true });
});

interface Reply {
  readonly status: number;
  readonly json: unknown;
}

function ask(client: string, model: string, body: string): Promise<Reply> {
  const agent = agents.get(client) ?? new Agent({ keepAlive: true, localAddress: client });
  agents.set(client, agent);
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/v1/models/${model}:predict`, { method: 'POST', agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, json: JSON.parse(Buffer.concat(parts).toString()) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

interface Row {
  readonly f: readonly [number, number];
  readonly i: number;
  readonly s: string;
}

/** No two rows of this file are the same, and no two strings have to have the same length. */
let made = 0;
function row(): Row {
  const at = ++made;
  return { f: [at, -at / 2], i: at * 3, s: `row ${at} ${'z'.repeat(at % 13)}` };
}

const doubled = ({ f, i, s }: Row) => ({ f2: [2 * f[0], 2 * f[1]], i2: 2 * i, s2: s.toUpperCase() });

async function askRows(client: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, row);
  const body = JSON.stringify({ instances: rows });
  let reply = await ask(client, 'rows', body);
  // The limiter may be low at that moment; it says that the same request can be sent again.
  for (let again = 0; again < 100 && codeOf(reply) === 'SERVER_OVERLOADED'; again++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    reply = await ask(client, 'rows', body);
  }
  const { status, json } = reply;
  expect({ status, json }).toEqual({ status: 200, json: { predictions: rows.map(doubled) } });
}

async function scrape(): Promise<ReadMetrics> {
  return readMetrics(await (await fetch(`${server.url}/airlock/v1/metrics`)).text());
}

const codeOf = ({ json }: Reply) => (json as { code?: string }).code;

describe.skipIf(whyNot !== '')(`clients that share models${whyNot}`, () => {
  it('are answered out of common batches, each with its own rows, and what a contract refuses meets nobody', async () => {
    const clients = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    let refused = 0;
    const one = async (client: string): Promise<void> => {
      for (let turn = 0; turn < 12; turn++) {
        const draw = made % 17;
        if (draw === 3) {
          const bad = await ask(client, 'rows', JSON.stringify({ instances: [row(), { ...row(), f: [1e9, 0] }] }));
          expect([bad.status, codeOf(bad)]).toEqual([400, 'CONTRACT_VIOLATION']);
          refused++;
        } else await askRows(client, draw === 5 ? 40 : 1 + (draw % 3));
      }
    };
    await Promise.all(clients.flatMap((client) => [one(client), one(client), one(client), one(client)]));
    expect(refused).toBeGreaterThan(0);
    const about = { model: 'rows', version: '1' };
    const page = await scrape();
    const [batches, rows] = [page.value('airlock_batch_rows_count', about), page.value('airlock_batch_rows_sum', about)];
    expect((rows ?? 0) / (batches ?? 1)).toBeGreaterThan(1.5);
    expect(page.value('airlock_batch_splits_total', about)).toBe(0);
    expect(server.events).toContainEqual(
      expect.objectContaining({ kind: 'scheduled', scheduled: { kind: 'batchingProven', signature: 'serving_default' } }),
    );
    expect(page.value('airlock_profile_runs_total', about)).toBeGreaterThan(0);
  });

  it('have their share each, and what all have under way is bounded', async () => {
    const mine = Promise.all(Array.from({ length: 8 }, () => ask('127.0.0.1', 'e2e-shared-slow', slowBody)));
    const others = Promise.all(
      ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'].map((client) => ask(client, 'e2e-shared-slow', slowBody)),
    );
    const [own, foreign] = [await mine, await others];
    const over = own.filter(({ status }) => status !== 200);
    expect(new Set(over.map(codeOf))).toEqual(new Set(['CLIENT_OVERLOADED']));
    expect(over.length).toBeLessThanOrEqual(4);
    // Of the six slots that there are, one client can have four.
    const refusals = foreign.filter(({ status }) => status !== 200);
    expect([new Set(refusals.map(codeOf)), refusals.length]).toEqual([new Set(['SERVER_OVERLOADED']), expect.any(Number)]);
    expect(refusals.length).toBeLessThan(4);
    const page = await scrape();
    expect(page.value('airlock_share_refusals_total', { model: 'e2e-shared-slow', reason: 'perClient' })).toBe(over.length);
    expect(page.value('airlock_concurrency_refusals_total', { model: 'e2e-shared-slow', version: '1' })).toBe(refusals.length);
  });

  it('leave nothing behind: not when they go in the middle of a request, nor before they were answered', async () => {
    const cut = (model: string, body: string, bytes: number): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => {
          const head = `POST /v1/models/${model}:predict HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`;
          socket.write((head + body).slice(0, head.length + bytes));
          setTimeout(() => socket.destroy(), 10);
        });
        socket.on('close', () => resolve()).on('error', () => undefined);
      });
    const body = JSON.stringify({ instances: Array.from({ length: 3 }, row) });
    await Promise.all([
      ...Array.from({ length: 20 }, () => cut('rows', body, 30)),
      ...Array.from({ length: 20 }, () => cut('rows', body, body.length)),
      ...Array.from({ length: 4 }, () => cut('e2e-shared-slow', slowBody, slowBody.length)),
      ...Array.from({ length: 20 }, () => askRows('127.0.0.2', 2)),
    ]);
    const counts = ['requests_in_flight', 'share_under_way', 'concurrency_under_way', 'runs_in_flight', 'queue_waiting'];
    await until('every count is back at 0', async () => {
      const page = await scrape();
      return page.samples
        .filter(({ name }) => counts.some((count) => name === `airlock_${count}`))
        .every(({ value }) => value === 0);
    });
    expect((await ask('127.0.0.1', 'e2e-shared-slow', slowBody)).status).toBe(200);
  });

  it('are profiled: operations beyond their limit are told of, and what was learned is kept', async () => {
    const found = server.events.flatMap((event) => (event.kind === 'overLimit' ? [event] : []));
    expect(found[0]).toMatchObject({ model: 'e2e-shared-slow', found: [{ name: 'MatMul' }] });
    const page = await scrape();
    const about = { model: 'e2e-shared-slow', version: '1' };
    expect(page.value('airlock_profile_over_limit_total', about)).toBeGreaterThan(0);
    expect(page.value('airlock_profile_op_seconds_total', { ...about, op: 'MatMul' })).toBeGreaterThan(0);
    expect(existsSync(profileFile)).toBe(false);
    // Nothing holds a version any more, or this would not end.
    await server.close();
    const { profile } = readProfile(readFileSync(profileFile, 'utf8'));
    expect(profile.top('ops', 1)[0].name).toBe('MatMul');
  });
});
