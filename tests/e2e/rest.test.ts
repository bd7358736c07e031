// The REST interface of a whole server, from the socket to TensorFlow and back: what it answers, what it refuses and how, and what it
// says about it in the log.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { configForFolder } from '../../src/config/index.ts';
import { startServer } from '../../src/gateway/index.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { type Answer, call, post, root, startTestServer, type TestServer, until } from '../support/server.ts';

const maxBodyBytes = 200_000;
const examples = path.join(root, 'examples');
const digitsBody = readFileSync(path.join(examples, 'digits/request.json'), 'utf8');
const wineBody = readFileSync(path.join(examples, 'tabular/request.json'), 'utf8');
const secret = 'SECRET-4711';

let server: TestServer;
let digits: string;
let wine: string;

beforeAll(async () => {
  if (slot === undefined) return;
  server = await startTestServer({
    limits: { request: { maxBodyBytes }, http: { requestTimeoutMs: 1000, headersTimeoutMs: 500 } },
    models: [
      { name: 'digits', path: path.join(examples, 'digits'), labels: { stable: 1, 'next é': 1, gone: 7 } },
      { name: 'wine é', path: path.join(examples, 'tabular') },
      { name: 'missing', path: path.join(root, 'no-such-folder') },
    ],
  });
  digits = `${server.url}/v1/models/digits`;
  wine = `${server.url}/v1/models/wine%20%C3%A9`;
});
afterAll(() => server?.close());
afterEach(() => {
  if (server !== undefined) server.refusals.length = 0;
});

interface Predictions {
  readonly predictions: readonly (readonly number[])[];
}
interface Wines {
  readonly predictions: readonly { readonly cultivar: string; readonly probabilities: readonly number[] }[];
}

/** An answer must be a refusal with this number and code, in the shape of all refusals, and be one line of the log. */
function expectRefusal(answer: Answer, status: number, code: string): { error: string; violations: Record<string, string>[] } {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
  const body = answer.json as { error: string; code: string; violations: Record<string, string>[] };
  expect(Object.keys(body)).toEqual(['error', 'code', 'violations']);
  expect(body.code).toBe(code);
  expect(body.error).not.toBe('');
  for (const violation of body.violations) expect(Object.keys(violation)).toEqual(['path', 'rule', 'expected', 'got']);
  expect(server.refusals).toHaveLength(1);
  expect(server.refusals[0]).toMatchObject({ code, status });
  expect(answer.text).not.toContain(root);
  return body;
}

const image = (value: number): number[][][] => Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [value]));

