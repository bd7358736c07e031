import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorRegistry, errorSpec, httpStatus, isErrorCode } from './error-registry.ts';

const codes = Object.keys(errorRegistry).filter(isErrorCode);

/** The rows of docs/errors.md: code, HTTP, retry, meaning, what to do. */
function documentedRows(): string[][] {
  const document = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  return [...document.matchAll(/^\| `.*$/gm)].map(([row]) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

describe('errorRegistry', () => {
  // The number is written out so that a new code is a decision: give it a row in docs/errors.md, then count it here.
  it('holds 133 codes', () => {
    expect(codes).toHaveLength(133);
  });

  it('is documented code by code, in its own words', () => {
    const expected = codes.map((code) => {
      const { retry, text } = errorSpec(code);
      return [`\`${code}\``, String(httpStatus(code)), retry ? 'yes' : 'no', text];
    });
    expect(documentedRows().map((row) => row.slice(0, 4))).toEqual(expected);
  });

  it('says for each code what to do', () => {
    for (const row of documentedRows()) {
      expect(row, row[0]).toHaveLength(5);
      expect(row[4], row[0]).toMatch(/^\p{Lu}.{10,}\.$/u);
    }
  });

  it.each(codes)('%s has a text that a client may read', (code) => {
    const { text, exit } = errorSpec(code);
    expect(code).toMatch(/^[A-Z]+(_[A-Z0-9]+)*$/);
    expect(text).toMatch(/^\p{Lu}[^\p{Cc}|/\\]{9,}[^.\s]$/u);
    expect([1, 2, 3, 4, 5]).toContain(exit);
  });

  it('gives only HTTP numbers of errors, and never 500 for what a client did', () => {
    for (const code of codes) {
      const status = httpStatus(code);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      if (/^(REQUEST|JSON|TENSOR|INPUT|FEATURE)_/.test(code) && code !== 'TENSOR_DTYPE_UNSUPPORTED')
        expect(status, code).toBeLessThan(500);
    }
  });

  it('has a code for each status of TensorFlow but OK', () => {
    expect(codes.filter((code) => code.startsWith('TENSORFLOW_'))).toHaveLength(16);
  });
});

describe('isErrorCode()', () => {
  it.each(['', 'toString', '__proto__', 'constructor', 'internal', 'INTERNAL ', 'NO_SUCH_CODE'])('is false for %j', (text) => {
    expect(isErrorCode(text)).toBe(false);
  });
});
