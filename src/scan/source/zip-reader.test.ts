import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zipOf } from '../../../tests/support/archive-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { openArchive, readZip } from './index.ts';

function read(bytes: Buffer, limits = {}) {
  const context = recordingContext(limits);
  const members = readZip(sourceOf(bytes, 'm.zip'), context);
  const found = context.findings.map(({ ruleId, severity }) => `${severity} ${ruleId}`);
  return { context, members, found, names: members.map(({ name }) => name) };
}

const text = (members: ReturnType<typeof read>['members'], name: string) => {
  const source = members.find((member) => member.name === name)?.source();
  return source?.read(0, source.sizeBytes).toString();
};

describe('readZip()', () => {
  it('reads members, stored and deflated, and has nothing to say about an ordinary archive', () => {
    const { members, context } = read(
      zipOf([
        { name: 'a/', method: 0, mode: 0o040755 },
        { name: 'a/b', content: 'one' },
        { name: 'c', content: 'two', method: 0 },
      ]),
    );
    expect(members.map(({ name, kind }) => [name, kind])).toEqual([
      ['a', 'folder'],
      ['a/b', 'file'],
      ['c', 'file'],
    ]);
    expect([text(members, 'a/b'), text(members, 'c')]).toEqual(['one', 'two']);
    expect(context.findings).toEqual([]);
    expect(context.parts).toEqual([]);
  });

  it.each([
    ['../up', 'leads out'],
    ['a/../../up', 'leads out'],
    ['/etc/cron.d/x', 'absolute'],
    ['C:\\x', 'drive'],
    ['..\\x', 'leads out'],
    ['\\\\host\\x', 'absolute'],
    ['a\0.txt', 'NUL'],
  ])('reports the member %j', (name, what) => {
    const { context } = read(zipOf([{ name, content: 'x' }]));
    expect(context.findings).toMatchObject([{ ruleId: 'path-traversal/archive-member', severity: 'high' }]);
    expect(context.findings[0].message).toContain(what);
    expect(context.findings[0].message).toContain(name);
  });

  it('reports names that come twice, and gives both', () => {
    const { members, found } = read(
      zipOf([
        { name: 'config.json', content: 'first' },
        { name: './config.json', content: 'second' },
        { name: 'Config.json', content: 'third' },
      ]),
    );
    expect(found).toEqual(['medium parser-differential/archive-duplicate', 'low parser-differential/archive-duplicate']);
    expect(members.map(({ name }) => [name, text(members, name)])).toEqual([
      ['config.json', 'first'],
      ['config.json (2)', 'second'],
      ['Config.json', 'third'],
    ]);
  });

  it.each([
    ['name', { name: 'other' }],
    ['size', { sizeBytes: 2 }],
    ['checksum', { crc: 1 }],
  ])('reports a %s that its two headers give differently', (_, directory) => {
    expect(read(zipOf([{ name: 'a', content: 'one', directory }])).found).toEqual(['medium parser-differential/archive-header']);
  });

  it('counts the folders that names of members make', () => {
    const bytes = zipOf(['a', 'b', 'c'].map((name) => ({ name: `${`${name}/`.repeat(30)}x`, content: 'x' })));
    const open = (maxFiles: number) => openArchive(sourceOf(bytes, 'm.zip'), 'zip', recordingContext({ maxFiles }));
    expect(() => open(80)).toThrow(/too many files/);
    expect(open(93).entries).toHaveLength(93);
  });

  it('holds the member that was inflated last, and takes each from the allowance once', () => {
    const content = 'x'.repeat(600);
    const { members } = read(
      zipOf([
        { name: 'a', content },
        { name: 'b', content },
      ]),
      { maxExpandedBytes: 1200 },
    );
    const [a, b] = members;
    expect(a.source()).toBe(a.source());
    const before = a.source();
    expect(text(members, 'b')).toBe(content);
    expect(a.source()).not.toBe(before);
    expect([text(members, 'a'), b.source().sizeBytes]).toEqual([content, 600]);
  });

  it('does not open what lies deeper than 64 folders, which would take as many looks for each look', () => {
    const deep = (folders: number) => `${'a/'.repeat(folders)}x`;
    const bytes = zipOf([64, 65, 2000].map((folders) => ({ name: deep(folders), content: 'x' })));
    const folder = openArchive(sourceOf(bytes, 'm.zip'), 'zip', recordingContext());
    expect(folder.open(deep(64)).sizeBytes).toBe(1);
    expect(() => folder.open(deep(65))).toThrow(/not a plain file/);
    expect(() => folder.open(deep(2000))).toThrow(/not a plain file/);
  });

  it('shortens names that are longer than any path', () => {
    const long = (end: string) => ({ name: `${'a/'.repeat(30_000)}${end}`, content: end });
    const bytes = zipOf([long('one.pb'), long('two.pb'), long('two.pb')]);
    const folder = openArchive(sourceOf(bytes, 'm.zip'), 'zip', recordingContext());
    const files = folder.entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
    expect(files.map((name) => name.slice(-6))).toEqual(['one.pb', 'two.pb', 'two.pb']);
    expect(files.map((name) => folder.open(name).read(0, 3).toString())).toEqual(['one', 'two', 'two']);
    expect(Math.max(...files.map(({ length }) => length))).toBeLessThan(110);
  });

  it('reads a few members that share their bytes, and no more', () => {
    const content = 'x'.repeat(600);
    const items = Array.from({ length: 30 }, (_, index) => ({
      name: `m${index}`,
      content,
      directory: { name: 'm0', offset: 0 },
    }));
    const { members: all, found } = read(zipOf(items));
    const members = all.filter(({ name }) => !name.includes('not in the directory'));
    expect(found).toContain('high memory/archive-bomb');
    expect(members.filter(({ unreadable }) => unreadable === undefined)).toHaveLength(17);
    expect(members[16].source().sizeBytes).toBe(600);
    expect(members[17].unreadable).toContain('shares its bytes');
  });

  it('inflates no member that would not fit into the memory of a scan', () => {
    const { members } = read(zipOf([{ name: 'a', content: 'x', directory: { sizeBytes: 400 * 1024 ** 2 } }]));
    expect(() => members[0].source()).toThrow(/too large to inflate/);
  });

  it('refuses the content of a member that is not as announced', () => {
    const bytes = zipOf([
      { name: 'a', content: 'x'.repeat(1000), directory: { sizeBytes: 10 } },
      { name: 'b', content: 'x', directory: { crc: 7 } },
    ]);
    const { members } = read(bytes);
    for (const member of members) expect(() => member.source()).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('finds a member that the directory does not list, and gives it', () => {
    const { members, found } = read(
      zipOf([
        { name: 'a', content: 'one' },
        { name: 'evil', content: 'two', isHidden: true },
      ]),
    );
    expect(found).toEqual(['medium parser-differential/hidden-member']);
    expect(text(members, 'evil (not in the directory)')).toBe('two');
  });

  it('says what lies before, between and behind the members', () => {
    const junk = Buffer.from('#'.repeat(100));
    expect(read(zipOf([{ name: 'a' }], { front: junk })).found).toEqual(['low payload/archive-remainder']);
    expect(read(zipOf([{ name: 'a' }], { after: junk })).found).toEqual(['low payload/archive-remainder']);
    expect(read(zipOf([{ name: 'a' }, { name: 'b', before: junk }])).found).toEqual(['low payload/archive-remainder']);
    expect(read(zipOf([{ name: 'a' }, { name: 'b', before: Buffer.alloc(100) }])).found).toEqual([]);
  });

  it('reads an archive behind something else', () => {
    const bytes = zipOf([{ name: 'a', content: 'one' }], { front: Buffer.from('TFL3'.repeat(10)) });
    const context = recordingContext();
    const members = readZip(sourceOf(bytes), context, { isAppended: true });
    expect(text(members, 'a')).toBe('one');
    expect(context.findings).toEqual([]);
  });

  it('reports members that share bytes', () => {
    const { found } = read(
      zipOf([
        { name: 'a', content: 'x'.repeat(100), method: 0 },
        { name: 'a', content: 'x'.repeat(100), method: 0, directory: { offset: 0 } },
      ]),
    );
    expect(found).toContain('high memory/archive-bomb');
  });

  it('reports a member that grows enormously, without inflating it', () => {
    const { context } = read(zipOf([{ name: 'a', content: Buffer.alloc(40 * 1024 ** 2) }]));
    expect(context.findings).toMatchObject([
      { ruleId: 'memory/archive-bomb', severity: 'medium', argument: { value: '41943040' } },
    ]);
  });

  it('inflates no more than the scan may hold, and pays once', () => {
    const bytes = zipOf([{ name: 'a', content: 'x'.repeat(600) }]);
    const { members } = read(bytes, { maxExpandedBytes: 1000 });
    expect(text(members, 'a')).toHaveLength(600);
    expect(text(members, 'a')).toHaveLength(600);
    expect(() => read(bytes, { maxExpandedBytes: 500 }).members[0].source()).toThrow(/too large/);
  });

  it.each([
    ['encrypted', { flags: 1 }, 'medium payload/encrypted'],
    ['compressed with LZMA', { method: 14 }, undefined],
  ])('says that a member that is %s cannot be read', (_, item, rule) => {
    const context = recordingContext();
    openArchive(sourceOf(zipOf([{ name: 'a', content: 'x', ...item }]), 'm.zip'), 'zip', context);
    expect(context.parts).toMatchObject([{ file: 'm.zip!/a' }]);
    expect(context.findings.map(({ ruleId, severity }) => `${severity} ${ruleId}`)).toEqual(rule === undefined ? [] : [rule]);
  });

  it('gives links as links', () => {
    const { members } = read(zipOf([{ name: 'a', content: '../../etc/passwd', mode: 0o120777 }]));
    expect(members).toMatchObject([{ kind: 'symlink', linkTarget: '../../etc/passwd' }]);
  });

  it('is never clean about a cut or damaged archive', () => {
    const bytes = zipOf([
      { name: 'a', content: 'one' },
      { name: 'b', content: 'two' },
    ]);
    for (const cut of [bytes.subarray(0, bytes.length - 23), bytes.subarray(5)]) {
      const context = recordingContext();
      let failed = false;
      try {
        openArchive(sourceOf(cut, 'm.zip'), 'zip', context);
      } catch {
        failed = true;
      }
      expect(failed || context.parts.length > 0).toBe(true);
    }
  });

  it('ends with members or an AirlockError on any bytes', () => {
    const whole = zipOf([
      { name: 'a', content: 'x'.repeat(50) },
      { name: 'b', content: 'y', method: 0 },
      { name: 'l', content: 'a', mode: 0o120777 },
    ]);
    const mutated = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([bytes, whole.subarray(whole.length - 22)]));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        const context = recordingContext();
        try {
          const folder = openArchive(sourceOf(bytes, 'm.zip'), 'zip', context);
          for (const { name, kind } of folder.entries) if (kind === 'file') folder.open(name);
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 400 },
    );
  });
});
