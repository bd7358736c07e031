// TensorFlow Serving's cases for its HTTP interface, replayed on a real server. Numbers and values must be its own; error texts are ours.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsRuntime, slot } from '../support/runtime.ts';
import { call, startTestServer, type TestServer } from '../support/server.ts';
import { casesOf, type ServingCase, testdata } from './serving-cases.ts';

const cases = casesOf('http');
const models = join(testdata ?? '', 'tensorflow-serving');
const canRun = slot !== undefined && testdata !== undefined;
const needs = testdata === undefined ? ' (skipped: no ../shared/testdata)' : needsRuntime;

/** The folder's name, without the remarks that the case has behind it. */
function folderOf(one: ServingCase): string {
  return (one.model?.dir ?? '').split(' ')[0];
}

/** Each model of the cases once, as airlock.yaml wants it. */
function configured(): object[] {
  const byName = new Map<string, object>();
  for (const one of cases) {
    const name = one.model?.name ?? '';
    const specific = /^specific (\d+)$/.exec(String(one.model?.policy ?? ''));
    byName.set(name, {
      name,
      path: join(models, folderOf(one)),
      shapes: 'compat',
      labels: one.model?.labels ?? {},
      ...(specific === null ? {} : { versions: { policy: 'specific', numbers: [Number(specific[1])] } }),
    });
  }
  return [...byName.values()];
}

let server: TestServer;
beforeAll(async () => {
  if (canRun) server = await startTestServer({ models: configured() });
});
afterAll(() => server?.close());

describe.skipIf(!canRun)(`TensorFlow Serving over HTTP${needs}`, () => {
  it('has all its cases and models', () => {
    expect(cases).toHaveLength(26);
    expect(server.events.map((event) => event.kind)).toEqual(['available', 'available']);
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const { method = 'GET', path = '' } = one;
    const answer = await call(`${server.url}${path}`, { method, ...(method === 'GET' ? {} : { body: one.body ?? '' }) });
    expect(answer.status, answer.text).toBe(one.expect.http);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
    if (one.expect.ok !== true) {
      expect(answer.json).toMatchObject({ error: expect.any(String), code: expect.any(String), violations: expect.any(Array) });
      return;
    }
    const { json_text: text, json_file: file } = one.expect;
    const wanted = text ?? readFileSync(join(models, basename(file ?? '')), 'utf8');
    expect(answer.json).toEqual(JSON.parse(wanted));
  });
});

// The answers that TensorFlow Serving's Python test compares with files.
describe.skipIf(!canRun)(`TensorFlow Serving's metadata files${needs}`, () => {
  it('half_plus_two_model_metadata.json', async () => {
    const { json } = await call(`${server.url}/v1/models/default/metadata`);
    expect(json).toEqual(JSON.parse(readFileSync(join(models, 'half_plus_two_model_metadata.json'), 'utf8')));
  });
});
