import { expect, it } from 'vitest';
import { zipOf } from '../../../tests/support/archive-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { isBelow, memorySource, openArchive } from '../source/index.ts';
import { namesByFolder, siblingsIn } from './folder-names.ts';

const file = (name: string) => ({ name, kind: 'file', sizeBytes: 0, mode: 0 }) as const;

it('groups files by the folder that they lie in', () => {
  const groups = namesByFolder([file('a'), file('x/b'), file('x/c'), file('x/y/d')]);
  expect([...groups]).toEqual([
    ['', ['a']],
    ['x', ['x/b', 'x/c']],
    ['x/y', ['x/y/d']],
  ]);
});

it('knows what is below a prefix, and does not spend itself on a name of slashes', () => {
  expect(isBelow('a/b/c', new Set(['a/b/']))).toBe(true);
  expect(isBelow('a/bc/c', new Set(['a/b/']))).toBe(false);
  expect(isBelow('a', new Set(['a/']))).toBe(false);
  expect(isBelow('anything', new Set(['']))).toBe(true);
  expect(isBelow('a/'.repeat(32_000), new Set(['b/']))).toBe(false);
});

it('gives what lies beside a file, by names that are relative to its folder', () => {
  const bytes = zipOf([
    { name: 'm/model.json', content: '{}' },
    { name: 'm/w.bin', content: 'weights' },
    { name: 'm/deep/v.bin', content: 'v' },
    { name: 'other', content: 'x' },
  ]);
  const folder = openArchive(memorySource('a.zip', bytes), 'zip', recordingContext());
  const groups = namesByFolder(folder.entries.filter(({ kind }) => kind === 'file'));
  const siblings = siblingsIn(folder, 'm/model.json', groups);
  expect(siblings.names).toEqual(['model.json', 'w.bin']);
  expect(siblings.open('w.bin')?.name).toBe('a.zip!/m/w.bin');
  expect(siblings.open('deep/v.bin')?.sizeBytes).toBe(1);
  expect([siblings.open('other'), siblings.open('../other')]).toEqual([undefined, undefined]);
});
