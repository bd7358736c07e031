// What contracts and rate limits stop in a running server. Each attack is made twice: on a model without them, where it works, and on the
// same model with them, where it does not.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';
import { signature, spec } from '../support/tensors.ts';

const [float, int32, text] = [1, 3, 7];
const digitsBody = readFileSync(path.join(root, 'examples/digits/request.json'), 'utf8');
const folder = temporaryFolder();

/** As many ones as the request says: a number becomes memory, and the answer megabytes. */
function writeFill(): void {
  const nodes = [
    placeholder('n', int32),
    node('one', 'Const', [], {
      dtype: attribute.type(float),
      value: attribute.tensor(float, [], new Uint8Array([0, 0, 128, 63])),
    }),
    node('ones', 'Fill', ['n', 'one'], { T: attribute.type(float), index_type: attribute.type(int32) }),
  ];
  const signatures = [signature([spec('n:0', 'DT_INT32', [1])], [spec('ones:0', 'DT_FLOAT', [-1])])];
  writeSavedModel(path.join(folder, 'fill/1'), nodes, { signatures });
}

/** Strings as they come, as a model may show them to somebody. */
function writeEcho(): void {
  const nodes = [placeholder('s', text, [-1]), node('t', 'Identity', ['s'], { T: attribute.type(text) })];
  const signatures = [signature([spec('s:0', 'DT_STRING', [-1])], [spec('t:0', 'DT_STRING', [-1])])];
  writeSavedModel(path.join(folder, 'echo/1'), nodes, { signatures });
}

const contractOf = (id: string, inputs: string, outputs: string, more = '') => `
apiVersion: airlock/contract/v1
metadata: { id: ${id}, revision: 1 }
${more}
signatures:
  serving_default: { inputs: ${inputs}, outputs: ${outputs} }
`;
const image = '{ image: { dtype: float32, shape: [null, 8, 8, 1], min: 0, max: 1 } }';
const scores = (rules: string) => `{ probabilities: { dtype: float32, ${rules} } }`;

const contracts = {
  fill: contractOf('fill', '{ n: { dtype: int32, min: 0, max: 1000 } }', '{ ones: { dtype: float32, maxElements: 1000 } }'),
  echo: contractOf(
    'echo',
    '{ s: { dtype: string, string: { encoding: utf8, controlCharacters: reject, bidiControls: reject, maxBytes: 100 } } }',
    '{ t: { dtype: string } }',
    'request: { maxBytes: 20000 }',
  ),
  digits: contractOf('digits', image, scores('roundTo: 2')),
};

let server: TestServer;
const url = (model: string) => `${server.url}/v1/models/${model}:predict`;

beforeAll(async () => {
  if (slot === undefined) return;
  writeFill();
  writeEcho();
  const pair = (name: keyof typeof contracts, base: string, more: object) => {
    const contract = path.join(folder, `${name}.yaml`);
    writeFileSync(contract, contracts[name]);
    return [
      { name: `${name}-open`, path: base, ...more },
      { name, path: base, contract, ...more },
    ];
  };
  const limited = { rateLimits: { perClient: { unitsPerSecond: 1, burst: 50 } } };
  server = await startTestServer({
    models: [
      ...pair('fill', path.join(folder, 'fill'), { limits: { memoryMiB: 400, timeoutMs: 10_000 } }),
      ...pair('echo', path.join(folder, 'echo'), {}),
      ...pair('digits', path.join(root, 'examples/digits'), {}),
      { name: 'limited', path: path.join(root, 'examples/digits'), ...limited },
    ],
  });
  // Files that were just written have to lie still for two seconds.
  await until('all models', () => server.server.catalog.ready);
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  if (server !== undefined) server.refusals.length = 0;
});

interface Predictions {
  readonly predictions: readonly (readonly number[])[];
}

async function restarts(model: string): Promise<number> {
  const { json } = await call(`${server.url}/airlock/v1/status`);
  const { models } = json as {
    models: readonly { name: string; versions: readonly { worker: { restarts: number } }[] }[];
  };
  return models.find(({ name }) => name === model)?.versions[0].worker.restarts ?? -1;
}

