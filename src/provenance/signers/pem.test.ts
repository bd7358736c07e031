import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { readPem } from './pem.ts';

const block = (label: string, bytes: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----\n`;

describe('readPem', () => {
  test('gives every block back, whatever stands between them', () => {
    const texts = fc.array(fc.tuple(fc.constantFrom('A', 'X B', 'CERTIFICATE'), fc.uint8Array({ minLength: 1, maxLength: 200 })));
    fc.assert(
      fc.property(texts, fc.constantFrom('\n', 'subject=CN = x\n', '\r\n'), (wanted, between) => {
        const text = wanted.map(([label, bytes]) => between + block(label, bytes)).join('');
        expect(readPem(Buffer.from(text))).toEqual(wanted.map(([label, bytes]) => ({ label, der: Buffer.from(bytes) })));
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['a block without an end', '-----BEGIN A-----\nAAAA\n', 'does not end'],
    ['a block that ends as another', '-----BEGIN A-----\nAAAA\n-----END B-----\n', 'under another name'],
    ['a block within a block', '-----BEGIN A-----\n-----BEGIN A-----\nAAAA\n-----END A-----\n', 'not base64'],
    ['an empty block', '-----BEGIN A-----\n-----END A-----\n', 'not base64'],
    ['headers', '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n', 'not base64'],
    ['bits behind the last byte', '-----BEGIN A-----\nAB==\n-----END A-----\n', 'not base64'],
    ['URL-safe base64', '-----BEGIN A-----\n-_-_\n-----END A-----\n', 'not base64'],
    ['257 blocks', block('A', Buffer.from('a')).repeat(257), 'more than 256'],
  ])('refuses %s', (_, text, message) => {
    expect(() => readPem(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    expect(() => readPem(Buffer.from(text))).toThrow(message);
  });

  test('accepts 256 blocks and no text at all', () => {
    expect(readPem(Buffer.from(block('A', Buffer.from('a')).repeat(256)))).toHaveLength(256);
    expect(readPem(Buffer.alloc(0))).toEqual([]);
  });

  test('takes linear time and gives nothing but blocks or KEY_INVALID for any text', () => {
    const pieces = fc.array(fc.constantFrom('-----BEGIN A-----', '-----END A-----', '\n', 'AAAA', '-----', ' ', 'é'));
    fc.assert(
      fc.property(pieces, (parts) => {
        try {
          readPem(Buffer.from(parts.join('')));
        } catch (error) {
          expect(isAirlockError(error) && error.code).toBe('KEY_INVALID');
        }
      }),
    );
    const started = performance.now();
    readPem(Buffer.from('-----BEGIN '.repeat(300_000)));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
