// Rate limits of a whole server: who may ask how much, what a refusal says, and what each part of a request costs.
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { needsRuntime, slot } from '../support/runtime.ts';
import { post, root, startTestServer, type TestServer } from '../support/server.ts';

const examples = path.join(root, 'examples');
const digitsBody = readFileSync(path.join(examples, 'digits/request.json'), 'utf8');
/** The base, 64 elements, and the body. */
const digitsUnits = 1 + 64 / 1000 + Buffer.byteLength(digitsBody) / 10_000;

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(rateLimits: object, more: object = {}): Promise<string> {
  server = await startTestServer({
    limits: { request: { maxBodyBytes: 3_000_000 } },
    models: [{ name: 'digits', path: path.join(examples, 'digits'), rateLimits, ...more }],
  });
  return `${server.url}/v1/models/digits:predict`;
}

interface Refused {
  readonly error: string;
  readonly code: string;
  readonly violations: readonly Record<string, string>[];
}

describe.skipIf(slot === undefined)(`rate limits${needsRuntime}`, () => {
  it('lets a client spend its burst, and then says what the limit is, what the request costs and when to come again', async () => {
    const url = await start({ perClient: { unitsPerSecond: 1, burst: 4 } });
    const passed = Math.floor(4 / digitsUnits);
    for (let i = 0; i < passed; i++) expect((await post(url, digitsBody)).status).toBe(200);
    const { status, headers, json, text } = await post(url, digitsBody);
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBe('1');
    const { code, error, violations } = json as Refused;
    expect(code).toBe('RATE_LIMITED');
    expect(error).toContain('at most 1 units per second for each client of this model, burst 4');
    expect(violations).toEqual([expect.objectContaining({ path: '', rule: 'perClient' })]);
    expect(text).not.toContain('127.0.0.1');
    expect(server?.refusals.at(-1)).toMatchObject({ code: 'RATE_LIMITED', status: 429, model: 'digits', rule: 'perClient' });
  });

  it('refuses for good, before its body is read, what no burst can pay for, and says no time to come again', async () => {
    const url = await start({ perModel: { unitsPerSecond: 1, burst: 100 } });
    const { status, headers, json } = await post(url, ' '.repeat(2_000_000));
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBeNull();
    expect((json as Refused).error).toContain('burst 100; this is a request that costs 201 units and can never be accepted');
    expect((await post(url, digitsBody)).status).toBe(200);
  });

  it('says of a body over the limit of all bodies that, and not that it is too dear', async () => {
    const url = await start({ perModel: { unitsPerSecond: 1, burst: 100 } });
    expect((await post(url, ' '.repeat(3_000_001))).json).toMatchObject({ code: 'REQUEST_TOO_LARGE' });
  });

  it('charges what gzip inflates to while it inflates', async () => {
    const url = await start({ perModel: { unitsPerSecond: 1, burst: 100 } });
    const bomb = gzipSync(' '.repeat(2_900_000));
    expect(bomb.length).toBeLessThan(10_000);
    const { status, json } = await post(url, new Uint8Array(bomb), { 'content-encoding': 'gzip' });
    expect(status).toBe(429);
    const costs = Number(/costs (\d+) units/.exec((json as Refused).error)?.[1]);
    // It stopped soon after a hundred, far from the 290 that the whole body would have cost.
    expect(costs).toBeGreaterThan(100);
    expect(costs).toBeLessThan(120);
  });

  it('charges a compressed body without a length that inflates to nothing', async () => {
    const url = await start({ perModel: { unitsPerSecond: 1, burst: 100 } });
    const empty = gzipSync('');
    const body = Buffer.concat(new Array(Math.ceil(2_500_000 / empty.length)).fill(empty));
    const headers = { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' };
    const status = await new Promise((resolve) => {
      const request = httpRequest(url, { method: 'POST', headers }, (response) => resolve(response.resume().statusCode));
      // The rest of it is not read.
      request.on('error', () => undefined);
      request.end(body);
    });
    expect(status).toBe(429);
    expect(server?.refusals.at(-1)).toMatchObject({ code: 'RATE_LIMITED', rule: 'perModel' });
  });

  it('charges elements before the model runs', async () => {
    const url = await start({ perModel: { unitsPerSecond: 1, burst: 20 } });
    const image = Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [0]));
    // 300 images are 19.2 units of elements, and some seven of body.
    const { status, json } = await post(url, JSON.stringify({ instances: Array.from({ length: 300 }, () => image) }));
    expect(status).toBe(429);
    expect((json as Refused).error).toContain('can never be accepted');
    expect((await post(url, digitsBody)).status).toBe(200);
  });

  it('slows a client that goes on sending what is refused, and not one that errs once', async () => {
    const slowViolators = { freeViolations: 2, penaltyUnits: 30, maxDebtUnits: 200 };
    const url = await start({ perClient: { unitsPerSecond: 1, burst: 100 }, slowViolators });
    for (let i = 0; i < 2; i++) expect((await post(url, '{"instances":[}')).status).toBe(400);
    expect((await post(url, digitsBody)).status).toBe(200);
    // 30, then 60, and the bases.
    for (let i = 0; i < 2; i++) expect((await post(url, '{"instances":[}')).status).toBe(400);
    for (let i = 0; i < 2; i++) await post(url, '{"instances":[}');
    const { status, headers } = await post(url, digitsBody);
    expect(status).toBe(429);
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(100);
    expect(seconds).toBeLessThanOrEqual(202);
  });

  it('asks nothing of those who only look at the model', async () => {
    const url = await start({ perClient: { unitsPerSecond: 1, burst: 1 } });
    for (let i = 0; i < 5; i++) {
      expect((await fetch(url.replace(':predict', ''))).status).toBe(200);
      expect((await fetch(url.replace(':predict', '/metadata'))).status).toBe(200);
    }
  });
});