describe.skipIf(slot === undefined)(`a contract${needsRuntime}`, () => {
  it('stops an answer of megabytes for a question of bytes', async () => {
    const attack = JSON.stringify({ inputs: [500_000] });
    expect((await post(url('fill-open'), attack)).text.length).toBeGreaterThan(1_000_000);
    expect((await post(url('fill'), attack)).text.length).toBeLessThan(1_000);
  });

  it('stops a number that makes the model take all its memory', async () => {
    const attack = JSON.stringify({ inputs: [1_000_000_000] });
    const open = await post(url('fill-open'), attack);
    expect(open.status).toBeGreaterThanOrEqual(400);
    // The worker is gone, and with it the requests of everybody else.
    await until('the worker is ended', async () => (await restarts('fill-open')) > 0);
    const closed = await post(url('fill'), attack);
    expect(closed.json).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    expect(await restarts('fill')).toBe(0);
    expect((await post(url('fill'), '{"inputs":[3]}')).json).toEqual({ outputs: [1, 1, 1] });
  });

  it('stops pixels that are no pixels, which make the model certain of anything', async () => {
    const attack = digitsBody.replace('0.0625', '1e30');
    const open = (await post(url('digits-open'), attack)).json as Predictions;
    expect(Math.max(...open.predictions[0])).toBe(1);
    expect((await post(url('digits'), attack)).json).toMatchObject({ code: 'CONTRACT_VIOLATION' });
  });

  it('hides the slope of the model from who asks twice with almost the same input', async () => {
    const difference = async (model: string): Promise<number> => {
      const [a, b] = await Promise.all(
        ['0.0625', '0.0626'].map(async (pixel) => {
          const { json } = await post(url(model), digitsBody.replace('0.0625', pixel));
          return (json as Predictions).predictions[0];
        }),
      );
      return a.reduce((sum, score, index) => sum + Math.abs(score - b[index]), 0);
    };
    expect(await difference('digits-open')).toBeGreaterThan(0);
    expect(await difference('digits')).toBe(0);
  });

  it('stops text that shows something else than it is, and repeats none of it on a terminal', async () => {
    const attack = JSON.stringify({ instances: [`\u001b[2J\u202e${'A'.repeat(50)}`] });
    expect((await post(url('echo-open'), attack)).json).toEqual({ predictions: JSON.parse(attack).instances });
    const closed = await post(url('echo'), attack);
    expect(closed.json).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    const rules = (closed.json as { violations: readonly { rule: string }[] }).violations.map(({ rule }) => rule);
    expect(rules).toEqual(expect.arrayContaining(['string.controlCharacters', 'string.bidiControls']));
    for (const shown of [closed.text, JSON.stringify(server.refusals)]) {
      for (const character of ['\u001b', '\u202e']) {
        expect(shown).not.toContain(character);
        expect(shown).not.toContain(JSON.stringify(character).slice(1, -1));
      }
      expect(shown).not.toContain('A'.repeat(45));
    }
    expect(JSON.stringify(server.refusals)).not.toContain('AAAA');
  });

  it('ends a body that is larger than the contract allows when it says so, before a byte of it is read', async () => {
    const length = 25_000_000;
    const open = new RawConnection(server.port);
    open.send(`POST /v1/models/echo-open:predict HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n{"instances":["`);
    const connection = new RawConnection(server.port);
    connection.send(`POST /v1/models/echo:predict HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`);
    await connection.closed;
    expect(connection.received).toContain('HTTP/1.1 413');
    expect(connection.received).toContain('at most 20000 bytes');
    // The one without the contract still waits for the rest.
    expect(open.answers).toBe(0);
    open.socket.destroy();
  });

  it('ends a body without a length where it passes the limit', async () => {
    const chunk = `${'2710\r\n'}${'x'.repeat(10_000)}\r\n`;
    const connection = new RawConnection(server.port);
    connection.send(
      'POST /v1/models/echo:predict HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"instances":["a\r\n',
    );
    for (let i = 0; i < 3; i++) connection.send(chunk);
    await connection.closed;
    expect(connection.received).toContain('HTTP/1.1 413');
  });
});

describe.skipIf(slot === undefined)(`a rate limit${needsRuntime}`, () => {
  it('is not passed by headers that name another client', async () => {
    let passed = 0;
    for (let i = 0; i < 60; i++) {
      const { status } = await post(url('limited'), digitsBody, {
        'x-forwarded-for': `203.0.113.${i}`,
        forwarded: `for=203.0.113.${i}`,
        'x-real-ip': `203.0.113.${i}`,
      });
      if (status === 200) passed++;
    }
    expect(passed).toBeLessThan(50);
    let open = 0;
    for (let i = 0; i < 60; i++) if ((await post(url('digits-open'), digitsBody)).status === 200) open++;
    expect(open).toBe(60);
  });

  it('answers a body that it will not read before it is sent', async () => {
    for (let i = 0; i < 60; i++) await post(url('limited'), digitsBody);
    const connection = new RawConnection(server.port);
    connection.send('POST /v1/models/limited:predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n');
    await connection.closed;
    expect(connection.received).toMatch(/^HTTP\/1\.1 429 /);
    expect(connection.received).toMatch(/\r\nretry-after: \d+\r\n/);
  });
});
