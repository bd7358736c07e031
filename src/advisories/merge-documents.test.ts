import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advisoryDocument } from './advisory-data.ts';
import type { Advisory, AdvisoryDocument, PublishedRecord } from './advisory-types.ts';
import { deriveAdvisories, idsOf } from './derive-advisories.ts';
import { addRecords, mergeDocuments } from './merge-documents.ts';
import { checkedDocument } from './read-document.ts';

const built = advisoryDocument();
const some = { ...built, tensorflow: built.tensorflow.slice(0, 8), keras: built.keras.slice(0, 2) };
const knownIds = some.tensorflow.flatMap(idsOf);
const id = fc.oneof(
  fc.constantFrom(...knownIds),
  fc.nat(6).map((number) => `CVE-2026-100${number}`),
  fc.nat(6).map((number) => `PYSEC-2026-${number}`),
  fc.nat(4).map((number) => `GHSA-aaaa-bbbb-ccc${number}`),
);
const range = fc.constantFrom(
  { introduced: '0' },
  { introduced: '2.20.0', fixed: '2.21.1' },
  { introduced: '0', fixed: '2.3.0' },
);
const ranges = fc.array(range, { maxLength: 2 });
const record: fc.Arbitrary<PublishedRecord> = fc.record({
  id,
  aliases: fc.uniqueArray(id, { maxLength: 3 }),
  modified: fc.constantFrom('', '2026-11-24T00:00:00.000Z', '2026-11-25T00:00:00.000Z'),
  title: fc.constantFrom('one', 'two'),
  affected: fc.oneof(
    ranges.map((tensorflow) => ({ tensorflow })),
    ranges.map((keras) => ({ keras })),
  ),
});
const records = fc.array(record, { maxLength: 8 });
const oneMore = fc.option(record, { nil: undefined });
const withoutUndefined = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** What somebody who judges sees. */
const seen = ({ tensorflow, keras, records: all }: AdvisoryDocument): unknown => [
  deriveAdvisories(tensorflow, all, 'tensorflow'),
  deriveAdvisories(keras, all, 'keras'),
];

describe('addRecords() and mergeDocuments()', () => {
  it('give the same for the same updates in any order, and for one that comes twice', () => {
    fc.assert(
      fc.property(records, records, (a, b) => {
        const ab = addRecords(addRecords(some, a, '2026-11-24'), b, '2026-11-25');
        const ba = addRecords(addRecords(some, b, '2026-11-25'), a, '2026-11-24');
        expect(ab).toEqual(ba);
        expect(addRecords(ab, a, '2026-11-24')).toEqual(ab);
        const [x, y] = [addRecords(some, a), addRecords(some, b)];
        expect(mergeDocuments(x, y)).toEqual(mergeDocuments(y, x));
        expect(mergeDocuments(x, x)).toEqual(x);
        expect(seen(mergeDocuments(x, y))).toEqual(seen(addRecords(some, [...b, ...a])));
      }),
    );
  });

  it('never lose an id', () => {
    fc.assert(
      fc.property(records, oneMore, (list, more) => {
        const all = more === undefined ? list : [...list, more];
        const document = addRecords(some, all);
        for (const name of ['tensorflow', 'keras'] as const) {
          const derived = deriveAdvisories(document[name], document.records, name);
          const ids = new Set(derived.flatMap(idsOf));
          for (const one of some[name]) for (const known of idsOf(one)) expect(ids).toContain(known);
          for (const one of document.records) if (one.affected[name] !== undefined) expect(ids).toContain(one.id);
          expect(new Set(derived.map((one) => one.id)).size).toBe(derived.length);
        }
        expect(document.records.map((one) => one.id).sort()).toEqual([...new Set(all.map((one) => one.id))].sort());
        expect(checkedDocument(withoutUndefined(document), 'x')).toEqual(withoutUndefined(document));
      }),
    );
  });

  it('keep corrected ranges, whatever feeds say', () => {
    fc.assert(
      fc.property(records, (list) => {
        const { records: all } = addRecords(some, list);
        const derived = new Map(deriveAdvisories(some.tensorflow, all, 'tensorflow').map((one) => [one.id, one]));
        for (const own of some.tensorflow) {
          expect(own.basis).not.toBe('published');
          expect(derived.get(own.id)).toMatchObject({ affected: own.affected, fixed: own.fixed, basis: own.basis });
        }
      }),
    );
  });

  it('let the newer of two own entries count, and keep what only one side has', () => {
    const [first, second] = built.tensorflow;
    const better: Advisory = { ...first, severity: 'low', title: 'Better known by now' };
    const old = { ...some, tensorflow: [first, second] };
    const fresh = { ...some, read: '2026-12-01', curated: '2026-12-01', tensorflow: [better] };
    for (const merged of [mergeDocuments(old, fresh), mergeDocuments(fresh, old)])
      expect([merged.read, merged.tensorflow]).toEqual(['2026-12-01', [better, second]]);
  });
});

describe('deriveAdvisories()', () => {
  const own = built.tensorflow.find(({ cve }) => cve === 'CVE-2022-35934') as Advisory;
  const base: PublishedRecord = {
    id: own.id,
    aliases: ['CVE-2022-35934', 'PYSEC-2022-1'],
    modified: '2026-11-25T00:00:00.000Z',
    title: 'As published',
    affected: { tensorflow: [{ introduced: '2.9.0', fixed: '2.9.1' }] },
  };
  const derived = (list: readonly PublishedRecord[], curated = [own]) => deriveAdvisories(curated, list, 'tensorflow');

  it('shows what is published beside our ranges, and learns aliases', () => {
    const [one, ...others] = derived([base]);
    expect(others).toEqual([]);
    expect(one).toMatchObject({ affected: own.affected, asPublished: base.affected.tensorflow, aliases: ['PYSEC-2022-1'] });
    const [right] = derived([{ ...base, affected: { tensorflow: own.affected } }]);
    expect(right).not.toHaveProperty('asPublished');
  });

  it('marks what was taken back, when all records were', () => {
    const withdrawn = { ...base, withdrawn: '2026-11-26' };
    expect(derived([withdrawn])[0].withdrawn).toBe('2026-11-26');
    expect(derived([withdrawn, { ...base, id: 'PYSEC-2022-1', aliases: [own.id] }])[0]).not.toHaveProperty('withdrawn');
  });

  it('makes one advisory of records that are about the same, the worst of what they say', () => {
    const ghsa: PublishedRecord = {
      ...base,
      id: 'GHSA-aaaa-bbbb-cccc',
      aliases: ['CVE-2026-1'],
      severity: 'medium',
      affected: { tensorflow: [{ introduced: '2.20.0', fixed: '2.20.1' }] },
    };
    const pysec: PublishedRecord = {
      ...base,
      id: 'PYSEC-2026-1',
      aliases: ['CVE-2026-1'],
      severity: 'critical',
      affected: { tensorflow: [{ introduced: '2.21.0' }] },
    };
    const [one, ...others] = derived([pysec, ghsa], []);
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      id: 'GHSA-aaaa-bbbb-cccc',
      cve: 'CVE-2026-1',
      aliases: ['PYSEC-2026-1'],
      severity: 'critical',
      basis: 'feed',
      affected: [{ introduced: '2.20.0', fixed: '2.20.1' }, { introduced: '2.21.0' }],
      fixed: ['2.20.1'],
    });
  });

  it('is not held up by long chains of aliases', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      ...base,
      id: `CVE-2026-${100_000 + index}`,
      aliases: [`CVE-2026-${100_001 + index}`],
    }));
    expect(derived(many, [])).toHaveLength(1);
  });
});
