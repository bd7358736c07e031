// The client that most people use, Python's requests, against a real server: it must see the same answers and refusals as any other.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsRuntime, slot } from '../support/runtime.ts';
import { root, startTestServer, type TestServer } from '../support/server.ts';

const venv = path.join(root, '.airlock/test-venv');
const python = path.join(venv, 'bin/python3');
// The stamp is written when everything was installed; a venv alone has no requests in it.
const hasPython = existsSync(path.join(venv, '.requirements')) && existsSync(python);
const needsPython = hasPython ? '' : ' (skipped: no Python client in .airlock/test-venv, run `npm test`)';

const prelude = `
import gzip, json, sys
import requests
base = sys.argv[1]
digits = base + "/v1/models/digits"
image = json.load(open(sys.argv[2]))["instances"]
def show(response):
    print(json.dumps({"status": response.status_code, "type": response.headers["content-type"], "body": response.json()}))
`;

describe.skipIf(slot === undefined || !hasPython)(`Python's requests${needsPython}${needsRuntime}`, () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startTestServer({
      models: ['digits', 'tabular'].map((name) => ({ name, path: path.join(root, 'examples', name) })),
      limits: { request: { maxBodyBytes: 1024 * 1024 } },
    });
  });
  afterAll(() => test?.close());

  /** Runs a script behind the prelude and gives the objects that it printed. Not synchronous: the server runs in this process. */
  async function client(script: string): Promise<unknown[]> {
    const child = spawn(python, ['-c', prelude + script, test.url, path.join(root, 'examples/digits/request.json')], {
      env: { PATH: process.env.PATH, NO_PROXY: '*' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(errors);
    return output
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
  }

  it('gets the same answer for json=, data=, a form of its own and gzip', async () => {
    const answers = await client(`
body = json.dumps({"instances": image})
show(requests.post(digits + ":predict", json={"instances": image}))
show(requests.post(digits + ":predict", data=body))
show(requests.post(digits + ":predict", data=body.encode(), headers={"Content-Type": "application/octet-stream"}))
show(requests.post(digits + ":predict", data=gzip.compress(body.encode()), headers={"Content-Encoding": "gzip"}))
show(requests.post(digits + ":predict", data=(part for part in [body[:100].encode(), body[100:].encode()])))
`);
    expect(answers).toHaveLength(5);
    const [first] = answers as { readonly body: { readonly predictions: readonly number[][] } }[];
    expect(first).toMatchObject({ status: 200 });
    expect(first.body.predictions[0][8]).toBeCloseTo(0.9918, 4);
    for (const answer of answers) expect(answer).toEqual(first);
  });

  it('sends what Python makes of numbers, text and bytes', async () => {
    const [answer] = await client(`
wine = {"alcohol": 12.88, "flavanoids": 1.22, "hue": 0.74, "magnesium": 104, "proline": 530, "colour": "medium"}
show(requests.post(base + "/v1/models/tabular:predict", json={"instances": [wine]}))
`);
    expect(answer).toMatchObject({ status: 200, body: { predictions: [{ cultivar: 'class_2' }] } });
  });

  it('reads refusals as JSON, with the code and the place', async () => {
    const answers = await client(`
show(requests.post(digits + ":predict", json={"instances": [[1, 2]]}))
show(requests.post(digits + ":predict", data={"instances": "1"}))
show(requests.post(digits + ":predict", data='{"instances": [NaN]}'))
show(requests.post(digits + ":predict", data=b"no gzip", headers={"Content-Encoding": "gzip"}))
show(requests.post(digits + ":predict", data=b"{}", headers={"Content-Encoding": "br"}))
show(requests.post(base + "/v1/models/other:predict", json={"instances": image}))
show(requests.get(digits, params={"x": "1"}))
show(requests.put(digits + ":predict", json={}))
`);
    const expected = [
      [400, 'TENSOR_SHAPE_MISMATCH'],
      [400, 'JSON_SYNTAX'],
      [400, 'TENSOR_NOT_FINITE'],
      [400, 'REQUEST_ENCODING_INVALID'],
      [415, 'REQUEST_ENCODING_UNSUPPORTED'],
      [404, 'MODEL_NOT_FOUND'],
      [404, 'MODEL_NOT_FOUND'],
      [400, 'REQUEST_MALFORMED'],
    ];
    expect(answers).toMatchObject(expected.map(([status, code]) => ({ status, body: { error: expect.any(String), code } })));
  });

  it('keeps one connection over refusals and answers', async () => {
    const answers = await client(`
session = requests.Session()
for _ in range(3):
    show(session.post(digits + ":predict", json={"instances": [1]}))
    show(session.post(digits + ":predict", json={"instances": image}))
`);
    expect((answers as { readonly status: number }[]).map(({ status }) => status)).toEqual([400, 200, 400, 200, 400, 200]);
  });

  it('hears why a body is too large, although nobody reads it', async () => {
    const answers = await client(`
for size in (2, 8, 32):
    show(requests.post(digits + ":predict", data=b" " * (size << 20)))
`);
    for (const answer of answers) expect(answer).toMatchObject({ status: 413, body: { code: 'REQUEST_TOO_LARGE' } });
    expect(answers).toHaveLength(3);
  });

  it('reads status and metadata', async () => {
    const answers = await client(`
show(requests.get(digits))
show(requests.get(digits + "/metadata"))
`);
    expect(answers).toMatchObject([
      { status: 200, body: { model_version_status: [{ version: '1', state: 'AVAILABLE' }] } },
      { status: 200, body: { model_spec: { name: 'digits', version: '1' } } },
    ]);
  });
});
