import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { limitsAsYaml, opsOverLimit, overLimitText, suggestLimits } from './op-limits.ts';
import { maxNodes, maxOps, OpProfile } from './op-profile.ts';
import { profileReport } from './op-shares.ts';
import { readProfile, writeProfile } from './profile-file.ts';
import { QuantileSketch } from './quantile-sketch.ts';
import type { NodeRun, RunProfile } from './run-profile.ts';

const ran = (node: string, op: string, us: number, peakBytes = 0): NodeRun => ({
  node,
  op,
  startUs: 0,
  durationUs: us,
  selfUs: us,
  peakBytes,
  outputBytes: 0,
  thread: 0,
});

const run = (...nodes: readonly NodeRun[]): RunProfile => ({ nodes, durationUs: 5_000, peakBytes: 2 ** 21, traceBytes: 1 });

const usual = run(
  ran('a/m', 'MatMul', 2_000, 2 ** 20),
  ran('b/m', 'MatMul', 3_000, 2 ** 21),
  ran('b/r', 'Relu', 10),
  ran('x', '_Arg', 1),
);

function profileOf(...runs: readonly RunProfile[]): OpProfile {
  const profile = new OpProfile();
  for (const one of runs) profile.add(one);
  return profile;
}

describe('a sketch of quantiles', () => {
  it('is never below the truth, and at most 9 % above', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1e12, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const sketch = new QuantileSketch();
          for (const value of values) sketch.add(value);
          const sorted = [...values].sort((a, b) => a - b);
          const truth = sorted[Math.max(0, Math.ceil(values.length * share) - 1)];
          expect(sketch.quantile(share)).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
          expect(sketch.quantile(share)).toBeLessThanOrEqual(truth * 1.0906);
        },
      ),
    );
  });

  it('has a bounded number of counts, whatever it counts', () => {
    const sketch = new QuantileSketch();
    for (let power = -100; power < 100; power++) for (let part = 0; part < 20; part++) sketch.add(2 ** (power + part / 20));
    sketch.add(0);
    sketch.add(Number.MAX_VALUE);
    expect(sketch.entries().length).toBeLessThanOrEqual(481);
    expect(sketch.total).toBe(4_002);
  });
});

