import { describe, expect, it } from 'vitest';
import { isDeadOwner, isLocalOwner, ownerMark } from './owner-mark.ts';

describe('ownerMark', () => {
  it('is alive for this process, dead for one that started at another time, and neither elsewhere', () => {
    const mark = ownerMark();
    expect(isDeadOwner(mark)).toBe(false);
    expect(isDeadOwner(`${mark}1`)).toBe(true);
    expect(isDeadOwner(`1${mark}1`)).toBe(false);
    expect(isDeadOwner('something else')).toBe(false);
  });

  it('tells whether a mark can be told from here', () => {
    const mark = ownerMark();
    expect(isLocalOwner(mark)).toBe(true);
    expect(isLocalOwner(`${mark}1`)).toBe(true);
    expect(isLocalOwner(`1${mark}`)).toBe(false);
    expect(isLocalOwner('something else')).toBe(false);
  });
});
