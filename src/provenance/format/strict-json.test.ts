// Tests that a text has one meaning or none: against JSON.parse where that is right, and against its habits where it is not.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { parseStrictJson, type StrictJsonLimits } from './index.ts';

const bytes = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding);

function refusal(input: Buffer, limits?: StrictJsonLimits): string {
  try {
    parseStrictJson(input, limits);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    const [{ path, rule }] = thrown.violations;
    return `${thrown.code} ${rule}${path === '' ? '' : ` at ${path}`}`;
  }
  return 'accepted';
}

describe('parseStrictJson', () => {
  test('gives what JSON.parse gives for any text without a key that comes twice', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), fc.constantFrom(0, 2), (text, indent) => {
        const value = JSON.parse(text);
        expect(parseStrictJson(bytes(JSON.stringify(value, null, indent)))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test('refuses what JSON.parse refuses, and never agrees to another meaning, whatever bytes come', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u0041',
      'ud800',
      '"a"',
      '0',
      '-',
      '1e5',
      '.5',
      'true',
      'null',
      ' ',
      '\n',
      '\0',
      'é',
    );
    const pieces = fc.array(piece, { maxLength: 12 }).map((list) => bytes(list.join('')));
    const damaged = fc.tuple(fc.json(), fc.nat(), fc.nat({ max: 255 })).map(([text, at, byte]) => {
      const copy = bytes(text);
      copy[at % copy.length] = byte;
      return copy;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          pieces,
          damaged,
          fc.uint8Array().map((array) => Buffer.from(array)),
        ),
        (input) => {
          let ours: unknown;
          try {
            ours = parseStrictJson(input);
          } catch (thrown) {
            expect(isAirlockError(thrown) && thrown.code).toBe('BUNDLE_INVALID');
            return;
          }
          expect(ours).toEqual(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('refuses a key that comes twice, at whatever level and however it is written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('[', '{"k":'), { maxLength: 20 }),
        fc.string({ maxLength: 20 }),
        fc.json(),
        (nest, key, value) => {
          const close = [...nest].reverse().map((open) => (open === '[' ? ']' : '}'));
          const escaped = `"${[...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
          const inner = `{${JSON.stringify(key)}:${JSON.stringify(JSON.parse(value))},"other":0,${escaped}:1}`;
          fc.pre(key !== 'other' && !/\p{Surrogate}/u.test(key) && [...key].length === key.length);
          expect(refusal(bytes(nest.join('') + inner + close.join('')))).toMatch(/^BUNDLE_INVALID (uniqueKey|json|maxDepth)/);
          expect(refusal(bytes(inner))).toMatch(/^BUNDLE_INVALID uniqueKey/);
        },
      ),
    );
  });

  it.each([
    ['a key twice, the bad value first', '{"digest":"bad","digest":"good"}', 'uniqueKey at digest'],
    ['a key twice deep inside', '{"a":[0,{"b":{"c":1,"c":1}}]}', 'uniqueKey at a[1].b.c'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'uniqueKey at __proto__'],
    ['a byte order mark', '\ufeff{}', 'json'],
    ['nothing', '', 'json'],
    ['only spaces', ' \n', 'json'],
    ['half a value', '{"a":', 'json at a'],
    ['a second value', '{}{}', 'json'],
    ['a comma at the end', '[1,]', 'json at [1]'],
    ['a comment', '[1/**/]', 'json at [1]'],
    ['NaN', '[NaN]', 'json at [0]'],
    ['minus infinity', '-Infinity', 'json'],
    ['a number too large for a double', '{"a":1e999}', 'number at a'],
    ['half a surrogate pair', '["\\ud83d"]', 'surrogate at [0]'],
    ['the wrong half of a surrogate pair', '{"\\udc00":1}', 'surrogate at '],
    ['a control character in a string', '["\n"]', 'json at [0]'],
    ['a NUL after the value', '{}\0', 'json'],
    ['single quotes', "{'a':1}", 'json at '],
    ['a leading zero', '[01]', 'json at [0]'],
  ])('refuses %s', (_, text, reason) => {
    expect(refusal(bytes(text))).toBe(`BUNDLE_INVALID ${reason}`.replace(/ at $/, ''));
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(refusal(bytes('["\xff"]', 'latin1'))).toBe('BUNDLE_INVALID utf8 at [0]');
    expect(refusal(bytes('["\xed\xa0\x80"]', 'latin1'))).toBe('BUNDLE_INVALID utf8 at [0]');
    expect(refusal(bytes('{"a":1}', 'utf16le'))).toBe('BUNDLE_INVALID json');
  });

  test('gives objects that inherit nothing, with __proto__ as a key like any other', () => {
    const value = parseStrictJson(bytes('{"__proto__":{"polluted":true},"constructor":1}')) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(value.polluted).toBeUndefined();
    expect(value.toString).toBeUndefined();
  });

  test('keeps -0, as JSON.parse does', () => {
    expect(parseStrictJson(bytes('-0'))).toBe(-0);
  });

  it.each([
    ['bytes', '[1,2]', { maxBytes: 4 }, 'maxBodyBytes'],
    ['levels', '[[[]]]', { maxDepth: 2 }, 'maxDepth at [0][0]'],
    ['values', '[1,2,3]', { maxTokens: 3 }, 'maxTokens at [2]'],
    ['keys', '{"a":1,"b":2,"c":3}', { maxKeys: 2 }, 'maxKeys at c'],
    ['characters of a key', `{"${'k'.repeat(257)}":1}`, {}, 'maxNumberChars at '],
    ['characters of a number', `[${'1'.repeat(257)}]`, {}, 'maxNumberChars at [0]'],
  ])('stops at its limit of %s', (_, text, limits, reason) => {
    expect(refusal(bytes(text), limits)).toBe(`BUNDLE_INVALID ${reason}`.replace(/ at $/, ''));
    if (Object.keys(limits).length > 0) expect(refusal(bytes(text))).toBe('accepted');
  });

  test('counts levels without a stack: a million brackets are an error like any other', () => {
    expect(refusal(Buffer.alloc(1_000_000, '['))).toMatch(/^BUNDLE_INVALID maxDepth/);
    expect(refusal(bytes('['.repeat(32) + ']'.repeat(32)))).toBe('accepted');
    expect(refusal(bytes('['.repeat(33) + ']'.repeat(33)))).toMatch(/^BUNDLE_INVALID maxDepth/);
  });

  test('says its errors with the code that the caller wants, and shows no control characters', () => {
    expect(refusal(bytes('{"\\u001b[31m":1,"\\u001b[31m":1}'), { code: 'TRUST_INVALID' })).toBe(
      'TRUST_INVALID uniqueKey at \\u{1b}[31m',
    );
  });
});
