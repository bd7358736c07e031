// The tables hold what a worker needs and no more: in lives of real workers every rule is met, except those that say why no test
// meets them, and nothing is called that no rule knows.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadingPolicy } from '../../../src/jail/loading-rules.ts';
import type { Policy, Rule } from '../../../src/jail/rules.ts';
import { servingPolicy } from '../../../src/jail/serving-rules.ts';
import { callNumber, hostArchitecture } from '../../../src/jail/syscall-numbers.ts';
import { notBuilt } from '../../support/jail-level.ts';
import { needsRuntime } from '../../support/runtime.ts';
import { type TracedCall, type TracedLife, traceWorker } from './traced-worker.ts';

const digits = path.resolve(import.meta.dirname, '../../../examples/digits/1');

function lacking(): string {
  if (spawnSync('strace', ['-V']).status !== 0) return ' (skipped: strace is not installed)';
  if (spawnSync('strace', ['-qq', 'true']).status !== 0) return ' (skipped: strace may not trace here)';
  return notBuilt || needsRuntime;
}

const whyNot = lacking();

/** TensorFlow names threads by writing to a file, V8 asks for memory protection keys; the others are the worker's self-test. */
const survived: ReadonlySet<string> = new Set(['openat', 'pkey_alloc', 'getppid', 'socket', 'kill', 'unshare', 'memfd_create']);

function met({ rules }: Policy, { call, values }: TracedCall): Rule | undefined {
  return rules.find(
    (rule) =>
      rule.call === call &&
      rule.when.every(({ argument, width, oneOf, ignoring }) => {
        const value = BigInt.asUintN(width, values[argument] ?? 0n) & ~BigInt(ignoring);
        return oneOf.some((one) => BigInt(one) === value);
      }),
  );
}

const name = ({ call, action, when }: Rule): string =>
  `${action} ${call} ${when.map(({ oneOf }) => oneOf.join('|')).join(' ')}`.trim();

describe.skipIf(whyNot !== '')(`workers under strace${whyNot}`, () => {
  let lives: readonly TracedLife[] = [];
  beforeAll(async () => {
    lives = [
      await traceWorker(digits, { threads: 1, executableMemory: 'denied' }),
      await traceWorker(digits, { threads: 2, executableMemory: 'allowed' }),
    ];
  });

  it.each([
    ['loading', loadingPolicy(0), 30],
    ['serving', servingPolicy(0), 15],
  ] as const)('meet every rule of the %s filter that is not marked as rare', (phase, policy, least) => {
    // The loading filter stays when the other is added.
    const calls = lives.flatMap(({ loading, serving }) => (phase === 'loading' ? [...loading, ...serving] : serving));
    const seen = new Set(calls.map((call) => met(policy, call)));
    expect(seen.size).toBeGreaterThan(least);
    const here = policy.rules.filter(({ call }) => callNumber(call, hostArchitecture()) !== undefined);
    expect(here.filter((rule) => rule.rare === undefined && !seen.has(rule)).map(name)).toEqual([]);
  });

  it('call nothing after the seal that the filter ends a process for', () => {
    const calls = lives.flatMap(({ serving }) => serving);
    expect(calls.length).toBeGreaterThan(100);
    const beside = calls.filter((call) => met(servingPolicy(0), call) === undefined);
    expect(beside.map(({ call, values }) => `${call} ${values.map((value) => value.toString(16)).join(' ')}`)).toEqual([]);
  });

  it('are refused by default only what they are known to survive', () => {
    const refused = lives.flatMap(({ loading }) => loading.filter((call) => met(loadingPolicy(0), call) === undefined));
    const unnamed = lives.flatMap(({ unknown }) => [...unknown]);
    const others = [...refused.map(({ call }) => call), ...unnamed].filter((call) => !survived.has(call));
    expect([...new Set(others)]).toEqual([]);
  });
});
