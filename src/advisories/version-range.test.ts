import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, isAffected, type RangeEvent, rangesOfEvents } from './version-range.ts';

describe('compareVersions()', () => {
  it('orders as PEP 440: pre-releases before, post-releases after', () => {
    const sorted = ['1.0.dev1', '1.0a1', '1.0b2', '1.0rc1', '1.0', '1.0.post1', '1.0.1', '2.9.1', '2.10.0rc0', '2.10.0'];
    for (const [index, left] of sorted.entries()) {
      for (const [other, right] of sorted.entries())
        expect(Math.sign(compareVersions(left, right) ?? 9), `${left} ${right}`).toBe(Math.sign(index - other));
    }
    expect(compareVersions('2.7.0-rc.1', '2.7.0rc1')).toBe(0);
    expect(compareVersions('2.7.0', 'nightly')).toBeUndefined();
    expect(compareVersions('2.7.0+local', '2.7.0')).toBeUndefined();
  });
});

const version = fc.tuple(fc.nat(3), fc.nat(4), fc.nat(2)).map((parts) => parts.join('.'));
const event: fc.Arbitrary<RangeEvent> = fc.record({
  kind: fc.constantFrom<RangeEvent['kind']>('introduced', 'fixed', 'lastAffected'),
  version,
});

/** As the schema of OSV evaluates: events in order of version, the state of the last one that is not after it. */
function evaluate(wanted: string, events: readonly RangeEvent[]): boolean {
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0);
  const ranks = { fixed: 0, introduced: 1, lastAffected: 2 };
  let state = false;
  for (const { kind, version: bound } of [...events].sort(
    (a, b) => number(a.version) - number(b.version) || ranks[a.kind] - ranks[b.kind],
  )) {
    if (kind === 'introduced' && number(wanted) >= number(bound)) state = true;
    if (kind === 'fixed' && number(wanted) >= number(bound)) state = false;
    if (kind === 'lastAffected' && number(wanted) > number(bound)) state = false;
  }
  return state;
}

describe('rangesOfEvents()', () => {
  it('means what the events mean, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), version, (events, wanted) => {
        expect(isAffected(wanted, rangesOfEvents(events))).toBe(evaluate(wanted, events));
        expect(rangesOfEvents([...events].reverse())).toEqual(rangesOfEvents(events));
      }),
    );
  });

  it('stretches a range whose bound cannot be read', () => {
    expect(rangesOfEvents([{ kind: 'introduced', version: 'x' }])).toEqual([{ introduced: '0' }]);
    const events: RangeEvent[] = [
      { kind: 'introduced', version: '1.0' },
      { kind: 'fixed', version: 'next' },
    ];
    expect(rangesOfEvents(events)).toEqual([{ introduced: '1.0' }]);
  });
});
