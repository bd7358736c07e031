// The contracts that lie beside the example models: they fit, let the example requests through, and refuse what their pages say.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lintContract, loadContract } from '../../src/contract/index.ts';
import { readSavedModel, selectMetaGraph } from '../../src/model/index.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { post, root, startTestServer, type TestServer } from '../support/server.ts';

const examples = path.join(root, 'examples');
const contractOf = (name: string) => path.join(examples, name, 'contract.yaml');
const request = (name: string) => readFileSync(path.join(examples, name, 'request.json'), 'utf8');

describe.each(['digits', 'tabular'])('the contract of %s', (name) => {
  it('goes with its model', async () => {
    const { contract } = await loadContract(contractOf(name));
    const { signatures } = selectMetaGraph(await readSavedModel(path.join(examples, name, '1')));
    expect(lintContract(contract, signatures).filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

describe.skipIf(slot === undefined)(`served with their contracts, the examples${needsRuntime}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    const models = ['digits', 'tabular'].map((name) => ({ name, path: path.join(examples, name), contract: contractOf(name) }));
    server = await startTestServer({ models });
  }, 60_000);
  afterAll(() => server.close());
  const predict = (name: string, body: string) => post(`${server.url}/v1/models/${name}:predict`, body);

  it.each(['digits', 'tabular'])('answer the request of %s', async (name) => {
    expect((await predict(name, request(name))).status).toBe(200);
  });

  it('refuse a scan that nobody divided by 16', async () => {
    const body = request('digits').replaceAll(/\d\.\d+/g, (ink) => String(Number(ink) * 16));
    const answer = await predict('digits', body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).violations[0]).toMatchObject({ ruleId: 'serving_default/inputs/image/max' });
  });

  it('name all that is wrong with a wine at once', async () => {
    const wine = { ...JSON.parse(request('tabular')).instances[0], colour: 'blue', alcohol: 98 };
    const { violations } = JSON.parse((await predict('tabular', JSON.stringify({ instances: [wine] }))).text);
    expect(violations.map(({ path }: { path: string }) => path).sort()).toEqual(['instances[0].alcohol', 'instances[0].colour']);
  });
});
