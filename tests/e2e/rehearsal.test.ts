// A real rehearsal of 2.12.1 against 2.21.0: the examples come out the same, models whose kernels changed in between do not, and a promotion can read the record. The
// older TensorFlow is installed once into a cache outside of the checkout (230 MB); the whole file takes half a minute, most of it for loading TensorFlow.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkConfig } from '../../src/config/load-config.ts';
import { type ModelRehearsal, type Rehearsal, rehearse } from '../../src/rehearsal/index.ts';
import { defaultVersion, readRehearsals } from '../../src/runtime/index.ts';
import { type ChangingModel, writeChangingModel } from '../support/changing-models.ts';
import { needsOlder, olderRuntime } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { root } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const older = await olderRuntime();
const folder = mkdtempSync(join(tmpdir(), 'airlock-rehearsal-'));
const store = older?.store();
afterAll(() => {
  store?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** One body per line. */
function golden(name: string, bodies: readonly object[]): string {
  const file = join(folder, `${name}.jsonl`);
  writeFileSync(file, bodies.map((body) => `${JSON.stringify(body)}\n`).join(''));
  return file;
}

const rows = (...values: number[][]) => ({ instances: values });
const texts = (...instances: string[]) => ({ instances });
const traffic: Readonly<Record<ChangingModel, readonly object[]>> = {
  plain: [rows([1, 2]), rows([3, 4], [5, 6])],
  unicode: [texts('abc', '\u{1e4d0}'), texts('plain')],
  cast: [rows([1e10, 1.8e9, ...Array.from({ length: 14 }, () => 0)]), rows(Array.from({ length: 16 }, (_, at) => at))],
  erfinv: [rows([0.5, 2])],
  blank: [texts(' '), texts('1')],
  random: [rows([1, 2]), rows([3, 4])],
  'newer-op': [rows([1, 2])],
};

function configFor(models: readonly object[], from: string) {
  const values = { store: store?.path, runtime: { tensorflow: from }, sandbox: reachableSandbox, scan: { unsafeOff: true } };
  return checkConfig({ ...values, models: models.map((model) => ({ unsafeUnsigned: true, nonFinite: 'allow', ...model })) }, '/');
}

const changing = (name: ChangingModel, rehearsal: object = {}) => ({
  name,
  path: writeChangingModel(folder, name),
  rehearsal: { golden: golden(name, traffic[name]), ...rehearsal },
});

describe.skipIf(older === undefined)(`a rehearsal of 2.12.1 against ${defaultVersion}${needsOlder(older)}`, () => {
  let rehearsal: Rehearsal;
  const of = (name: string): ModelRehearsal => {
    const found = rehearsal.models.find((model) => model.name === name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };

  describe('with the examples', () => {
    beforeAll(async () => {
      const examples = ['digits', 'tabular'].map((name) => ({
        name,
        path: join(root, 'examples', name),
        nonFinite: 'refuse',
        contract: join(root, 'examples', name, 'contract.yaml'),
        rehearsal: { golden: golden(name, [JSON.parse(readFileSync(join(root, 'examples', name, 'request.json'), 'utf8'))]) },
      }));
      rehearsal = await rehearse({ config: configFor(examples, '2.12.1'), to: defaultVersion });
    }, 120_000);

    it('says that they are the same, within the tolerance and not by luck', () => {
      expect(rehearsal.record.verdict).toBe('same');
      expect(rehearsal.record.reasons).toEqual([]);
      for (const name of ['digits', 'tabular']) {
        const { sources, answered, outputs, identity } = of(name);
        expect(sources.golden).toBe(1);
        expect(sources.generated).toBeGreaterThan(4);
        expect(answered).toBe(sources.golden + sources.generated);
        expect(outputs.every(({ compared }) => compared === answered) && outputs.some(({ numbers }) => numbers > 0)).toBe(true);
        expect(identity).toMatch(/^[0-9a-f]{64}$/);
      }
      expect(rehearsal.withoutTraffic).toEqual([]);
    });

    it('keeps a record that a promotion reads, and a report that loads nothing', async () => {
      const { records } = await readRehearsals(store?.path ?? '');
      expect(records[0]).toEqual(rehearsal.record);
      expect(statSync(rehearsal.htmlPath).mode & 0o777).toBe(0o600);
      const html = readFileSync(rehearsal.htmlPath, 'utf8');
      expect(html).toContain("default-src 'none'");
      expect(html).not.toMatch(/<script|https?:\/\/|<img|<link/);
      expect(html.match(/<svg/g)?.length).toBeGreaterThan(5);
    });
  });

  describe('with models whose kernels changed', () => {
    beforeAll(async () => {
      const models = [
        changing('plain'),
        changing('unicode'),
        changing('cast'),
        changing('erfinv'),
        changing('blank'),
        changing('random'),
      ];
      rehearsal = await rehearse({ config: configFor(models, '2.12.1'), to: defaultVersion });
    }, 120_000);

    it('finds a text that is replaced otherwise', () => {
      expect(of('unicode')).toMatchObject({ verdict: 'changed', reasons: ['output y: 1 of 2 answers with other strings'] });
    });

    it('finds numbers that differ, and the class that they change', () => {
      const [y] = of('cast').outputs;
      expect(of('cast').verdict).toBe('changed');
      expect(y).toMatchObject({ outside: 1, rows: 2, classFlips: 1, flips: [{ from: 1, to: 0, count: 1 }] });
      expect(y.maxAbsolute).toBe(2 ** 31 - 1410065408);
    });

    it('finds a number that became NaN', () => {
      expect(of('erfinv').verdict).toBe('changed');
      expect(of('erfinv').outputs[0]).toMatchObject({ nonFiniteChanges: 1, identical: 0 });
      expect(rehearsal.record.models.find(({ name }) => name === 'erfinv')?.maxAbsolute).toBe(-1);
    });

    it('fails for a request that is not answered any more', () => {
      const { verdict, endings } = of('blank');
      expect(verdict).toBe('failed');
      expect(endings).toContainEqual({ old: 'answered', now: 'TENSORFLOW_INVALID_ARGUMENT', count: 1 });
    });

    it('does not decide about a model that differs by itself, and does not call it the same', () => {
      expect(of('random').outputs[0]).toMatchObject({ undecidable: 2, compared: 0 });
      expect(of('random').verdict).toBe('changed');
    });

    it('says for the model that did not change that it is the same, and failed for all together', () => {
      expect(of('plain')).toMatchObject({ verdict: 'same', reasons: [] });
      expect(rehearsal.record.verdict).toBe('failed');
    });
  });

  it('takes a tolerance of the operator, and a share of rows that may flip', async () => {
    const rules = { tolerance: { outputs: { y: { absolute: 1e9 } } }, maxClassFlipPercent: 50 };
    rehearsal = await rehearse({ config: configFor([changing('cast', rules)], '2.12.1'), to: defaultVersion });
    expect(rehearsal.record).toMatchObject({ verdict: 'same', reasons: [] });
  }, 60_000);

  it('fails for a model that does not load, and for one without any request', async () => {
    const models = [changing('newer-op'), { name: 'plain', path: writeChangingModel(folder, 'plain') }];
    rehearsal = await rehearse({ config: configFor(models, defaultVersion), to: '2.12.1' });
    expect(of('newer-op').verdict).toBe('failed');
    expect(of('newer-op').reasons[0]).toContain('it does not load on 2.12.1: MODEL_LOAD_FAILED');
    expect(of('plain')).toMatchObject({ verdict: 'failed', answered: 0 });
    expect(rehearsal.withoutTraffic).toEqual(['plain@1']);
  }, 60_000);
});
