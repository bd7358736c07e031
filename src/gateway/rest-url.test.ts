// The URLs of TensorFlow Serving: which are part of the interface, and what they ask for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { type ModelTarget, parseModelTarget } from './rest-url.ts';

describe('parseModelTarget reads', () => {
  const cases: readonly (readonly [string, string, ModelTarget])[] = [
    ['POST', '/v1/models/m:predict', { verb: 'predict', model: 'm' }],
    ['POST', '/v1/models/m:classify', { verb: 'classify', model: 'm' }],
    ['POST', '/v1/models/m:regress', { verb: 'regress', model: 'm' }],
    ['POST', '/V1/Models/M:Predict', { verb: 'predict', model: 'M' }],
    ['POST', '/v1/models/m/versions/7:predict', { verb: 'predict', model: 'm', version: 7n }],
    ['POST', '/v1/models/m/versions/0007:predict', { verb: 'predict', model: 'm', version: 7n }],
    ['POST', '/v1/models/m/versions/9223372036854775807:predict', { verb: 'predict', model: 'm', version: 2n ** 63n - 1n }],
    ['POST', '/v1/models/m/labels/stable:predict', { verb: 'predict', model: 'm', label: 'stable' }],
    ['POST', '/v1/models/a%2Fb%20c:predict', { verb: 'predict', model: 'a/b c' }],
    ['POST', '/v1/models/%C3%A9/labels/%3A:predict', { verb: 'predict', model: 'é', label: ':' }],
    ['GET', '/v1/models/m', { verb: 'status', model: 'm' }],
    ['GET', '/v1/models/m/versions/7', { verb: 'status', model: 'm', version: 7n }],
    ['GET', '/v1/models/m/labels/stable', { verb: 'status', model: 'm', label: 'stable' }],
    ['GET', '/v1/models/m/metadata', { verb: 'metadata', model: 'm' }],
    ['GET', '/v1/models/m/METADATA', { verb: 'metadata', model: 'm' }],
    ['GET', '/v1/models/m/versions/7/metadata', { verb: 'metadata', model: 'm', version: 7n }],
    ['GET', '/v1/models/m/labels/l/metadata', { verb: 'metadata', model: 'm', label: 'l' }],
    ['GET', '/v1/models/metadata', { verb: 'status', model: 'metadata' }],
    ['GET', '/v1/models/predict', { verb: 'status', model: 'predict' }],
    // As in TensorFlow Serving's pattern: a name may hold a question mark, and no model will be found by it.
    ['GET', '/v1/models/m?x=1', { verb: 'status', model: 'm?x=1' }],
    ['GET', '/v1/models/..', { verb: 'status', model: '..' }],
  ];
  it.each(cases)('%s %s', (method, url, target) => {
    expect(parseModelTarget(method, url)).toEqual(target);
  });
});

describe('parseModelTarget refuses', () => {
  it.each([
    ['GET', '/v1/models'],
    ['GET', '/v1/models/'],
    ['GET', '/v1/models/m/'],
    ['GET', '/v1/models/m:predict'],
    ['GET', '/v1/models/m/versions'],
    ['GET', '/v1/models/m/versions/'],
    ['GET', '/v1/models/m/versions/x'],
    ['GET', '/v1/models/m/versions/-1'],
    ['GET', '/v1/models/m/versions/1.0'],
    ['GET', '/v1/models/m/versions/9223372036854775808'],
    ['GET', '/v1/models/m/versions/18446744073709551615'],
    ['GET', `/v1/models/m/versions/${'9'.repeat(200)}`],
    ['GET', '/v1/models/m/labels/'],
    ['GET', '/v1/models/m/labels/l/versions/1'],
    ['GET', '/v1/models/m/versions/1/labels/l'],
    ['GET', '/v1/models/m/metadata?x=1'],
    ['GET', '/v1/models/%'],
    ['GET', '/v1/models/%zz'],
    ['GET', '/v1/models/%ff'],
    ['GET', '/v1/models/m/labels/%c3%28'],
    ['POST', '/v1/models/m'],
    ['POST', '/v1/models/m:predict?x=1'],
    ['POST', '/v1/models/m:predict/'],
    ['POST', '/v1/models/m:predict:predict'],
    ['POST', '/v1/models/m:explain'],
    ['POST', '/v1/models/:predict'],
    ['POST', '/v1/models/m/metadata'],
    ['POST', '/v2/models/m:predict'],
    ['POST', '//v1/models/m:predict'],
    ['POST', `/v1/models/${'m'.repeat(2048)}:predict`],
    ['PUT', '/v1/models/m:predict'],
    ['HEAD', '/v1/models/m'],
    ['DELETE', '/v1/models/m'],
    ['post', '/v1/models/m:predict'],
  ])('%s %s', (method, url) => {
    expect(codeOf(method, url)).toBe('REQUEST_MALFORMED');
  });

  it('a long path quickly', () => {
    const startedMs = performance.now();
    expect(codeOf('GET', `/v1/models/${'/versions/1'.repeat(100_000)}`)).toBe('REQUEST_MALFORMED');
    expect(codeOf('GET', `/v1/models/m${'/labels/'.repeat(180)}`)).toBe('REQUEST_MALFORMED');
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it('never repeats a control character of the URL', () => {
    try {
      parseModelTarget('GET', '/v1/\u001b[31m\u0000\u202e');
    } catch (thrown) {
      expect(isAirlockError(thrown) && /[\p{Cc}\p{Cf}]/u.test(thrown.message)).toBe(false);
    }
    expect.assertions(1);
  });
});

describe('parseModelTarget', () => {
  const name = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((one) => !/\p{Cs}/u.test(one));

  it('gives back every name that was percent-encoded', () => {
    fc.assert(
      fc.property(name, name, (model, label) => {
        const url = `/v1/models/${encodeURIComponent(model)}/labels/${encodeURIComponent(label)}`;
        fc.pre(url.length <= 1000);
        expect(parseModelTarget('POST', `${url}:predict`)).toEqual({ verb: 'predict', model, label });
        expect(parseModelTarget('GET', `${url}/metadata`)).toEqual({ verb: 'metadata', model, label });
      }),
    );
  });

  it('never fails but with a coded error', () => {
    const piece = fc.constantFrom(
      '/v1/models',
      '/',
      'm',
      ':',
      '%',
      '%41',
      'versions',
      'labels',
      '1',
      '?',
      '#',
      'predict',
      '..',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(fc.constantFrom('GET', 'POST'), fc.array(piece, { maxLength: 12 }), (method, pieces) => {
        const code = codeOf(method, pieces.join(''));
        expect(['ok', 'REQUEST_MALFORMED']).toContain(code);
      }),
      { numRuns: 2000 },
    );
  });
});

function codeOf(method: string, url: string): string {
  try {
    parseModelTarget(method, url);
    return 'ok';
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
}
