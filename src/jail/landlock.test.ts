// The bytes for the kernel, against struct landlock_ruleset_attr and struct landlock_path_beneath_attr of linux/landlock.h.
import { describe, expect, it } from 'vitest';
import { handledFileRights, pathRuleAttributes, rulesetAttributes } from './landlock.ts';

describe('rulesetAttributes', () => {
  it.each([
    [1, 0x1fffn, []],
    [2, 0x3fffn, []],
    [3, 0x7fffn, []],
    [4, 0x7fffn, [3n]],
    [5, 0xffffn, [3n]],
    [6, 0xffffn, [3n, 3n]],
    [7, 0xffffn, [3n, 3n]],
    [9, 0xffffn, [3n, 3n]],
  ])('handles all that version %i can restrict', (abi, files, others) => {
    const bytes = rulesetAttributes(abi);
    const words = Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readBigUInt64LE(index * 8));
    expect(words).toEqual([files, ...others]);
    expect(handledFileRights(abi)).toBe(files);
  });
});

describe('pathRuleAttributes', () => {
  it.each([
    ['read', 0b100n],
    ['folder', 0b1100n],
    ['execute', 0b101n],
  ] as const)('gives %s no more than that', (access, rights) => {
    const bytes = pathRuleAttributes(access, 7);
    expect(bytes).toHaveLength(12);
    expect(bytes.readBigUInt64LE(0)).toBe(rights);
    expect(bytes.readInt32LE(8)).toBe(7);
  });
});
