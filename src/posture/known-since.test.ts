import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knownSince } from './known-since.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-known-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

const at = (day: string, mayWrite = true) => ({ nowMs: Date.parse(`${day}T12:00:00Z`), mayWrite });
const file = () => join(store, 'posture', 'known-since.json');

describe('knownSince()', () => {
  it('lets what the first data names count from its publication, and what comes later from the day it came', () => {
    expect(knownSince(store, ['a', 'b'], at('2026-03-01'))).toEqual(new Map());
    expect(knownSince(store, ['a', 'b', 'c'], at('2026-04-01'))).toEqual(new Map([['c', '2026-04-01']]));
    expect(knownSince(store, ['a', 'c', 'd'], at('2026-05-01'))).toEqual(
      new Map([
        ['c', '2026-04-01'],
        ['d', '2026-05-01'],
      ]),
    );
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('writes nothing where it may not, and nothing when nothing is new', () => {
    knownSince(store, ['a'], at('2026-03-01', false));
    expect(() => statSync(file())).toThrow();
    knownSince(store, ['a'], at('2026-03-01'));
    const before = statSync(file()).ino;
    knownSince(store, ['a'], at('2026-03-02'));
    expect(statSync(file()).ino).toBe(before);
    // It would be new again each day.
    expect(knownSince(store, ['a', 'b'], at('2026-03-03', false))).toEqual(new Map());
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ format: 1, known: { a: null } });
  });

  it('does not believe a day that is still to come', () => {
    knownSince(store, ['a'], at('2026-03-01'));
    knownSince(store, ['a', 'b'], at('2030-01-01'));
    expect(knownSince(store, ['a', 'b'], at('2026-03-02'))).toEqual(new Map());
  });

  it('refuses a file that others could have written, and one that it did not write', () => {
    knownSince(store, ['a'], at('2026-03-01'));
    chmodSync(file(), 0o666);
    expect(() => knownSince(store, ['a'], at('2026-03-01'))).toThrow(expect.objectContaining({ code: 'STORE_UNSAFE' }));
    chmodSync(file(), 0o600);
    for (const text of [
      '',
      '{',
      '[]',
      '{"format":2,"known":{}}',
      '{"format":1,"known":{"a":"2026-02-30"}}',
      '{"format":1,"known":{"a":7}}',
    ]) {
      writeFileSync(file(), text);
      expect(() => knownSince(store, ['a'], at('2026-03-01'))).toThrow(expect.objectContaining({ code: 'STORE_UNSAFE' }));
    }
  });
});
