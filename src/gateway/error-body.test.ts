// What a client sees of an error: TensorFlow Serving's key, our code and violations, and nothing that is meant for the operator.
import { describe, expect, it } from 'vitest';
import { AirlockError, errorRegistry, isErrorCode, violationError } from '../core/index.ts';
import { errorAnswer } from './error-body.ts';

describe('errorAnswer', () => {
  it('has the message, the code and the violations', () => {
    const error = violationError('TENSOR_NOT_INTEGER', { path: 'instances[0]', rule: 'int', expected: 'an integer', got: '1.5' });
    const { status, body, retry } = errorAnswer(error);
    expect([status, retry]).toEqual([400, false]);
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
      retry: false,
    });
    const named = new AirlockError('INTERNAL', { message: 'a state that cannot be' });
    expect(errorAnswer(named).body).toContain('"Internal error"');
  });

  it.each(Object.keys(errorRegistry))('gives %s an error number, and 503 and 504 only where a retry may help', (code) => {
    if (!isErrorCode(code)) throw new Error(code);
    const { status, retry } = errorAnswer(new AirlockError(code));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    if (status === 503) expect(retry).toBe(true);
  });
});
