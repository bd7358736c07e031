import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isErrorCode } from '../core/index.ts';
import { clientMessage, loadError, runError } from './status.ts';

describe('clientMessage', () => {
  it.each([
    ['/etc/passwd; No such file or directory', '<path>; No such file or directory'],
    ['Failed to open "/srv/models/1/variables" for reading', 'Failed to open "<path>" for reading'],
    ['see file:///srv/a b', 'see <path> b'],
    ['{{node model/dense/MatMul}} failed', '{{node model/dense/MatMul}} failed'],
    ['at 0x7f3a12345678 in thread', 'at <address> in thread'],
    ['expected shape [?,3] but got [2,4]', 'expected shape [?,3] but got [2,4]'],
    ['line\nnext\u001b[31m', 'line\\u{a}next\\u{1b}[31m'],
  ])('%j', (message, seen) => expect(clientMessage(message)).toBe(seen));

  it('is bounded and printable whatever TensorFlow says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (message) => {
        const seen = clientMessage(message);
        // Each unit may become \u{10ffff}, and one ellipsis.
        expect(seen.length).toBeLessThanOrEqual(512 * 10 + 1);
        expect(seen).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      }),
    );
  });

  it('takes linear time on text made to be slow', () => {
    const start = performance.now();
    clientMessage('a.'.repeat(1_000_000));
    clientMessage('/'.repeat(1_000_000));
    clientMessage('0x'.repeat(1_000_000));
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('errors of TensorFlow', () => {
  it('have a code of the registry for every number', () => {
    for (let status = 1; status <= 20; status++) {
      const { code } = runError(status, 'x');
      expect(isErrorCode(code) && code.startsWith('TENSORFLOW_')).toBe(true);
    }
    expect(runError(4, '').code).toBe('TENSORFLOW_DEADLINE_EXCEEDED');
    expect(runError(16, '').code).toBe('TENSORFLOW_UNAUTHENTICATED');
  });

  it('keep the whole message for the operator', () => {
    expect(runError(5, '/etc/x').detail).toBe('/etc/x');
    expect(loadError('/srv/m: broken').detail).toBe('/srv/m: broken');
    expect(loadError('/srv/m: broken').message).not.toContain('/srv');
  });
});
