import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advisoryAge } from './advisory-age.ts';
import { advisoryData, advisoryDocument, advisoryInfo } from './advisory-data.ts';
import { writeUpdate } from './advisory-file.ts';
import type { PublishedRecord } from './advisory-types.ts';
import { addRecords } from './merge-documents.ts';
import { readDocument } from './read-document.ts';

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-advisories-'));
});
afterEach(() => rmSync(store, { recursive: true }));
const file = (): string => join(store, 'advisories', 'advisories.json');
const invalid = expect.objectContaining({ code: 'ADVISORIES_INVALID' });

const record: PublishedRecord = {
  id: 'GHSA-aaaa-bbbb-cccc',
  aliases: ['CVE-2026-90001'],
  modified: '2026-11-28T00:00:00.000Z',
  title: 'New fault',
  affected: { tensorflow: [{ introduced: '2.20.0' }] },
};
const update = (): void => writeUpdate(store, addRecords(advisoryDocument(), [record], '2026-11-29'));

describe('advisoryData()', () => {
  it('is what Airlock came with where a store has no update', () => {
    expect(advisoryData(store)).toBe(advisoryData());
    expect(advisoryInfo(join(store, 'none'))).toMatchObject({ source: 'built-in', read: '2026-11-23', count: 454 });
  });

  it('follows an update, also while the process runs', () => {
    const before = advisoryInfo(store);
    update();
    const { info, tensorflow } = advisoryData(store);
    expect(info).toMatchObject({ source: 'update', read: '2026-11-29', count: 455 });
    expect(info.digest).not.toBe(before.digest);
    expect(tensorflow.at(-1)).toMatchObject({ id: record.id, basis: 'feed' });
    expect(advisoryData(store)).toBe(advisoryData(store));
    rmSync(file());
    expect(advisoryInfo(store)).toEqual(before);
  });

  it('writes the update at once, for everybody to read, and leaves nothing beside it', () => {
    update();
    update();
    expect(readdirSync(join(store, 'advisories'))).toEqual(['advisories.json']);
    expect(statSync(file()).mode & 0o777).toBe(0o644);
    chmodSync(store, 0o500);
    if (process.geteuid?.() !== 0) expect(update).toThrow(expect.objectContaining({ code: 'STORE_NOT_WRITABLE' }));
    chmodSync(store, 0o700);
  });

  it('writes nothing that it would refuse to read', () => {
    update();
    const before = readFileSync(file());
    const many = Array.from({ length: 1001 }, (_, index) => ({ introduced: `1.${index}` }));
    const bad = addRecords(advisoryDocument(), [{ ...record, affected: { tensorflow: many } }]);
    expect(() => writeUpdate(store, bad)).toThrow(invalid);
    expect(readFileSync(file()).equals(before)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['is damaged', () => writeFileSync(file(), '{')],
    ['is empty', () => writeFileSync(file(), '')],
    ['has another form', () => writeFileSync(file(), '{"format":2}')],
    ['others may write', () => chmodSync(file(), 0o666)],
    ['lies in a folder that others may write', () => chmodSync(join(store, 'advisories'), 0o777)],
    [
      'is a folder',
      () => {
        rmSync(file());
        mkdirSync(file());
      },
    ],
    [
      'is a link',
      () => {
        writeFileSync(join(store, 'other.json'), readFileSync(file()));
        rmSync(file());
        symlinkSync(join(store, 'other.json'), file());
      },
    ],
  ])('refuses an update that %s, and does not go on without it', (_, spoil) => {
    update();
    spoil();
    expect(() => advisoryData(store)).toThrow(invalid);
    expect(() => advisoryInfo(store)).toThrow(invalid);
  });

  it.skipIf(process.geteuid?.() !== 0)('refuses an update of another user (skipped without root)', () => {
    update();
    chownSync(file(), 12_345, 12_345);
    expect(() => advisoryData(store)).toThrow(invalid);
  });
});

describe('readDocument()', () => {
  const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const built = advisoryDocument();
  const small = { ...built, tensorflow: built.tensorflow.slice(0, 2), keras: [], libraries: [], records: [record] };

  it('reads what was written', () => {
    expect(readDocument(bytesOf(built), 'x')).toEqual(built);
    expect(readDocument(bytesOf(small), 'x')).toEqual(small);
  });

  it('refuses anything else, whatever it is', () => {
    const [one] = small.tensorflow;
    for (const bad of [
      { ...small, more: 1 },
      { ...small, read: 'today' },
      { ...small, tensorflow: [one, one] },
      { ...small, tensorflow: [{ ...one, affected: [{ introduced: 'next' }] }] },
      { ...small, tensorflow: [{ ...one, records: [] }] },
      { ...small, tensorflow: [{ ...one, id: '../../etc' }] },
      { ...small, records: [{ ...record, affected: {} }] },
      { ...small, records: [record, record] },
    ])
      expect(() => readDocument(bytesOf(bad), 'x')).toThrow(invalid);
    expect(() => readDocument(Buffer.from([0xff, 0xfe]), 'x')).toThrow(invalid);
    fc.assert(fc.property(fc.jsonValue(), (value) => void expect(() => readDocument(bytesOf(value), 'x')).toThrow(invalid)));
  });

  it('never gives what could not be written and read again, and makes text safe to show', () => {
    const readOrRefuse = (bytes: Buffer): unknown => {
      try {
        return readDocument(bytes, 'x');
      } catch (thrown) {
        expect(thrown).toEqual(invalid);
        return undefined;
      }
    };
    const text = fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.constant('\u001b[2J'), fc.constant('\u202e'.repeat(90)));
    const spoiled = fc.record({ title: text, component: text, impact: fc.array(text, { maxLength: 2 }), basis: text });
    fc.assert(
      fc.property(spoiled, (more) => {
        const document = { ...small, tensorflow: [{ ...small.tensorflow[0], ...more }] };
        const read = readOrRefuse(bytesOf(document));
        if (read === undefined) return;
        expect(JSON.stringify(read)).not.toContain('u001b');
        expect(readDocument(bytesOf(read), 'x')).toEqual(read);
      }),
    );
  });
});

describe('advisoryAge()', () => {
  const info = { ...advisoryInfo(), read: '2026-11-01' };
  it('is old from the given age on', () => {
    expect(advisoryAge(info, new Date('2026-11-30T12:00:00Z'))).toMatchObject({ days: 29, isOld: false });
    expect(advisoryAge(info, new Date('2026-12-01T00:00:01Z'))).toMatchObject({ days: 30, isOld: true });
    expect(advisoryAge(info, new Date('2026-11-03T00:00:00Z'), 24 * 3_600_000).text).toContain('airlock advisories update');
    expect(advisoryAge(info, new Date('2026-10-01T00:00:00Z'))).toMatchObject({ days: 0, isOld: false });
  });
});
