import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTraceParent } from './trace-parent.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('parseTraceParent()', () => {
  it('reads the flag, and a later version that says more', () => {
    expect(parseTraceParent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseTraceParent(`00-${traceId}-${spanId}-02`)).toEqual({ traceId, spanId, isSampled: false });
    expect(parseTraceParent(`00-${traceId}-${spanId}-03`)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseTraceParent(`01-${traceId}-${spanId}-01-what-comes-later`)).toEqual({ traceId, spanId, isSampled: true });
  });

  it.each([
    ['nothing', undefined],
    ['two headers', `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`],
    ['a list', [`00-${traceId}-${spanId}-01`]],
    ['capitals', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['an empty trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['an empty span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the version that never is', `ff-${traceId}-${spanId}-01`],
    ['version 0 with more behind it', `00-${traceId}-${spanId}-01-more`],
    ['something glued to the flags', `01-${traceId}-${spanId}-01more`],
    ['a space before it', ` 00-${traceId}-${spanId}-01`],
    ['a megabyte', `01-${traceId}-${spanId}-01-${'x'.repeat(1_000_000)}`],
  ])('takes %s for none', (_what, header) => {
    expect(parseTraceParent(header)).toBeUndefined();
  });

  it('gives nothing but hex digits of the right number, whatever comes', () => {
    const header = fc.oneof(
      fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 600 }),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefF-g, '), minLength: 50, maxLength: 60 }),
      fc
        .tuple(fc.constantFrom('00', '01', 'ff'), fc.string(), fc.string(), fc.string())
        .map(([version, a, b, c]) => `${version}-${a}${traceId.slice(a.length)}-${b}${spanId.slice(b.length)}-${c}`),
    );
    fc.assert(
      fc.property(header, (text) => {
        const parent = parseTraceParent(text);
        if (parent === undefined) return;
        expect(parent.traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(parent.spanId).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });
});
