// What may stand behind --signer, and that nothing is understood that a shell would understand otherwise.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitCommand } from './split-command.ts';

describe('splitCommand()', () => {
  it.each([
    ['sign', ['sign']],
    ['  ./sign-it.sh  release\t--slot=1 ', ['./sign-it.sh', 'release', '--slot=1']],
    ['["sh","-c","a | b"]', ['sh', '-c', 'a | b']],
    [' ["a", ""]', ['a', '']],
  ])('splits %s', (text, words) => expect(splitCommand(text)).toEqual(words));

  it.each([
    '',
    ' ',
    'sign "a b"',
    "sign 'a'",
    'sign $KEY',
    'sign | cat',
    'sign > x',
    'sign ~/key',
    'sign a\nb',
    'sign a\\b',
    'sign *',
    '[]',
    '[""]',
    '["a", 1]',
    '["a"',
    '["a\\u0000b"]',
    '{"a":1}',
  ])('refuses %j', (text) => expect(() => splitCommand(text)).toThrow(expect.objectContaining({ code: 'USAGE' })));

  it('gives any words back that were written as JSON', () => {
    const word = fc.string().filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(
        word.filter((text) => text !== ''),
        fc.array(word),
        (program, args) => {
          expect(splitCommand(JSON.stringify([program, ...args]))).toEqual([program, ...args]);
        },
      ),
    );
  });
});