describe.skipIf(slot === undefined)(`REST${needsRuntime}`, () => {
  describe('predict', () => {
    it('answers rows, and reads the written 8', async () => {
      const { status, headers, json } = await post(`${digits}:predict`, digitsBody);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toMatch(/^application\/json\b/);
      const { predictions } = json as Predictions;
      expect(predictions).toHaveLength(1);
      expect(predictions[0].indexOf(Math.max(...predictions[0]))).toBe(8);
      expect(predictions[0].reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 5);
    });

    it('answers columns with the same values, whether the one input is named or not', async () => {
      const { predictions } = (await post(`${digits}:predict`, digitsBody)).json as Predictions;
      const { instances } = JSON.parse(digitsBody) as { instances: unknown };
      for (const inputs of [instances, { image: instances }]) {
        const answer = await post(`${digits}:predict`, JSON.stringify({ signature_name: 'serving_default', inputs }));
        expect(answer.json).toEqual({ outputs: predictions });
      }
    });

    it('takes named inputs of several types by row, by column, and strings as base64', async () => {
      const row = (await post(`${wine}:predict`, wineBody)).json as Wines;
      expect(row.predictions[0].cultivar).toBe('class_2');
      expect(row.predictions[0].probabilities[2]).toBeCloseTo(0.8663, 3);
      const [instance] = (JSON.parse(wineBody) as { instances: Record<string, unknown>[] }).instances;
      const inputs = Object.fromEntries(Object.entries(instance).map(([name, value]) => [name, [value]]));
      expect((await post(`${wine}:predict`, JSON.stringify({ inputs }))).json).toEqual({
        outputs: { cultivar: [row.predictions[0].cultivar], probabilities: [row.predictions[0].probabilities] },
      });
      const encoded = { ...instance, colour: { b64: Buffer.from('medium').toString('base64') } };
      expect((await post(`${wine}:predict`, JSON.stringify({ instances: [encoded] }))).json).toEqual(row);
    });

    it('takes gzip', async () => {
      const answer = await post(`${digits}:predict`, gzipSync(digitsBody), { 'content-encoding': 'gzip' });
      expect(answer.json).toEqual((await post(`${digits}:predict`, digitsBody)).json);
    });

    it.each(['/versions/1', '/labels/stable', '/labels/next%20%C3%A9'])('answers below %s as without', async (choice) => {
      expect((await post(`${digits}${choice}:predict`, digitsBody)).json).toEqual(
        (await post(`${digits}:predict`, digitsBody)).json,
      );
    });

    it.each([
      undefined,
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      ';;;',
      'a b c',
    ])('does not care for the Content-Type: %s', async (type) => {
      // Bytes instead of text, or the client would add a type of its own.
      const body = new Uint8Array(Buffer.from(digitsBody));
      expect((await post(`${digits}:predict`, body, type === undefined ? {} : { 'content-type': type })).status).toBe(200);
    });

    it('answers URLs in any case', async () => {
      expect((await call(`${server.url}/V1/Models/digits/Metadata`)).status).toBe(200);
      expect((await post(`${server.url}/V1/models/digits:PREDICT`, digitsBody)).status).toBe(200);
    });
  });

  describe('a wrong body', () => {
    const instance = (change: object) => ({ instances: [{ ...JSON.parse(wineBody).instances[0], ...change }] });
    it.each([
      [{ proline: 530.5 }, 'TENSOR_NOT_INTEGER', 'instances[0].proline', 'integer'],
      [{ proline: '530' }, 'TENSOR_TYPE_MISMATCH', 'instances[0].proline', 'type'],
      [{ hue: true }, 'TENSOR_TYPE_MISMATCH', 'instances[0].hue', 'type'],
      [{ hue: 1e39 }, 'TENSOR_OUT_OF_RANGE', 'instances[0].hue', 'range'],
      [{ colour: 5 }, 'TENSOR_TYPE_MISMATCH', 'instances[0].colour', 'type'],
      [{ colour: { b64: '***' } }, 'TENSOR_BASE64_INVALID', 'instances[0].colour', 'base64'],
      [{ extra: 1 }, 'INPUT_UNKNOWN', 'instances[0].extra', 'input'],
    ])('%j is %s', async (change, code, where, rule) => {
      const { violations } = expectRefusal(await post(`${wine}:predict`, JSON.stringify(instance(change))), 400, code);
      expect(violations[0]).toMatchObject({ path: where, rule });
      expect(server.refusals[0]).toMatchObject({ method: 'POST', model: 'wine é', verb: 'predict', path: where, rule });
    });

    it.each([
      ['', 'JSON_EMPTY'],
      ['{', 'JSON_SYNTAX'],
      ['{"instances":[[[[NaN]]]]}', 'TENSOR_NOT_FINITE'],
      ['{"instances":[[[[0.5]]]]}', 'TENSOR_SHAPE_MISMATCH'],
      ['{"instances":[]}', 'REQUEST_FIELD_INVALID'],
      ['{"signature_name":"other","instances":[1]}', 'SIGNATURE_NOT_FOUND'],
      [`${'['.repeat(100_000)}`, 'REQUEST_FIELD_INVALID'],
    ])('%.40s is %s', async (body, code) => {
      expectRefusal(await post(`${digits}:predict`, body), 400, code);
    });

    it('is too deep at the limit', async () => {
      const answer = await post(`${digits}:predict`, `{"instances":${'['.repeat(100_000)}`);
      expectRefusal(answer, 413, 'JSON_TOO_DEEP');
    });

    it.each([
      ['classify', '{"examples":[{"x":1}]}'],
      ['regress', '{"examples":[{"x":1}]}'],
    ])('%s needs a signature that was made for it', async (verb, body) => {
      expectRefusal(await post(`${digits}:${verb}`, body), 400, 'SIGNATURE_UNSUITABLE');
      server.refusals.length = 0;
      expectRefusal(await post(`${wine}:${verb}`, body), 400, 'SIGNATURE_UNSUITABLE');
    });

    it('never puts a value of the request into the log', async () => {
      const bodies = [
        `{"instances":["${secret}"]}`,
        `{"instances":[{"proline":"${secret}"}]}`,
        `{"signature_name":"${secret}","instances":[1]}`,
        `{"instances":[[["${secret}`,
        `${secret}`,
        `{"inputs":{"image":{"b64":"${secret}"}}}`,
      ];
      for (const body of bodies) expect((await post(`${digits}:predict`, body)).status).toBe(400);
      await post(`${server.url}/v1/models/${secret}:predict`, digitsBody);
      await call(`${digits}/labels/${secret}`);
      await call(`${server.url}/${secret}`);
      await post(`${digits}:predict`, digitsBody.slice(1), { [secret]: secret, 'content-encoding': secret });
      expect(server.refusals).toHaveLength(bodies.length + 4);
      expect(JSON.stringify(server.refusals)).not.toContain(secret);
    });
  });

  describe('about models', () => {
    it('gives the states of the versions', async () => {
      const expected = {
        model_version_status: [{ version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
      };
      for (const choice of ['', '/versions/1', '/labels/stable']) {
        const answer = await call(`${digits}${choice}`);
        expect([answer.status, answer.json]).toEqual([200, expected]);
      }
      expect((await call(`${server.url}/v1/models/missing`)).json).toEqual({ model_version_status: [] });
    });

    it('gives the signatures', async () => {
      for (const choice of ['', '/versions/1', '/labels/stable']) {
        const { json } = await call(`${digits}${choice}/metadata`);
        expect(json).toMatchObject({
          model_spec: { name: 'digits', signature_name: '', version: '1' },
          metadata: {
            signature_def: {
              signature_def: {
                serving_default: {
                  inputs: {
                    image: {
                      dtype: 'DT_FLOAT',
                      tensor_shape: { dim: [{ size: '-1' }, { size: '8' }, { size: '8' }, { size: '1' }] },
                    },
                  },
                  outputs: { probabilities: { dtype: 'DT_FLOAT' } },
                  method_name: 'tensorflow/serving/predict',
                },
              },
            },
          },
        });
      }
    });

    it.each([
      ['POST', '/v1/models/other:predict', 404, 'MODEL_NOT_FOUND'],
      ['POST', '/v1/models/__proto__:predict', 404, 'MODEL_NOT_FOUND'],
      ['GET', '/v1/models/other', 404, 'MODEL_NOT_FOUND'],
      ['GET', '/v1/models/other/metadata', 404, 'MODEL_NOT_FOUND'],
      ['POST', '/v1/models/digits/versions/2:predict', 404, 'MODEL_VERSION_NOT_FOUND'],
      ['GET', '/v1/models/digits/versions/2', 404, 'MODEL_VERSION_NOT_FOUND'],
      ['GET', '/v1/models/digits/versions/2/metadata', 404, 'MODEL_VERSION_NOT_FOUND'],
      ['POST', '/v1/models/digits/labels/other:predict', 400, 'MODEL_LABEL_NOT_FOUND'],
      ['POST', '/v1/models/digits/labels/constructor:predict', 400, 'MODEL_LABEL_NOT_FOUND'],
      ['GET', '/v1/models/digits/labels/other', 400, 'MODEL_LABEL_NOT_FOUND'],
      ['POST', '/v1/models/digits/labels/gone:predict', 404, 'MODEL_VERSION_NOT_FOUND'],
      ['POST', '/v1/models/missing:predict', 503, 'MODEL_NOT_AVAILABLE'],
      ['GET', '/v1/models/missing/metadata', 503, 'MODEL_NOT_AVAILABLE'],
    ])('%s %s is %i %s', async (method, where, status, code) => {
      const answer = await call(`${server.url}${where}`, { method, ...(method === 'POST' ? { body: digitsBody } : {}) });
      expectRefusal(answer, status, code);
      expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
    });
  });

  it('has health endpoints that name no model', async () => {
    expect(await call(`${server.url}/healthz`)).toMatchObject({ status: 200, json: { status: 'ok' } });
    // One of the three models is not there.
    expect(await call(`${server.url}/readyz`)).toMatchObject({ status: 503, json: { status: 'not ready' } });
    expect(server.refusals).toEqual([]);
  });

  describe('what is not part of the interface', () => {
    it.each([
      ['HEAD', '/v1/models/digits'],
      ['PUT', '/v1/models/digits:predict'],
      ['PATCH', '/v1/models/digits'],
      ['DELETE', '/v1/models/digits'],
      ['OPTIONS', '/v1/models/digits:predict'],
      ['PROPFIND', '/v1/models/digits'],
      ['GET', '/v1/models/digits:predict'],
      ['POST', '/v1/models/digits'],
      ['POST', '/v1/models/digits/metadata'],
      ['POST', '/v1/models/digits:predict?x=1'],
      ['POST', '/v1/models/digits:predict/'],
      ['POST', '/v1/models/digits:predict%00'],
      ['POST', '/v1/models/digits/versions/99999999999999999999:predict'],
      ['GET', '/v1/models'],
      ['GET', '/v1/models/%ff'],
      ['GET', '/v1/models/%zz'],
      ['GET', '/%zz'],
      ['GET', '/'],
      ['GET', '/metrics'],
      ['GET', `/v1/models/${'a'.repeat(5000)}`],
    ])('%s %.60s is malformed', async (method, where) => {
      const answer = await call(`${server.url}${where}`, { method });
      if (method !== 'HEAD') {
        expectRefusal(answer, 400, 'REQUEST_MALFORMED');
        return;
      }
      expect([answer.status, answer.text]).toEqual([400, '']);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_MALFORMED', method: 'HEAD' }]);
    });

    it('a query string is part of the name, as in TensorFlow Serving', async () => {
      expectRefusal(await call(`${digits}?x=1`), 404, 'MODEL_NOT_FOUND');
    });
  });

  describe('a body that is too large', () => {
    it('is refused by its Content-Length', async () => {
      const { violations } = expectRefusal(await post(`${digits}:predict`, 'x'.repeat(5_000_000)), 413, 'REQUEST_TOO_LARGE');
      expect(violations[0]).toMatchObject({ rule: 'maxBodyBytes', expected: `at most ${maxBodyBytes} bytes`, got: '5000000' });
    });

    it('is refused in the middle when it has none', async () => {
      const client = new RawConnection(server.port);
      client.send('POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      const blank = `10000\r\n${' '.repeat(0x10000)}\r\n`;
      for (let sent = 0; sent < 2 * maxBodyBytes; sent += 0x10000) client.send(blank);
      await client.closed;
      expect(client.received).toMatch(/^HTTP\/1\.1 413 /);
      expect(client.received).toContain('"code":"REQUEST_TOO_LARGE"');
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_TOO_LARGE' }]);
    });

    it('is refused as gzip when it inflates beyond the limit', async () => {
      const bomb = gzipSync(Buffer.alloc(20_000_000, ' '));
      expect(bomb.length).toBeLessThan(maxBodyBytes);
      expectRefusal(await post(`${digits}:predict`, bomb, { 'content-encoding': 'gzip' }), 413, 'REQUEST_TOO_LARGE');
    });
  });

  describe('the encoding of a body', () => {
    it.each(['br', 'deflate', 'zstd', 'gzip, gzip', 'x'])('%s is refused', async (encoding) => {
      expectRefusal(
        await post(`${digits}:predict`, digitsBody, { 'content-encoding': encoding }),
        415,
        'REQUEST_ENCODING_UNSUPPORTED',
      );
    });

    it('is refused when it is not what it says', async () => {
      expectRefusal(await post(`${digits}:predict`, digitsBody, { 'content-encoding': 'gzip' }), 400, 'REQUEST_ENCODING_INVALID');
    });
  });

  describe('connections', () => {
    const request = (method: string, where: string, body = '') =>
      `${method} ${where} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

    it('live on after a refusal whose body was complete', async () => {
      const client = new RawConnection(server.port);
      client.send(request('POST', '/v1/models/digits:predict', '{"instances":[tru]}'));
      await until('the refusal', () => client.answers === 1);
      client.send(request('POST', '/v1/models/digits:predict', digitsBody));
      await until('the answer', () => client.answers === 2);
      expect(client.received).toMatch(/^HTTP\/1\.1 400 [\s\S]*HTTP\/1\.1 200 /);
      client.socket.destroy();
    });

    it('end after a refusal in the middle of a body, without reading the rest', async () => {
      const client = new RawConnection(server.port);
      client.send('POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{"instances":[tru');
      client.send('X'.repeat(100));
      await client.closed;
      expect(client.received).toMatch(/^HTTP\/1\.1 400 /);
      expect(client.received).toMatch(/^connection: close\r$/im);
      expect(client.answers).toBe(1);
      expect(server.refusals).toMatchObject([{ code: 'JSON_SYNTAX' }]);
    });

    it('are answered in order when requests come without waiting', async () => {
      const client = new RawConnection(server.port);
      const images = [0, 0.25, 0.5, 1].map((value) => JSON.stringify({ instances: [image(value)] }));
      client.send(images.map((body) => request('POST', '/v1/models/digits:predict', body)).join(''));
      client.send(request('GET', '/v1/models/digits'));
      await until('five answers', () => client.answers === 5 && client.received.endsWith('}'));
      client.socket.destroy();
      const bodies = client.received.split(/HTTP\/1\.1 200 OK\r\n[\s\S]*?\r\n\r\n/).slice(1);
      for (const [index, body] of images.entries()) {
        expect(JSON.parse(bodies[index])).toEqual((await post(`${digits}:predict`, body)).json);
      }
      expect(JSON.parse(bodies[4])).toHaveProperty('model_version_status');
    });

    it('are answered before they end when garbage follows a request', async () => {
      const client = new RawConnection(server.port);
      client.send(`${request('POST', '/v1/models/digits:predict', digitsBody)}GARBAGE\r\n\r\n`);
      await client.closed;
      expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close\r\n[\s\S]*"predictions"/i);
      expect(client.answers).toBe(1);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_MALFORMED', method: '-' }]);
    });

    it('need a Host, except in HTTP/1.0', async () => {
      const client = new RawConnection(server.port);
      client.send('GET /v1/models/digits HTTP/1.1\r\n\r\n');
      await until('the refusal', () => client.received.endsWith('}'));
      expect(client.received).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"REQUEST_MALFORMED"/);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_MALFORMED', method: 'GET' }]);
      client.socket.destroy();
      const old = new RawConnection(server.port);
      old.send('GET /v1/models/digits HTTP/1.0\r\n\r\n');
      await old.closed;
      expect(old.received).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('are told to send a body that they ask about, but not when it is too large', async () => {
      const headers = (length: number, expectation: string) =>
        `POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nExpect: ${expectation}\r\nContent-Length: ${length}\r\n\r\n`;
      const small = new RawConnection(server.port);
      small.send(headers(Buffer.byteLength(digitsBody), '100-continue'));
      await until('the word to go on', () => small.received === 'HTTP/1.1 100 Continue\r\n\r\n');
      small.send(digitsBody);
      await until('the answer', () => small.answers === 1);
      small.socket.destroy();
      const large = new RawConnection(server.port);
      large.send(headers(maxBodyBytes + 1, '100-continue'));
      await large.closed;
      expect(large.received).toMatch(/^HTTP\/1\.1 413 /);
      const other = new RawConnection(server.port);
      other.send(`${headers(Buffer.byteLength(digitsBody), 'miracles')}${digitsBody}`);
      await until('the answer', () => other.answers === 1);
      expect(other.received).toMatch(/^HTTP\/1\.1 200 /);
      other.socket.destroy();
    });

    it('get each their own answer when many ask at once', async () => {
      const bodies = Array.from({ length: 80 }, (_, index) => JSON.stringify({ instances: [image(index / 80)] }));
      const together = await Promise.all(bodies.map((body) => post(`${digits}:predict`, body)));
      const distinct = new Set(together.map(({ text }) => text));
      expect(distinct.size).toBeGreaterThan(70);
      for (const [index, body] of bodies.entries()) {
        expect(together[index].text).toBe((await post(`${digits}:predict`, body)).text);
      }
    });

    it('end when the body does not arrive in time', async () => {
      const client = new RawConnection(server.port);
      const startedMs = performance.now();
      client.send('POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
      const drip = setInterval(() => client.send(' '), 100);
      await client.closed;
      clearInterval(drip);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
      expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
      expect(client.received).toContain('"code":"REQUEST_TIMEOUT"');
      await until('the line in the log', () => server.refusals.length > 0);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_TIMEOUT', model: 'digits', verb: 'predict' }]);
    });

    it('end when the headers do not arrive in time', async () => {
      const client = new RawConnection(server.port);
      client.send('POST /v1/models/digits:predict HTTP/1.1\r\n');
      const drip = setInterval(() => client.send('A: b\r\n'), 100);
      await client.closed;
      clearInterval(drip);
      expect(client.received).toContain('"code":"REQUEST_TIMEOUT"');
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_TIMEOUT', method: '-' }]);
    });

    it('end when a client goes away in the middle, with one line in the log', async () => {
      const client = new RawConnection(server.port);
      client.send('POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
      setTimeout(() => client.socket.destroy(), 100);
      await until('the line in the log', () => server.refusals.length > 0);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_INCOMPLETE', model: 'digits' }]);
      expect((await post(`${digits}:predict`, digitsBody)).status).toBe(200);
    });

    it('end when a client closes its side in the middle, and say so', async () => {
      const client = new RawConnection(server.port);
      client.socket.end('POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
      await client.closed;
      expect(client.received).toContain('"code":"REQUEST_INCOMPLETE"');
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_INCOMPLETE', model: 'digits' }]);
    });

    it.each([
      ['no HTTP', 'HELLO\r\n\r\n'],
      ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
      ['headers without end', `GET /healthz HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}`],
      ['two lengths', 'POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
      [
        'a length and chunks',
        'POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      [
        'a chunk that is none',
        'POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nxyz\r\n',
      ],
    ])('end after what is not a request: %s', async (_what, text) => {
      const client = new RawConnection(server.port);
      client.send(text);
      await client.closed;
      expect(client.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(JSON.parse(client.received.slice(client.received.indexOf('{')))).toMatchObject({
        code: 'REQUEST_MALFORMED',
        violations: [],
      });
      await until('the line in the log', () => server.refusals.length > 0);
      expect(server.refusals).toMatchObject([{ code: 'REQUEST_MALFORMED', status: 400 }]);
    });
  });
});

describe.skipIf(slot === undefined)(`a server that stops${needsRuntime}`, () => {
  it('answers what it has begun and refuses what comes then', async () => {
    const stopping = await startTestServer({ models: [{ name: 'digits', path: path.join(examples, 'digits') }] });
    expect(await call(`${stopping.url}/readyz`)).toMatchObject({ status: 200, json: { status: 'ready' } });
    const client = new RawConnection(stopping.port);
    const length = Buffer.byteLength(digitsBody);
    client.send(
      `POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${digitsBody.slice(0, 50)}`,
    );
    // Another connection's answer says that this one's first bytes were read, as they came before.
    expect((await post(`${stopping.url}/v1/models/digits:predict`, digitsBody)).status).toBe(200);
    const closed = stopping.close();
    await until('no new connection is taken', () =>
      call(`${stopping.url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    client.send(`${digitsBody.slice(50)}GET /v1/models/digits HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.closed;
    expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*"predictions"[\s\S]*HTTP\/1\.1 503 [\s\S]*"code":"SERVER_STOPPING"/);
    await closed;
    expect(stopping.refusals).toMatchObject([{ code: 'SERVER_STOPPING', status: 503 }]);
  });

  it('ends a load that is under way', async () => {
    const config = configForFolder(path.join(examples, 'digits'), {
      listen: { rest: '127.0.0.1:0' },
      store: path.join(root, '.airlock'),
      sandbox: reachableSandbox,
      unsafeUnsigned: true,
    });
    const events: string[] = [];
    const starting = await startServer(config, { onEvent: ({ kind }) => events.push(kind), onRefusal: () => undefined });
    await until('the worker runs', () => starting.catalog.models[0].status({})[0]?.state === 'LOADING');
    await starting.close();
    await starting.loaded;
    expect(events).toEqual(['scanned']);
    expect(starting.catalog.models[0].status({})[0].state).toBe('END');
  });
});
