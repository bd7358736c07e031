import { describe, expect, it } from 'vitest';
import { AirlockError } from '../../core/index.ts';
import { assertNotCancelled, modelError, storeError } from './store-error.ts';

const failure = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });

describe('the errors of the store', () => {
  it.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EACCES', 'STORE_NOT_WRITABLE'],
    ['EPERM', 'STORE_NOT_WRITABLE'],
    ['EROFS', 'STORE_NOT_WRITABLE'],
    ['ENOTDIR', 'STORE_NOT_WRITABLE'],
    ['EEXIST', 'STORE_NOT_WRITABLE'],
    ['EIO', 'INTERNAL'],
  ])('make of %s %s, and keep what the system said for the operator', (errno, code) => {
    const cause = failure(errno);
    expect(storeError(cause)).toEqual(expect.objectContaining({ code, cause, detail: `${errno}: it failed` }));
  });

  it('leave what is one already, and take anything else', () => {
    const error = new AirlockError('CANCELLED');
    expect(storeError(error)).toBe(error);
    expect(storeError('a text')).toEqual(expect.objectContaining({ code: 'INTERNAL', detail: 'a text' }));
  });

  it('keep a path out of the message', () => {
    expect(modelError('MODEL_NOT_FOUND', 'is not there', '/a/b\n')).toEqual(
      expect.objectContaining({ message: 'The model is not there', detail: '/a/b\\u{a}' }),
    );
  });

  it('say that something was stopped', () => {
    assertNotCancelled(undefined);
    assertNotCancelled(new AbortController().signal);
    expect(() => assertNotCancelled(AbortSignal.abort('why'))).toThrow(
      expect.objectContaining({ code: 'CANCELLED', cause: 'why' }),
    );
  });
});
