import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError, violationError } from './errors.ts';

describe('AirlockError', () => {
  it('has the text, the retry and nothing else of its code by default', () => {
    const error = new AirlockError('WORKER_CRASHED');
    expect(error).toMatchObject({ name: 'AirlockError', code: 'WORKER_CRASHED', retry: true, violations: [], detail: undefined });
    expect(error.message).toBe('The worker of the model stopped; it is being restarted');
    expect('cause' in error).toBe(false);
    expect(error).toBeInstanceOf(Error);
  });

  it('keeps what it is given', () => {
    const violations = [{ path: 'a', rule: 'r', expected: 'x', got: 'y' }];
    const cause = new Error('why');
    const error = new AirlockError('MODEL_INVALID', { message: 'm', violations, detail: 'd', cause });
    expect(error).toMatchObject({ message: 'm', violations, detail: 'd', cause, retry: false });
  });

  it('keeps a stack only of what nobody expects, and leaves those of other errors alone', () => {
    expect(new AirlockError('INTERNAL').stack).toContain('errors.test.ts');
    expect(new AirlockError('RATE_LIMITED').stack).not.toContain('errors.test.ts');
    expect(new Error('another').stack).toContain('errors.test.ts');
  });
});

describe('retryAfterMs', () => {
  it('decides over the code', () => {
    expect(new AirlockError('RATE_LIMITED', { retryAfterMs: 1500 })).toMatchObject({ retry: true, retryAfterMs: 1500 });
    expect(new AirlockError('RATE_LIMITED', { retryAfterMs: Number.POSITIVE_INFINITY }).retry).toBe(false);
    expect(new AirlockError('RATE_LIMITED').retry).toBe(true);
  });
});

describe('AirlockError.from()', () => {
  it('returns an AirlockError as it is', () => {
    const error = new AirlockError('USAGE');
    expect(AirlockError.from(error)).toBe(error);
  });

  it('turns anything else into INTERNAL, and shows none of it to a client', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string({ minLength: 1 }), (thrown, text) => {
        for (const value of [thrown, new TypeError(text), text]) {
          const error = AirlockError.from(value);
          expect(error).toMatchObject({ code: 'INTERNAL', message: 'Internal error', violations: [], detail: undefined });
          if (value !== undefined) expect(error.cause).toBe(value);
        }
      }),
    );
  });
});

describe('isAirlockError()', () => {
  it('knows the errors of another copy of the module', () => {
    const brand = Symbol.for('tf-airlock.error');
    expect(isAirlockError(Object.assign(new Error('other copy'), { [brand]: true }))).toBe(true);
  });

  it('is false for everything else', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(isAirlockError(value)).toBe(false);
      }),
    );
    expect(isAirlockError(Object.assign(new Error('x'), { name: 'AirlockError', code: 'USAGE' }))).toBe(false);
  });
});

describe('violationError()', () => {
  it('says place, expected and got', () => {
    const violation = { path: 'instances[3].age', rule: 'integer', expected: 'an integer', got: '1.0' };
    const error = violationError('TENSOR_NOT_INTEGER', violation);
    expect(error.message).toBe('An integer was expected at instances[3].age: expected an integer, got 1.0');
    expect(error.violations).toEqual([violation]);
    expect(violationError('JSON_EMPTY', { ...violation, path: '' }).message).toBe(
      'The request body is empty: expected an integer, got 1.0',
    );
  });
});
