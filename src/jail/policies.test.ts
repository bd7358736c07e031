// The two tables, read on both architectures: every rule allows what it says and nothing one step beside it, and nothing that no
// rule names gets through.
import { describe, expect, it } from 'vitest';
import { interpretFilter } from '../../tests/support/interpret-filter.ts';
import { compileFilter, returnValue } from './compile-filter.ts';
import { loadingPolicy } from './loading-rules.ts';
import type { Condition, Policy, Rule } from './rules.ts';
import { servingPolicy } from './serving-rules.ts';
import { type Architecture, type CallName, callNames, callNumber } from './syscall-numbers.ts';

const processId = 4242;
const architectures: readonly Architecture[] = ['x86_64', 'aarch64'];
const policies: readonly (readonly [string, Policy])[] = [
  ['loading', loadingPolicy(processId)],
  ['serving', servingPolicy(processId)],
];
const cases = policies.flatMap(([name, policy]) => architectures.map((architecture) => ({ name, policy, architecture })));

/** Arguments that meet every condition of a rule. */
function valuesOf(rule: Rule): bigint[] {
  const values = [0n, 0n, 0n, 0n, 0n, 0n];
  for (const { argument, oneOf } of rule.when) values[argument] = BigInt(oneOf[0]);
  return values;
}

/** Arguments that fail one condition by one bit: each bit that is not ignored, and where the kernel reads 64 bits, the upper ones. */
function outside(rule: Rule, { argument, width, oneOf, ignoring }: Condition): bigint[][] {
  const bits = Array.from({ length: width }, (_, bit) => 1n << BigInt(bit));
  return bits
    .filter((bit) => (BigInt(ignoring) & bit) === 0n)
    .map((bit) => valuesOf(rule).with(argument, BigInt(oneOf[0]) ^ bit))
    .filter((values) => !oneOf.includes(Number(values[argument])));
}

describe.each(cases)('the $name filter on $architecture', ({ policy, architecture }) => {
  const program = compileFilter(policy, architecture);
  const decide = (number: number, values: readonly bigint[]): number =>
    interpretFilter(program, { number, values, architecture });
  const rules = policy.rules.filter(({ call }) => callNumber(call, architecture) !== undefined);

  it('does what each rule says, whatever the bits that it ignores', () => {
    for (const rule of rules) {
      const number = callNumber(rule.call, architecture) ?? -1;
      const values = valuesOf(rule);
      expect(decide(number, values), rule.call).toBe(returnValue(rule.action));
      for (const { argument, ignoring } of rule.when) values[argument] |= BigInt(ignoring);
      expect(decide(number, values), rule.call).toBe(returnValue(rule.action));
    }
  });

  it('does nothing of it one bit beside', () => {
    let tried = 0;
    for (const rule of rules) {
      const others = rules.filter(({ call, when }) => call === rule.call && when[0]?.argument === rule.when[0]?.argument);
      const other = (value: bigint): boolean => others.some(({ when }) => when[0].oneOf.includes(Number(value)));
      for (const condition of rule.when) {
        for (const values of outside(rule, condition)) {
          // prctl has a rule for each operation; a neighbour of one may be another.
          if (others.length > 1 && condition.argument === 0 && other(values[0])) continue;
          tried++;
          const decided = decide(callNumber(rule.call, architecture) ?? -1, values);
          expect(decided, `${rule.call} ${values.join()}`).toBe(returnValue(policy.otherwise));
        }
      }
    }
    expect(tried).toBeGreaterThan(200);
  });

  it('lets no call through that no rule names', () => {
    const named = new Set(rules.map(({ call }) => callNumber(call, architecture)));
    for (let number = 0; number < 1000; number++) {
      if (!named.has(number)) expect(decide(number, []), String(number)).toBe(returnValue(policy.otherwise));
    }
  });

  it('says of every rule why it is there, and of no call twice the same', () => {
    for (const { call, why } of policy.rules) expect(why.length, call).toBeGreaterThan(5);
    const texts = policy.rules.map(({ call, when }) => JSON.stringify([call, when]));
    expect(new Set(texts).size).toBe(texts.length);
  });
});

/** Calls that would be a way out, by hand and not from the tables: name, call, arguments. Numbers are those of x86_64's headers. */
const waysOut: readonly (readonly [string, CallName, readonly bigint[]])[] = [
  ['a signal to another process', 'tgkill', [1n, 1n, 9n]],
  ['fork', 'clone', [17n]],
  ['a process that shares memory', 'clone', [0x100n | 17n]],
  ['a user namespace', 'clone', [0x10000000n | 17n]],
  ['a thread in a new network namespace', 'clone', [0x3d0f00n | 0x40000000n]],
  ['shared memory', 'mmap', [0n, 4096n, 3n, 0x21n]],
  ['a stack that grows', 'mmap', [0n, 4096n, 3n, 0x122n]],
  ['huge pages', 'mmap', [0n, 4096n, 3n, 0x40022n]],
  ['a file that is written', 'openat', [0n, 0n, 1n]],
  ['a file that is read and written', 'openat', [0n, 0n, 2n]],
  ['a new file', 'openat', [0n, 0n, 0o100n]],
  ['a file that is emptied', 'openat', [0n, 0n, 0o1000n]],
  ['a file without a name', 'openat', [0n, 0n, 0o20200000n]],
  ['a path that is kept without opening it', 'openat', [0n, 0n, 0o10000000n]],
  ['being dumpable again', 'prctl', [4n, 1n]],
  ['letting another process trace', 'prctl', [0x59616d61n, 1n]],
  ['ambient capabilities', 'prctl', [47n, 2n]],
  ['a filter on one thread', 'seccomp', [1n, 0n]],
  ['a filter that asks another process', 'seccomp', [1n, 8n]],
  ['a limit of its own', 'prlimit64', [0n, 2n, 0x1000n]],
  ['the limits of another process', 'prlimit64', [1n, 2n, 0n]],
  ['signals from a file descriptor', 'fcntl', [3n, 8n]],
  ['typing into a terminal', 'ioctl', [0n, 0x5412n]],
  ['a futex with priorities', 'futex', [0n, 6n]],
  ['moving a futex', 'futex', [0n, 12n]],
  ['growing memory at a chosen address', 'mremap', [0n, 0n, 0n, 3n]],
];

describe('the two filters', () => {
  it.each(waysOut)('refuse %s', (_, call, values) => {
    for (const { policy, architecture } of cases) {
      const number = callNumber(call, architecture) ?? -1;
      const decided = interpretFilter(compileFilter(policy, architecture), { number, values, architecture });
      expect(decided).not.toBe(returnValue('allow'));
    }
  });

  it('allow together what serving allows: a call must pass both', () => {
    for (const architecture of architectures) {
      const loading = compileFilter(loadingPolicy(processId), architecture);
      for (const rule of servingPolicy(processId).rules) {
        const number = callNumber(rule.call, architecture);
        if (number === undefined || rule.action !== 'allow') continue;
        expect(interpretFilter(loading, { number, values: valuesOf(rule), architecture }), rule.call).toBe(returnValue('allow'));
      }
    }
  });

  it('allow no call in serving that could make a file, a process or a connection', () => {
    const allowed = new Set(
      servingPolicy(processId)
        .rules.filter(({ action }) => action === 'allow')
        .map(({ call }) => call),
    );
    for (const call of [
      'openat',
      'execve',
      'socket',
      'seccomp',
      'kill',
      'unshare',
      'access',
      'faccessat2',
      'memfd_create',
    ] as const) {
      expect(callNames).toContain(call);
      expect(allowed.has(call), call).toBe(false);
    }
  });
});
