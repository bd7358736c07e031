import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { AuditLog } from './audit-log.ts';
import { verifyAuditLog } from './verify-log.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'airlock-audit-')), 'audit');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const first = 'audit-000000000001.jsonl';
const linesOf = (name = first): string[] => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
const write = (lines: readonly string[], name = first): void =>
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''));

function filled(count: number, options: ConstructorParameters<typeof AuditLog>[1] = {}): AuditLog {
  const log = new AuditLog(folder, options);
  for (let index = 1; index <= count; index++) log.append('scan', { index });
  return log;
}

describe('an audit log', () => {
  it('verifies as it was written, across processes and files', () => {
    filled(5, { maxFileBytes: 400 });
    const { head } = filled(5, { maxFileBytes: 400 });
    const seen: unknown[] = [];
    expect(verifyAuditLog(folder, { expect: head, onEntry: ({ data }) => seen.push(data) })).toMatchObject({ entries: 10, head });
    expect(seen).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5].map((index) => ({ index })));
    expect(readdirSync(folder).filter((name) => name.endsWith('.jsonl')).length).toBeGreaterThan(2);
  });

  it('is empty and sound before anything happened', () => {
    expect(verifyAuditLog(folder)).toMatchObject({ entries: 0 });
  });

  it.each<[string, (lines: string[]) => string[], RegExp]>([
    ['the last line is gone', (lines) => lines.slice(0, -1), /should end with entry 5/],
    ['the first line is gone', (lines) => lines.slice(1), /entry 2 stands where entry 1 should/],
    ['a line in the middle is gone', (lines) => lines.filter((_, index) => index !== 2), /entry 4 stands where entry 3 should/],
    ['two lines changed places', ([a, b, c, d, e]) => [a, c, b, d, e], /entry 3 stands where entry 2 should/],
    ['a line is there twice', ([a, b, c, d, e]) => [a, b, b, c, d, e], /entry 2 stands where entry 3 should/],
    [
      'a value was changed',
      (lines) => lines.map((line) => line.replace('"index":3', '"index":4')),
      /line 4: the line before it was changed/,
    ],
    [
      'the last value was changed',
      (lines) => lines.map((line) => line.replace('"index":5', '"index":6')),
      /line 5: the line was changed/,
    ],
    ['a line is no JSON', ([a, b, , d, e]) => [a, b, 'x', d, e], /line 3: it is no entry/],
    ['a line is JSON of another kind', ([a, b, , d, e]) => [a, b, 'null', d, e], /line 3: it is no entry/],
    ['all lines are gone', () => [], /should end with entry 5/],
  ])('does not verify when %s', (_, change, message) => {
    filled(5);
    write(change(linesOf()));
    expect(() => verifyAuditLog(folder)).toThrow(
      expect.objectContaining({ code: 'AUDIT_LOG_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('does not verify when its end was taken away together with its head, if an end was kept elsewhere', () => {
    const kept = filled(5).head;
    rmSync(join(folder, '..', 'audit'), { recursive: true });
    const shorter = filled(3).head;
    expect(verifyAuditLog(folder)).toMatchObject({ entries: 3 });
    expect(() => verifyAuditLog(folder, { expect: kept })).toThrow(/entry 5, which was kept, is not there/);
    expect(() => verifyAuditLog(folder, { expect: { ...shorter, hash: kept.hash } })).toThrow(/is not the one that was kept/);
  });

  it('does not verify when a whole file is gone', () => {
    filled(10, { maxFileBytes: 400 });
    const [, second] = readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .sort();
    rmSync(join(folder, second));
    expect(() => verifyAuditLog(folder)).toThrow(/a file is missing/);
  });

  it('notices any change of any byte', () => {
    filled(4);
    const bytes = readFileSync(join(folder, first));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes);
        changed[at] ^= change;
        writeFileSync(join(folder, first), changed);
        expect(() => verifyAuditLog(folder)).toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('goes on after a crash in the middle of a line, and says so', () => {
    filled(2);
    appendFileSync(join(folder, first), '{"seq":3,"ti');
    expect(() => verifyAuditLog(folder)).toThrow(/cut short/);
    filled(1);
    expect(verifyAuditLog(folder).entries).toBe(4);
    expect(linesOf()[2]).toContain('"event":"log recovered","data":{"cutBytes":12}');
  });

  it('goes on after a crash between a line and the head', () => {
    filled(2);
    const head = readFileSync(join(folder, 'head.json'));
    filled(1);
    writeFileSync(join(folder, 'head.json'), head);
    filled(1);
    expect(verifyAuditLog(folder).entries).toBe(4);
  });

  it.each([0, 2])('goes on after a crash that left the head %d entries behind its line, and verifies meanwhile', (behind) => {
    filled(2);
    const head = readFileSync(join(folder, 'head.json'));
    filled(behind);
    // One more, written while somebody verifies.
    filled(1);
    writeFileSync(join(folder, 'head.json'), head);
    expect(verifyAuditLog(folder).entries).toBe(behind + 3);
    filled(1);
    expect(verifyAuditLog(folder).entries).toBe(behind + 4);
  });

  it('takes no line behind a head that it does not contain, and none without a head', () => {
    filled(4);
    writeFileSync(join(folder, 'head.json'), `{"seq":2,"hash":"${'a'.repeat(64)}"}\n`);
    expect(() => filled(1)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_INVALID' }));
    rmSync(join(folder, 'head.json'));
    expect(() => verifyAuditLog(folder)).toThrow(/head.json: it is missing/);
    expect(() => filled(1)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_INVALID' }));
  });

  it('writes nothing behind an end that is not its own', () => {
    filled(3);
    write(linesOf().slice(0, 2));
    expect(() => filled(1)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_INVALID' }));
    expect(linesOf()).toHaveLength(2);
    rmSync(join(folder, first));
    expect(() => filled(1)).toThrow(/there is none/);
  });

  it('refuses an entry that is too long, and goes on', () => {
    const log = filled(1);
    expect(() => log.append('scan', 'x'.repeat(70_000))).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_FAILED' }));
    log.append('scan', {});
    expect(verifyAuditLog(folder).entries).toBe(2);
  });

  it('takes over the lock of a process that is dead, and waits for one that lives', () => {
    filled(1);
    writeFileSync(join(folder, 'lock'), ownerMark().replace(/-.*/, '-999999-1'));
    filled(1);
    expect(verifyAuditLog(folder).entries).toBe(2);
    // Of another container: nobody here can tell whether that lives.
    writeFileSync(join(folder, 'lock'), '1-999999-1');
    const longAgo = Date.now() / 1000 - 3_600;
    utimesSync(join(folder, 'lock'), longAgo, longAgo);
    filled(1);
    expect(verifyAuditLog(folder).entries).toBe(3);
    writeFileSync(join(folder, 'lock'), '1-999999-1');
    const started = performance.now();
    expect(() => filled(1)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_FAILED' }));
    expect(performance.now() - started).toBeGreaterThan(1_000);
  });
});
