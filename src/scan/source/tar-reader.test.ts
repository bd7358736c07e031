import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paxRecord, tarHeader, tarOf } from '../../../tests/support/archive-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { openArchive, readGzip, readTar } from './index.ts';

function read(bytes: Buffer) {
  const context = recordingContext();
  const members = readTar(sourceOf(bytes, 'm.tar'), context);
  return { context, members, found: context.findings.map(({ ruleId, severity }) => `${severity} ${ruleId}`) };
}

const textOf = (source: { sizeBytes: number; read(offset: number, length: number): Buffer }) =>
  source.read(0, source.sizeBytes).toString();

describe('readTar()', () => {
  it.each(['ustar', 'v7'] as const)('reads an ordinary archive of the form %s', (format) => {
    const { members, context } = read(
      tarOf([
        { name: 'a/', type: '5', format },
        { name: 'a/b', content: 'one', format },
        { name: 'c', format },
      ]),
    );
    expect(members.map(({ name, kind }) => [name, kind])).toEqual([
      ['a', 'folder'],
      ['a/b', 'file'],
      ['c', 'file'],
    ]);
    expect(textOf(members[1].source())).toBe('one');
    expect(context.findings).toEqual([]);
  });

  it('takes long names of GNU and pax', () => {
    const long = `${'d/'.repeat(80)}file`;
    const { members, context } = read(
      tarOf([
        { name: '././@LongLink', type: 'L', content: `${long}\0` },
        { name: 'short', content: 'one' },
        { name: 'pax', type: 'x', content: paxRecord('path', long) + paxRecord('mtime', '1.5') },
        { name: 'short', content: 'two' },
      ]),
    );
    expect(members.map((member) => [member.name, textOf(member.source())])).toEqual([
      [long, 'one'],
      [`${long} (2)`, 'two'],
    ]);
    expect(context.findings).toMatchObject([{ ruleId: 'parser-differential/archive-duplicate' }]);
  });

  it('reports a name that only the pax record has, and two sizes', () => {
    const { found } = read(tarOf([{ name: 'x', type: 'x', content: paxRecord('path', '../../evil') }, { name: 'good' }]));
    expect(found).toEqual(['high path-traversal/archive-member']);
    const sizes = tarOf([
      { name: 'x', type: 'x', content: paxRecord('size', '3') },
      { name: 'good', content: 'one two' },
    ]);
    expect(read(sizes).found).toContain('medium parser-differential/archive-header');
  });

  it.each([
    [{ name: '/etc/x' }, 'high path-traversal/archive-member'],
    [{ name: '../x' }, 'high path-traversal/archive-member'],
    [{ name: 'x', type: '1', linkTarget: '/etc/shadow' }, 'high path-traversal/archive-member'],
    [{ name: 'x', type: '1', linkTarget: '../y' }, 'high path-traversal/archive-member'],
  ])('reports %j', (item, rule) => {
    expect(read(tarOf([item])).found).toEqual([rule]);
  });

  it('gives links, pipes and devices as what they are', () => {
    const items = [
      { name: 'd/s', type: '2', linkTarget: '../../etc' },
      { name: 'f', type: '6' },
      { name: 'd/h', type: '1', linkTarget: 'f' },
      { name: 'c', type: '3' },
    ];
    expect(read(tarOf(items)).members).toMatchObject([
      { kind: 'symlink', linkTarget: '../../etc' },
      { kind: 'fifo' },
      { kind: 'symlink', linkTarget: '../f' },
      { kind: 'device' },
    ]);
  });

  it('reports members that are written through a link', () => {
    const items = [
      { name: 'a/out', type: '2', linkTarget: '../../etc' },
      { name: 'a/out/cron.d/x', content: 'x' },
      { name: 'in', type: '2', linkTarget: 'a' },
      { name: 'in/y' },
    ];
    expect(read(tarOf(items)).found).toEqual(['high path-traversal/archive-member', 'medium path-traversal/archive-member']);
  });

  it('finds a second archive behind the end', () => {
    const { found, context } = read(tarOf([{ name: 'a' }], tarOf([{ name: 'evil', content: 'x' }])));
    expect(found).toEqual(['medium parser-differential/hidden-member']);
    expect(context.findings[0].message).toContain('evil');
    expect(read(tarOf([{ name: 'a' }], Buffer.alloc(512, 1))).found).toEqual(['low payload/archive-remainder']);
    expect(read(tarOf([{ name: 'a' }], Buffer.alloc(10_240))).found).toEqual([]);
  });

  it('says that sparse members and damaged headers cannot be read', () => {
    const context = recordingContext();
    openArchive(sourceOf(tarOf([{ name: 'a', type: 'S' }]), 'm.tar'), 'tar', context);
    expect(context.parts).toMatchObject([{ file: 'm.tar!/a' }]);
    const damaged = read(Buffer.concat([tarHeader({ name: 'a' }), Buffer.alloc(512, 7)]));
    expect(damaged.found).toEqual(['medium malformed/archive']);
    expect(damaged.context.parts).toHaveLength(1);
    expect(() => read(tarHeader({ name: 'a', sizeBytes: 1000 }))).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPLETE' }));
  });

  it('ends with members or an AirlockError on any bytes', () => {
    const whole = tarOf([
      { name: 'p', type: 'x', content: paxRecord('path', 'long') },
      { name: 'a', content: 'one' },
    ]);
    const mutated = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }).map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      // With the checksums put right, so that more than those is reached.
      for (const start of [0, 1024]) {
        bytes.write('        ', start + 148, 'latin1');
        const sum = bytes.subarray(start, start + 512).reduce((total, byte) => total + byte, 0);
        bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, start + 148, 'latin1');
      }
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.uint8Array({ maxLength: 1100 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          try {
            for (const member of readTar(sourceOf(bytes), recordingContext()))
              if (member.unreadable === undefined) member.source();
          } catch (thrown) {
            expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('readGzip()', () => {
  const open = (bytes: Buffer, name = 'model.tar.gz', limits = {}) => {
    const context = recordingContext(limits);
    return { context, member: readGzip(sourceOf(bytes, name), context) };
  };

  it('reads one member or several, and names the data', () => {
    const { member, context } = open(Buffer.concat([gzipSync('one '), gzipSync('two')]));
    expect(member.name).toBe('model.tar');
    expect(textOf(member.source())).toBe('one two');
    expect(member.source().name).toBe('model.tar.gz!/model.tar');
    expect(context.findings).toEqual([]);
  });

  it('reports what follows the end', () => {
    expect(open(Buffer.concat([gzipSync('one'), Buffer.from('junk')])).context.findings).toMatchObject([
      { ruleId: 'payload/archive-remainder' },
    ]);
  });

  it('refuses damage, and more than the scan may hold', () => {
    const bytes = gzipSync('one '.repeat(1000));
    const wrong = Buffer.from(bytes);
    wrong[bytes.length - 6] ^= 1;
    expect(() => open(wrong)).toThrow(/checksum/);
    expect(() => open(bytes.subarray(0, bytes.length - 4))).toThrow(/end is missing/);
    expect(() => open(bytes, 'a.gz', { maxExpandedBytes: 3999 })).toThrow(/too large/);
  });

  it('holds no more than 384 MiB, whatever the limits of the scan are', () => {
    const bytes = gzipSync(randomBytes(500_000));
    bytes.writeUInt32LE(400 * 1024 ** 2, bytes.length - 4);
    expect(() => open(bytes)).toThrow(/too large/);
    bytes.writeUInt32LE(300 * 1024 ** 2, bytes.length - 4);
    expect(() => open(bytes)).toThrow(/its size is wrong/);
  });

  it('calls what grows past the limits a bomb, however it hides its size', () => {
    const bytes = gzipSync(Buffer.alloc(5000));
    const small = Buffer.concat([bytes.subarray(0, bytes.length - 4), Buffer.from([1, 0, 0, 0])]);
    for (const bomb of [bytes, small, Buffer.concat([bytes, bytes])]) {
      const context = recordingContext({ maxExpandedBytes: 4000 });
      expect(() => openArchive(sourceOf(bomb, 'a.gz'), 'gzip', context)).toThrow(/too large/);
      expect(context.findings).toContainEqual(expect.objectContaining({ ruleId: 'memory/archive-bomb', severity: 'high' }));
    }
  });

  it('reports data that grows enormously', () => {
    expect(open(gzipSync(Buffer.alloc(70 * 1024 ** 2))).context.findings).toMatchObject([
      { ruleId: 'memory/archive-bomb', severity: 'medium' },
    ]);
  });

  it('ends with data or an AirlockError on any bytes', () => {
    const whole = gzipSync('some text, some text');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        try {
          open(bytes.subarray(0, length));
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('bounds archives in archives', () => {
    const context = recordingContext({ maxNesting: 1 });
    expect(() => openArchive(sourceOf(gzipSync('x'), 'a.zip!/b.gz'), 'gzip', context)).toThrow(/nested/);
    expect(context.findings).toMatchObject([{ ruleId: 'memory/archive-bomb' }]);
  });
});
