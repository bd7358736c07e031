// The compiler against a direct reading of the rules, on random policies: the interpreter of the kernel's format must decide as the
// rules say, for calls inside of them, just outside, and from other architectures.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpretFilter } from '../../tests/support/interpret-filter.ts';
import { compileFilter, returnValue } from './compile-filter.ts';
import { type Action, type Condition, int, long, type Policy, type Rule } from './rules.ts';
import { type Architecture, callNames, callNumber } from './syscall-numbers.ts';

const architectures: readonly Architecture[] = ['x86_64', 'aarch64'];
const actions: readonly Action[] = ['allow', 'kill', 'EPERM', 'EACCES', 'ENOSYS'];

/** What the rules say, without bytes and jumps. */
function decide({ rules, otherwise }: Policy, call: string, values: readonly bigint[]): Action {
  const holds = ({ argument, width, oneOf, ignoring }: Condition): boolean =>
    oneOf.some((value) => (BigInt.asUintN(width, values[argument]) & ~BigInt(ignoring)) === BigInt(value));
  return rules.find((rule) => rule.call === call && rule.when.every(holds))?.action ?? otherwise;
}

const word = fc.oneof(fc.nat(7), fc.constantFrom(0x80000000, 0xffffffff, 0x3d0f00), fc.integer({ min: 0, max: 0xffffffff }));
const action = fc.constantFrom(...actions);
const someCalls = callNames.slice(0, 8);
const condition: fc.Arbitrary<Condition> = fc
  .record({
    argument: fc.nat(5),
    width: fc.constantFrom(32 as const, 64 as const),
    oneOf: fc.array(word, { minLength: 1, maxLength: 4 }),
    ignoring: fc.oneof(fc.constant(0), word),
  })
  // A value with a bit that is ignored can never be.
  .map((made) => ({ ...made, oneOf: made.oneOf.map((value) => (value & ~made.ignoring) >>> 0) }));
const rule: fc.Arbitrary<Rule> = fc.record({
  call: fc.constantFrom(...someCalls),
  when: fc.array(condition, { maxLength: 3 }),
  action,
  why: fc.constant('a test'),
});
const policy: fc.Arbitrary<Policy> = fc.record({ rules: fc.array(rule, { maxLength: 10 }), otherwise: action });

/** Values that are likely to meet conditions: the same small numbers, with and without an upper half. */
const value = fc
  .tuple(word, fc.constantFrom(0n, 0n, 1n, 0x80000000n, 0xffffffffn))
  .map(([low, high]) => (high << 32n) | BigInt(low));

describe('compileFilter', () => {
  it('decides as the rules do', () => {
    fc.assert(
      fc.property(
        policy,
        fc.array(fc.tuple(fc.constantFrom(...someCalls), fc.array(value, { minLength: 6, maxLength: 6 })), { maxLength: 20 }),
        fc.constantFrom(...architectures),
        (made, calls, architecture) => {
          const program = compileFilter(made, architecture);
          for (const [call, values] of calls) {
            const number = callNumber(call, architecture);
            if (number === undefined) continue;
            const decided = interpretFilter(program, { number, values, architecture });
            expect(decided).toBe(returnValue(decide(made, call, values)));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('decides for values that meet a condition, bit by bit', () => {
    fc.assert(
      fc.property(condition, fc.nat(63), (made, bit) => {
        const policyOfOne: Policy = {
          rules: [{ call: 'read', when: [made], action: 'allow', why: 'a test' }],
          otherwise: 'kill',
        };
        const program = compileFilter(policyOfOne, 'x86_64');
        const values = [0n, 0n, 0n, 0n, 0n, 0n];
        values[made.argument] = BigInt(made.oneOf[0]) ^ (1n << BigInt(bit));
        const decided = interpretFilter(program, { number: 0, values, architecture: 'x86_64' });
        expect(decided).toBe(returnValue(decide(policyOfOne, 'read', values)));
      }),
      { numRuns: 1000 },
    );
  });

  it('ends a process that calls by another architecture, whatever the rules allow', () => {
    const all: Policy = { rules: [], otherwise: 'allow' };
    const decide = (architecture: Architecture | number, number: number): number =>
      interpretFilter(compileFilter(all, 'x86_64'), { number, values: [], architecture });
    expect(decide('x86_64', 20)).toBe(returnValue('allow'));
    expect(decide('aarch64', 20)).toBe(returnValue('kill'));
    // AUDIT_ARCH_I386: the same kernel, by `int 0x80`.
    expect(decide(0x40000003, 20)).toBe(returnValue('kill'));
    // The x32 interface has the architecture of x86_64 and a bit in the number.
    expect(decide('x86_64', 0x40000000)).toBe(returnValue('kill'));
    expect(decide('x86_64', 0x4000003b)).toBe(returnValue('kill'));
    expect(decide('x86_64', 0x3fffffff)).toBe(returnValue('allow'));
  });

  it('takes the first rule that holds', () => {
    const rules = [int(1, [3]), long(1, [3])].map((made, index): Rule => {
      return { call: 'ioctl', when: [made], action: index === 0 ? 'EPERM' : 'allow', why: 'a test' };
    });
    const program = compileFilter({ rules, otherwise: 'kill' }, 'x86_64');
    expect(interpretFilter(program, { number: 16, values: [0n, 3n], architecture: 'x86_64' })).toBe(returnValue('EPERM'));
  });

  it('refuses rules that are longer than a jump', () => {
    const when = new Array(100).fill(long(0, [1, 2]));
    expect(() =>
      compileFilter({ rules: [{ call: 'read', when, action: 'allow', why: 'a test' }], otherwise: 'kill' }, 'x86_64'),
    ).toThrow(RangeError);
  });
});
