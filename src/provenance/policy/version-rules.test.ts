import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VersionPolicy } from '../../config/index.ts';
import { checkVersion, newestFirst } from './version-rules.ts';

const recorded = (...versions: number[]) => new Map(versions.map((version) => [BigInt(version), `content of ${version}`]));
const latest = (count: number): VersionPolicy => ({ kind: 'latest', count });

function check(served: ReadonlyMap<bigint, string>, version: number, versions: VersionPolicy) {
  return checkVersion(served, { version: BigInt(version), identity: `content of ${version}`, versions })?.code;
}

describe('checkVersion()', () => {
  it('lets everything pass where nothing was served', () => {
    for (const policy of [latest(1), latest(3), { kind: 'all' } as const]) expect(check(recorded(), 0, policy)).toBeUndefined();
  });

  it('refuses another content for a version that was served, whatever is asked for', () => {
    for (const versions of [latest(1), { kind: 'all' } as const, { kind: 'specific', versions: [3n] } as const]) {
      const refusal = checkVersion(recorded(3), { version: 3n, identity: 'another', versions });
      expect(refusal).toEqual({
        code: 'TRUST_REFUSED',
        expected: 'the content content of 3, which version 3 had when it was served',
        got: 'another',
      });
    }
  });

  it('refuses what is below the newest, and takes the newest again after a restart', () => {
    expect(check(recorded(3, 5), 4, latest(1))).toBe('MODEL_ROLLBACK');
    expect(check(recorded(3, 5), 3, latest(1))).toBe('MODEL_ROLLBACK');
    expect(check(recorded(3, 5), 5, latest(1))).toBeUndefined();
    expect(check(recorded(3, 5), 6, latest(1))).toBeUndefined();
  });

  it('refuses what is below the k newest', () => {
    const served = recorded(1, 3, 5, 10);
    expect([1, 2, 3, 4].map((version) => check(served, version, latest(2)))).toEqual(Array(4).fill('MODEL_ROLLBACK'));
    expect([5, 7, 10, 11].map((version) => check(served, version, latest(2)))).toEqual(Array(4).fill(undefined));
  });

  it('lets no older one fill up the k newest later', () => {
    expect(check(recorded(5), 4, latest(2))).toBe('MODEL_ROLLBACK');
    expect(check(recorded(5), 5, latest(2))).toBeUndefined();
    expect(check(recorded(4, 5), 3, latest(2))).toBe('MODEL_ROLLBACK');
    expect(check(recorded(4, 5), 4, latest(2))).toBeUndefined();
  });

  it('takes old versions where the operator asks for them', () => {
    expect(check(recorded(5), 1, { kind: 'all' })).toBeUndefined();
    expect(check(recorded(5), 1, { kind: 'specific', versions: [1n] })).toBeUndefined();
  });

  it('says from which version on', () => {
    const question = { version: 3n, identity: 'x', versions: latest(1) };
    expect(checkVersion(recorded(5), question)).toEqual({
      code: 'MODEL_ROLLBACK',
      expected: 'version 5 or a newer one, because it was served before',
      got: '3',
    });
  });

  it('never lets the newest version sink, however versions come, go and are served', () => {
    const action = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
        const served = new Map<bigint, string>();
        let newest = -1;
        for (const version of actions) {
          if (check(served, version, latest(1)) !== undefined) continue;
          expect(version).toBeGreaterThanOrEqual(newest);
          newest = version;
          served.set(BigInt(version), `content of ${version}`);
        }
      }),
    );
  });
});

it('newestFirst() sorts as numbers', () => {
  expect(newestFirst([2n, 10n, 9_223_372_036_854_775_807n, 1n])).toEqual([9_223_372_036_854_775_807n, 10n, 2n, 1n]);
});
