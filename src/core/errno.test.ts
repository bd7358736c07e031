import { expect, it } from 'vitest';
import { errnoOf } from './errno.ts';

it('errnoOf() knows the errors of the system', () => {
  expect(errnoOf(Object.assign(new Error('EIO: it failed'), { code: 'EIO' }))).toBe('EIO');
  for (const other of [undefined, null, 'EIO', new Error('x'), { code: 5 }]) expect(errnoOf(other)).toBe('');
});