describe('the profile of operations', () => {
  it('adds up times per type and per node, and takes the most of memory', () => {
    const { ops, nodes, runs } = profileOf(usual, run(ran('a/m', 'MatMul', 500, 9)));
    expect(runs).toBe(2);
    expect(ops.get('MatMul')).toMatchObject({ runs: 2, times: 3, totalUs: 5_500, maxUs: 5_000, peakBytes: 2 ** 21 });
    expect(nodes.get('a/m')).toMatchObject({ op: 'MatMul', runs: 2, times: 2, totalUs: 2_500, maxUs: 2_000, peakBytes: 2 ** 20 });
  });

  it('keeps a bounded number of names, however many a worker makes up', () => {
    const many = Array.from({ length: maxNodes + 500 }, (_, index) => ran(`n${index}`, `Op${index}`, 1));
    const { ops, nodes } = profileOf(run(...many), run(ran('late', 'Late', 7)));
    expect(nodes.size).toBe(maxNodes);
    expect(ops.size).toBe(maxOps + 1);
    expect(ops.get('')).toMatchObject({ op: '', totalUs: maxNodes + 500 - maxOps + 7 });
  });

  it('names what took most', () => {
    const [first, second] = profileOf(usual).top('nodes', 2);
    expect(first).toEqual({ name: 'b/m', op: 'MatMul', share: 3_000 / 5_011 });
    expect(second.name).toBe('a/m');
    expect(profileOf().top('ops', 3)).toEqual([]);
  });

  it('tells metrics only of operations that exist', () => {
    const profile = profileOf(usual, run(ran('evil', 'op{label="x"}', 4_000)));
    const report = profileReport(profile, 3, (op) => op === 'MatMul' || op === 'Relu');
    expect(report.ops.map(({ op }) => op)).toEqual(['MatMul', 'Relu', 'other']);
    expect(report.ops.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(report).toMatchObject({ tracedRuns: 2, peakBytes: 2 ** 21, overLimit: 3 });
    const wide = profileOf(run(...Array.from({ length: 50 }, (_, index) => ran(`n${index}`, `Op${index}`, 1))));
    expect(profileReport(wide, 0, () => true).ops).toHaveLength(11);
  });
});

describe('limits of operations', () => {
  it('are compared with the sum of a type and with each node', () => {
    const limits = { ops: { MatMul: { maxMs: 4, maxMiB: 2 }, Conv2D: { maxMs: 1 } }, nodes: { 'b/m': { maxMs: 3, maxMiB: 1 } } };
    expect(opsOverLimit(usual, limits)).toEqual([
      { kind: 'node', name: 'b/m', what: 'MiB', allowed: 1, taken: 2 },
      { kind: 'op', name: 'MatMul', what: 'milliseconds', allowed: 4, taken: 5 },
    ]);
    expect(opsOverLimit(run(ran('a/m', 'MatMul', 100)), limits)).toEqual([]);
    expect(overLimitText(opsOverLimit(usual, limits))).toBe(
      'node b/m took 2.0 MiB, allowed 1; MatMul took 5.0 milliseconds, allowed 4',
    );
  });

  it('are suggested with room above what was seen, for what matters', () => {
    const limits = suggestLimits(profileOf(usual, usual), { factor: 2 });
    expect(Object.keys(limits.ops)).toEqual(['MatMul']);
    expect(Object.keys(limits.nodes).sort()).toEqual(['a/m', 'b/m']);
    expect(limits.ops.MatMul.maxMs).toBeGreaterThanOrEqual(10);
    expect(limits.ops.MatMul.maxMs).toBeLessThanOrEqual(11);
    expect(limits.ops.MatMul.maxMiB).toBeGreaterThanOrEqual(4);
    // A run like those that were seen keeps them.
    expect(opsOverLimit(usual, limits)).toEqual([]);
  });

  it('stand in YAML as what they are, whatever a model calls its nodes', () => {
    expect(limitsAsYaml({ ops: { MatMul: { maxMs: 5 } }, nodes: { 'a: {"}\n#': { maxMs: 1, maxMiB: 2 } } })).toBe(
      'limits:\n  ops:\n    "MatMul": { maxMs: 5 }\n  nodes:\n    "a: {\\"}\\n#": { maxMs: 1, maxMiB: 2 }\n',
    );
    expect(limitsAsYaml({ ops: {}, nodes: {} })).toBe('');
  });
});

describe('the file of a profile', () => {
  const origin = { identity: 'sha256:1', tensorflow: '2.21.0' };

  it('comes back as it was', () => {
    const profile = profileOf(usual, run(ran('__proto__', 'constructor', 3.5, 7)));
    const text = writeProfile(profile, origin);
    const read = readProfile(text);
    expect(read).toMatchObject(origin);
    expect(writeProfile(read.profile, read)).toBe(text);
    expect(read.profile.nodes.get('__proto__')).toMatchObject({ op: 'constructor', totalUs: 3.5 });
    read.profile.add(usual);
    expect(read.profile.ops.get('MatMul')?.runs).toBe(2);
  });

  it('is refused when it is none', () => {
    const text = writeProfile(profileOf(usual), origin);
    const wrong = [
      '',
      '[]',
      'x',
      text.slice(1),
      text.replace('"format":1', '"format":2'),
      text.replace('"runs":1', '"runs":-1'),
      text.replace('"runs":1', '"runs":1,"more":1'),
      text.replace('"name":"a/m"', '"name":"b/m"'),
      text.replace(/"timeUs":\[\[\d+,1\]\]/, '"timeUs":[[481,1]]'),
      text.replace(/"timeUs":\[\[\d+,1\]\]/, '"timeUs":[[4,1],[4,1]]'),
    ];
    for (const one of wrong) {
      expect(one).not.toBe(text);
      expect(() => readProfile(one), one.slice(0, 80)).toThrow(expect.objectContaining({ code: 'PROFILE_INVALID' }));
    }
  });

  it('is a profile or PROFILE_INVALID, whatever lies there', () => {
    const text = writeProfile(profileOf(usual), origin);
    const changed = fc
      .tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, put]) => text.slice(0, at) + put + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), changed), (one) => {
        try {
          readProfile(one);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('PROFILE_INVALID');
        }
      }),
    );
  });
});
