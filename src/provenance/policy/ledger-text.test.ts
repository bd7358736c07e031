import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLedger, type Ledger, maxLedgerBytes, parseLedger } from './ledger-text.ts';

const identity = 'ab'.repeat(32);
const text = (models: unknown) => `${JSON.stringify({ format: 'airlock-ledger-v1', models })}\n`;
const parse = (given: string) => parseLedger(Buffer.from(given));

const identities = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const ledgers: fc.Arbitrary<Ledger> = fc
  .array(
    fc.tuple(
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('__proto__', 'constructor', '')),
      fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), identities), { maxLength: 5 }),
    ),
    { maxLength: 4 },
  )
  .map((models) => new Map(models.map(([name, served]) => [name, new Map(served)])));

describe('the record as text', () => {
  it('has one form, with models by name and the newest version first', () => {
    const served = new Map([
      [2n, identity],
      [10n, identity],
    ]);
    const written = formatLedger(
      new Map([
        ['b', served],
        ['a', new Map()],
      ]),
    );
    expect(String(written)).toBe(
      text([
        { name: 'a', versions: [] },
        {
          name: 'b',
          versions: [
            ['10', identity],
            ['2', identity],
          ],
        },
      ]),
    );
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(ledgers, (ledger) => {
        expect(parseLedger(formatLedger(ledger))).toEqual(ledger);
      }),
    );
  });

  it('is refused, or still what was written, after any change of its bytes', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    fc.assert(
      fc.property(ledgers, change, (ledger, { at, byte, cut }) => {
        const bytes = formatLedger(ledger);
        const place = at % bytes.length;
        if (cut) expect(() => parseLedger(bytes.subarray(0, place))).toThrow(expect.objectContaining({ code: 'TRUST_INVALID' }));
        bytes[place] = byte;
        try {
          // A digit of a digest or a number, or a letter of a name, is another one now; what was read is what is written there.
          expect(formatLedger(parseLedger(bytes)).equals(bytes)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'AirlockError', code: 'TRUST_INVALID' });
        }
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]\n'],
    ['null', 'null\n'],
    ['no models', '{"format":"airlock-ledger-v1"}\n'],
    ['models that are none', text({})],
    ['a model that is none', text([7])],
    ['a list for a model', text([[]])],
    ['a model without versions', text([{ name: 'a' }])],
    ['a version that is no pair', text([{ name: 'a', versions: ['1'] }])],
    ['a version that is a number', text([{ name: 'a', versions: [[1, identity]] }])],
    ['a version that is no number', text([{ name: 'a', versions: [['-1', identity]] }])],
    ['a version without a content', text([{ name: 'a', versions: [['1']] }])],
    ['a content in capitals', text([{ name: 'a', versions: [['1', identity.toUpperCase()]] }])],
    ['a version with a zero before it', text([{ name: 'a', versions: [['01', identity]] }])],
    ['a third thing', text([{ name: 'a', versions: [['1', identity, 1]] }])],
    [
      'a version twice',
      text([
        {
          name: 'a',
          versions: [
            ['1', identity],
            ['1', identity],
          ],
        },
      ]),
    ],
    [
      'a model twice',
      text([
        { name: 'a', versions: [] },
        { name: 'a', versions: [] },
      ]),
    ],
    [
      'the wrong order',
      text([
        { name: 'b', versions: [] },
        { name: 'a', versions: [] },
      ]),
    ],
    ['a name that is none', text([{ name: 1, versions: [] }])],
    ['another key', text([{ name: 'a', versions: [], more: 1 }])],
    ['another format', text([]).replace('v1', 'v2')],
    ['blanks', text([]).replace(':', ': ')],
    ['no end of line', text([]).trimEnd()],
    ['something behind it', `${text([])}x`],
  ])('is refused with %s', (_title, given) => {
    expect(() => parse(given)).toThrow(expect.objectContaining({ code: 'TRUST_INVALID' }));
  });

  it('is refused when it is too large', () => {
    expect(() => parseLedger(Buffer.alloc(maxLedgerBytes + 1, ' '))).toThrow(expect.objectContaining({ code: 'TRUST_INVALID' }));
  });
});
