import { expect, it } from 'vitest';
import { sourceOf } from '../../../tests/support/recording-context.ts';
import { joinSources } from './weights-manifest.ts';

it('reads across the shards of a group, empty ones too', () => {
  const parts = ['', 'abc', '', '', 'd', 'efgh', ''].map((text) => sourceOf(Buffer.from(text)));
  const joined = joinSources('w', parts);
  const whole = 'abcdefgh';
  expect(joined.sizeBytes).toBe(whole.length);
  for (let start = 0; start <= whole.length; start++) {
    for (let end = start; end <= whole.length; end++) {
      expect(joined.read(start, end - start).toString()).toBe(whole.slice(start, end));
    }
  }
  expect(() => joined.read(5, 4)).toThrow(/ends before byte 9/);
});
