// Attacks of the corpus in real TensorFlow: the effect is seen at the step that the finding's trigger names, and not before. A few of each kind;
// `node tools/scan-corpus/fires.js` runs all of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanInProcess } from '../../../src/scan/engine/index.ts';
import type { Finding } from '../../../src/scan/index.ts';
import { root } from '../../support/server.ts';
import { hasTensorFlow, needsTensorFlow } from '../harden/python-process.ts';

interface Expected {
  readonly id: string;
  readonly path: string;
  readonly trigger: string;
  readonly expect: readonly { readonly category: readonly string[]; readonly names: readonly string[] }[];
}
interface Fired {
  readonly id: string;
  readonly ok: boolean;
  readonly step?: string;
  readonly why?: string;
}

const tools = join(root, 'tools/scan-corpus');
const expectations = JSON.parse(readFileSync(join(tools, 'expectations.json'), 'utf8')) as readonly Expected[];
const subset = [
  'sm-read-file-joined',
  'sm-read-file-request',
  'sm-hidden-main-op',
  'sm-hidden-function-as-op',
  'sm-hidden-api-function',
  'sm-dataset-from-graph-mapped',
  'sm-write-file',
  'sm-load-write-resource',
  'sm-delete-merge-checkpoints',
  'sm-asset-climbs',
  'sm-abort',
  'sm-const-overflow',
  'sm-loop-no-progress',
  'sm-mem-fill',
  'gd-read-file',
  'mg-read-file',
  'k3-lambda',
  'h5-external-storage',
];

describe.skipIf(!hasTensorFlow)(`attacks in TensorFlow${needsTensorFlow}`, () => {
  const work = mkdtempSync(join(tmpdir(), 'airlock-fires-test-'));
  const fired = new Map<string, Fired>();
  let running: ChildProcess | undefined;

  beforeAll(async () => {
    const python = join(root, '.airlock/tensorflow-venv/bin/python3');
    const child = spawn(python, [join(tools, 'fires.py'), '--work', work, '--ids', subset.join(',')], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running = child;
    let text = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      errors = (errors + String(chunk)).slice(-5_000);
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(errors);
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const result = JSON.parse(line) as Fired;
      fired.set(result.id, result);
    }
  }, 400_000);

  afterAll(() => {
    running?.kill('SIGKILL');
    rmSync(work, { recursive: true, force: true });
  });

  for (const id of subset) {
    it(`${id} does what the finding predicts, when it predicts it`, async () => {
      const expected = expectations.find((each) => each.id === id);
      if (expected === undefined) throw new Error(`${id} is not in the corpus`);
      const result = fired.get(id);
      expect(result?.ok, result?.why).toBe(true);
      const { findings } = await scanInProcess({ path: join(work, 'corpus', expected.path), tensorflow: '2.21.0' });
      const predicting = findings.filter((finding) => fits(finding, expected));
      // What is said of every loader is said of each.
      const triggers = predicting.flatMap(({ trigger }) =>
        trigger === 'load' ? ['load', 'load-cpp', 'load-python'] : [trigger],
      );
      expect(triggers).toContain(expected.trigger);
    });
  }
});

/** A finding that counts, of a category that is expected, which names the operation or feature. */
function fits({ severity, ruleId, message }: Finding, { expect: wanted }: Expected): boolean {
  return (
    severity !== 'info' &&
    severity !== 'low' &&
    wanted.some(
      ({ category, names }) => category.includes(ruleId.split('/')[0] ?? '') && names.some((name) => message.includes(name)),
    )
  );
}
