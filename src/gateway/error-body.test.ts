// What a client sees of an error: TensorFlow Serving's key, our code and violations, and nothing that is meant for the operator.
import { describe, expect, it } from 'vitest';
import { AirlockError, errorRegistry, isErrorCode, violationError } from '../core/index.ts';
import { errorAnswer } from './error-body.ts';

describe('errorAnswer', () => {
  it('has the message, the code and the violations', () => {
    const error = violationError('TENSOR_NOT_INTEGER', { path: 'instances[0]', rule: 'int', expected: 'an integer', got: '1.5' });
    const { status, body, retryAfterSeconds } = errorAnswer(error);
    expect([status, retryAfterSeconds]).toEqual([400, undefined]);
    expect(JSON.parse(body)).toEqual({ error: error.message, code: 'TENSOR_NOT_INTEGER', violations: error.violations });
  });

  it('never holds detail or cause', () => {
    const error = new AirlockError('MODEL_INVALID', { message: 'broken', detail: '/srv/secret', cause: new Error('/srv/other') });
    expect(JSON.parse(errorAnswer(error).body)).toEqual({ error: 'broken', code: 'MODEL_INVALID', violations: [] });
  });

  it('says of an internal error only that it is one', () => {
    const error = AirlockError.from(new TypeError('cannot read /srv/secret'));
    expect(errorAnswer(error)).toEqual({
      status: 500,
      body: '{"error":"Internal error","code":"INTERNAL","violations":[]}',
      retryAfterSeconds: undefined,
    });
    const named = new AirlockError('INTERNAL', { message: 'a state that cannot be' });
    expect(errorAnswer(named).body).toContain('"Internal error"');
  });

  it.each([
    [1, 1],
    [1000, 1],
    [1001, 2],
    [Number.POSITIVE_INFINITY, undefined],
  ])('says of %s ms to come again after %s s', (retryAfterMs, expected) => {
    expect(errorAnswer(new AirlockError('RATE_LIMITED', { retryAfterMs })).retryAfterSeconds).toBe(expected);
  });

  it.each(Object.keys(errorRegistry))('gives %s an error number, and 503 and 504 only where a retry may help', (code) => {
    if (!isErrorCode(code)) throw new Error(code);
    const { status, retryAfterSeconds } = errorAnswer(new AirlockError(code));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    if (status === 503) expect(retryAfterSeconds).toBe(1);
  });
});
