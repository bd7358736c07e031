import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRecords, advisoryDocument, checkedDocument } from '../advisories/index.ts';
import { cvss3Score, severityOfScore } from './cvss.ts';
import { readOsvRecord } from './osv-record.ts';

const osv = (more: object = {}): object => ({
  id: 'GHSA-aaaa-bbbb-cccc',
  modified: '2026-11-25T10:00:00Z',
  published: '2026-11-24T10:00:00Z',
  aliases: ['CVE-2026-1234', 'PYSEC-2026-9'],
  summary: 'Something in an operation',
  details: 'Long',
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'PyPI', name: 'tensorflow' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '2.20.0' }, { fixed: '2.21.1' }] }],
      versions: ['2.20.0'],
    },
    { package: { ecosystem: 'PyPI', name: 'tensorflow-gpu' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }] },
  ],
  ...more,
});

describe('readOsvRecord()', () => {
  it('takes what is used', () => {
    expect(readOsvRecord(osv())).toEqual({
      id: 'GHSA-aaaa-bbbb-cccc',
      aliases: ['CVE-2026-1234', 'PYSEC-2026-9'],
      modified: '2026-11-25T10:00:00.000Z',
      published: '2026-11-24',
      severity: 'critical',
      title: 'Something in an operation',
      affected: { tensorflow: [{ introduced: '2.20.0', fixed: '2.21.1' }] },
    });
  });

  it('takes the words of the database before the score, and neither where there is none', () => {
    const severity = (more: object): unknown => (readOsvRecord(osv(more)) as { severity?: string }).severity;
    expect(severity({ database_specific: { severity: 'MODERATE' } })).toBe('medium');
    expect(severity({ database_specific: { severity: 'odd' } })).toBe('critical');
    expect(severity({ severity: [{ type: 'CVSS_V4', score: 'CVSS:4.0/AV:N' }] })).toBeUndefined();
  });

  it.each([
    ['last affected', [{ introduced: '0' }, { last_affected: '2.5.0' }], [{ introduced: '0', lastAffected: '2.5.0' }]],
    ['in another order', [{ fixed: '2.5.1' }, { introduced: '2.5.0' }], [{ introduced: '2.5.0', fixed: '2.5.1' }]],
    ['with a limit', [{ introduced: '2.5.0' }, { limit: '3' }], [{ introduced: '2.5.0' }]],
    ['with an end that cannot be read', [{ introduced: '2.5.0' }, { fixed: 'soon' }], [{ introduced: '2.5.0' }]],
  ])('reads ranges %s', (_, events, expected) => {
    const affected = [{ package: { ecosystem: 'PyPI', name: 'TensorFlow' }, ranges: [{ type: 'ECOSYSTEM', events }] }];
    expect(readOsvRecord(osv({ affected }))).toMatchObject({ affected: { tensorflow: expected } });
  });

  it('reads versions where there is no range, and passes over commits', () => {
    const affected = [
      {
        package: { ecosystem: 'PyPI', name: 'keras' },
        ranges: [{ type: 'GIT', events: [{ introduced: '0' }, { fixed: 'abc' }] }],
        versions: ['3.1.0', 'odd one'],
      },
    ];
    const expected = { keras: [{ introduced: '3.1.0', lastAffected: '3.1.0' }] };
    expect(readOsvRecord(osv({ affected }))).toMatchObject({ affected: expected });
  });

  it('takes versions that no range has, of each part of the record', () => {
    const tensorflow = { ecosystem: 'PyPI', name: 'tensorflow' };
    const affected = [
      {
        package: tensorflow,
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '2.9.0' }, { fixed: '2.9.2' }] }],
        versions: ['2.9.0', '2.9.1', '2.8.0'],
      },
      { package: tensorflow, versions: ['2.7.0'] },
    ];
    expect(readOsvRecord(osv({ affected }))).toMatchObject({
      affected: {
        tensorflow: [
          { introduced: '2.9.0', fixed: '2.9.2' },
          { introduced: '2.8.0', lastAffected: '2.8.0' },
          { introduced: '2.7.0', lastAffected: '2.7.0' },
        ],
      },
    });
  });

  it('refuses more ranges than a document holds', () => {
    const events = Array.from({ length: 1000 }, (_, at) => (at % 2 === 0 ? { introduced: `1.${at}` } : { fixed: `1.${at}` }));
    const range = { type: 'ECOSYSTEM', events };
    const one = { package: { ecosystem: 'PyPI', name: 'keras' }, ranges: [range, range, range] };
    const versions = Array.from({ length: 1000 }, (_, at) => `2.${at}`);
    expect(readOsvRecord(osv({ affected: [{ ...one, versions }] }))).toBe('it has too many ranges');
  });

  it('gives nothing for other packages, and says why what is no record is none', () => {
    expect(readOsvRecord(osv({ affected: [{ package: { ecosystem: 'npm', name: 'tensorflow' } }] }))).toBeUndefined();
    expect(readOsvRecord(osv({ affected: [] }))).toBeUndefined();
    for (const bad of [undefined, [], {}, osv({ id: '../x' }), osv({ modified: 'yesterday' }), osv({ affected: 5 })])
      expect(typeof readOsvRecord(bad)).toBe('string');
    const affected = [
      { package: { ecosystem: 'PyPI', name: 'keras' }, ranges: [{ type: 'ECOSYSTEM', events: [{ later: '1' }] }] },
    ];
    expect(readOsvRecord(osv({ affected }))).toContain('event');
  });

  it('makes text safe to show', () => {
    const { title } = readOsvRecord(osv({ summary: '\u001b[2J\u202ea' })) as { title: string };
    expect(title).toBe('\\u{1b}[2J\\u{202e}a');
    expect((readOsvRecord(osv({ summary: '', details: '\n### Impact\nx' })) as { title: string }).title).toBe('Impact');
  });

  it('never throws, and gives only what a document may hold', () => {
    const base = advisoryDocument();
    const small = { ...base, tensorflow: base.tensorflow.slice(0, 1), keras: [] };
    const check = (value: unknown): void => {
      const record = readOsvRecord(value);
      if (record === undefined || typeof record === 'string') return;
      expect(() => checkedDocument(addRecords(small, [record]), 'x')).not.toThrow();
    };
    fc.assert(fc.property(fc.jsonValue(), check));
    const text = fc.oneof(fc.string({ maxLength: 70 }), fc.constantFrom('2.1.0', '0', '2.0rc1', 'x', '1.0.post1', '\u0000'));
    const events = fc.array(fc.record({ introduced: text, fixed: text, last_affected: text }, { requiredKeys: [] }), {
      maxLength: 4,
    });
    const shaped = fc.record({
      id: fc.oneof(fc.constant('PYSEC-2026-1'), text),
      modified: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:00+02:00', ''),
      withdrawn: fc.option(fc.constantFrom('2026-01-01T00:00:00Z', 'x')),
      aliases: fc.array(text, { maxLength: 3 }),
      summary: fc.oneof(text, fc.constant('\u202e'.repeat(200))),
      affected: fc.array(
        fc.record({
          package: fc.record({ ecosystem: fc.constant('PyPI'), name: fc.constantFrom('tensorflow', 'keras', 'numpy') }),
          ranges: fc.array(fc.record({ type: fc.constantFrom('ECOSYSTEM', 'GIT'), events }), { maxLength: 2 }),
          versions: fc.array(text, { maxLength: 3 }),
        }),
        { maxLength: 3 },
      ),
    });
    fc.assert(fc.property(shaped, check));
  });
});

describe('cvss3Score()', () => {
  // Examples of FIRST's specification and of advisories that name both.
  it.each([
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
    ['CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10],
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H', 5.9],
    ['CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H', 5.5],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
    ['CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N', 0],
  ])('gives %s %d', (vector, score) => expect(cvss3Score(vector)).toBe(score));

  it('gives nothing for what is no such vector', () => {
    for (const vector of ['', 'CVSS:4.0/AV:N', 'CVSS:3.1/AV:N', 'CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'])
      expect(cvss3Score(vector)).toBeUndefined();
    expect([9, 8.9, 6.9, 3.9].map(severityOfScore)).toEqual(['critical', 'high', 'medium', 'low']);
  });
});
