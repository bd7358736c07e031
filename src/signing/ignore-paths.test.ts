// Which paths a signature leaves out, and what may not be left out.
import { describe, expect, it } from 'vitest';
import { ignoredPaths, ignoresSame } from './ignore-paths.ts';

const model = '/models/digits/3';
const ignored = (paths: readonly string[] = [], output = `${model}/model.sig`, git = true) =>
  ignoredPaths({ model, output, paths, git });
const git = ['.git', '.gitattributes', '.github', '.gitignore'];

describe('ignoredPaths()', () => {
  it('leaves out signatures and what git needs, as the Python tool does', () => {
    expect(ignored()).toEqual(['model.sig', 'model.sig.d', ...git]);
    expect(ignored([], undefined, false)).toEqual(['model.sig', 'model.sig.d']);
  });

  it('takes paths relative to the model, cleans them, sorts them and has each once', () => {
    const paths = ['ö', 'cache/', './a/../b', `${model}/c`, 'cache', 'model.sig', '.git', '\u{10000}', '\uffff'];
    expect(ignored(paths, undefined, false)).toEqual([
      'model.sig',
      'model.sig.d',
      '.git',
      'b',
      'c',
      'cache',
      'ö',
      '\uffff',
      '\u{10000}',
    ]);
  });

  it('leaves out the signature itself wherever it lies in the model', () => {
    expect(ignored([], `${model}/sub/other.sig`, false)).toEqual([
      'model.sig',
      'model.sig.d',
      'sub/other.sig',
      'sub/other.sig.d',
    ]);
    expect(ignored([], '/elsewhere/model.sig', false)).toEqual(['model.sig', 'model.sig.d']);
    expect(ignored([], '/models/digits/3.sig', false)).toEqual(['model.sig', 'model.sig.d']);
  });

  it.each(['', '.', './', '..', '../4', 'a/../..', '/', '/models/digits', '/models/digits/33', model, '/etc/passwd', 'a\0b'])(
    'refuses %j, which is not inside the model',
    (path) => expect(() => ignored([path])).toThrow(expect.objectContaining({ code: 'USAGE' })),
  );
});

describe('ignoresSame()', () => {
  it('compares without order and without the names of signatures', () => {
    expect(ignoresSame(['model.sig', 'b', 'a'], ['a', 'b', 'model.sig.d'])).toBe(true);
    expect(ignoresSame(['a'], ['a', 'b'])).toBe(false);
    expect(ignoresSame(['a', 'b'], ['a', 'c'])).toBe(false);
    expect(ignoresSame([], ['a'])).toBe(false);
  });
});
