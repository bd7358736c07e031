// `airlock profile` with a real model in its jail, from the command line to the report.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { notBuilt } from '../support/jail-level.ts';
import { needsRuntime } from '../support/runtime.ts';
import { sandboxArguments } from '../support/sandbox.ts';
import { signature, spec } from '../support/tensors.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const whyNot = `${needsRuntime}${notBuilt}`;
const folder = mkdtempSync(path.join(tmpdir(), 'airlock-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function airlock(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const texts = { out: '', err: '' };
  const into = (key: 'out' | 'err') =>
    new Writable({
      write: (chunk, _encoding, done) => {
        texts[key] += String(chunk);
        done();
      },
    });
  const code = await main(args, { stdout: into('out'), stderr: into('err'), env: {}, isTerminal: false });
  return { code, ...texts };
}

it.skipIf(whyNot !== '')(`says which operations take the time, as JSON and as a report${whyNot}`, async () => {
  const type = { T: attribute.type(1) };
  const model = path.join(folder, 'model');
  const nodes = [
    placeholder('x', 1),
    node('block/product', 'MatMul', ['x', 'x'], type),
    node('block/y', 'Relu', ['block/product'], type),
  ];
  const square = signature([spec('x:0', 'DT_FLOAT', [-1, -1])], [{ ...spec('block/y:0', 'DT_FLOAT', [-1, -1]), alias: 'y' }]);
  writeSavedModel(path.join(model, '1'), nodes, { signatures: [square] });
  const requests = path.join(folder, 'requests.jsonl');
  const rows = Array.from({ length: 96 }, (_, i) => Array.from({ length: 96 }, (_, j) => (i + j) % 7));
  writeFileSync(requests, `${JSON.stringify({ inputs: rows })}\n\n${JSON.stringify({ inputs: { x: [[2]] } })}\n`);
  const html = path.join(folder, 'report.html');
  const common = ['profile', model, '--unsafe-unsigned', ...sandboxArguments, '--requests', requests];
  const { code, out, err } = await airlock(...common, '--runs', '6', '--json', '--html', html);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const { signatures, limits } = JSON.parse(out);
  expect(signatures).toMatchObject([{ name: 'serving_default', runs: 6 }]);
  const [{ ops, nodes: byNode, peakBytes }] = signatures;
  expect(ops.find(({ name }: { name: string }) => name === 'MatMul')).toMatchObject({ runs: 6, times: 6 });
  expect(byNode.find(({ name }: { name: string }) => name === 'block/product')).toMatchObject({ op: 'MatMul' });
  expect(peakBytes).toBeGreaterThanOrEqual(96 * 96 * 4);
  expect(limits.ops.MatMul.maxMs).toBeGreaterThanOrEqual(1);
  const report = readFileSync(html, 'utf8');
  expect(report).toContain('block/product (MatMul)');
  writeFileSync(requests, '{"inputs": [[1.5]]}\n{"inputs": "x"}\n');
  const refused = await airlock(...common);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain('Line 2');
});
