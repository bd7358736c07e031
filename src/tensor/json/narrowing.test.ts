// Numbers that must not lose precision: the decision is compared with exact rational arithmetic, and the decoder with the decision.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../../core/index.ts';
import type { DType } from '../dtype.ts';
import { defaultJsonLimits } from './limits.ts';
import { isWrittenWhole, losesPrecision, type NarrowingRule, type NumberRules } from './narrowing.ts';
import { PredictDecoder } from './predict-decoder.ts';

describe('losesPrecision()', () => {
  it.each([
    ['16777216', Math.fround(16777216), false],
    ['16777217', Math.fround(16777217), true],
    ['0.1', Math.fround(0.1), true],
    ['0.1', 0.1, true],
    ['0.5', 0.5, false],
    ['5e-1', 0.5, false],
    ['1e-50', 0, true],
    ['1e-999999999', 0, true],
    ['0e999999999', 0, false],
    ['-0.000', -0, false],
    ['-0.0001e-99999', -0, true],
    ['0.00e5', 0, false],
    ['9007199254740993', 9007199254740992, true],
    ['1.5e300', 1.5e300, true],
  ])('of %s as %d is %s', (text, value, lost) => {
    expect(losesPrecision(text, value)).toBe(lost);
  });

  it('is never true for a double that is written with all its digits', () => {
    const dyadic = fc.tuple(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(dyadic, ([numerator, power]) => {
        const value = numerator / 2 ** power;
        const text = value.toFixed(power);
        expect(losesPrecision(text, value)).toBe(false);
        // One more digit, far behind the last: another number, and the same double or the next.
        expect(losesPrecision(`${text.includes('.') ? text : `${text}.0`}${'0'.repeat(30)}1`, value)).toBe(true);
      }),
    );
  });
});

it.each([
  ['12', true],
  ['-12', true],
  ['1e9', true],
  ['1E+9', true],
  ['1.0', false],
  ['1e-9', false],
  ['1E-9', false],
])('%s is written whole: %s', (text, whole) => {
  expect(isWrittenWhole(text)).toBe(whole);
});

const noRules: NumberRules = {
  narrowing: () => undefined,
  judges: () => false,
  restarted: () => undefined,
  refused: () => undefined,
};

/** What was lost when `body` was decoded into inputs of these types under `exact`. */
function decode(
  body: string,
  exact: NarrowingRule['exact'] | undefined,
  types: Readonly<Record<string, DType>> = { x: 'DT_FLOAT' },
) {
  const inputs = Object.entries(types).map(([alias, dtype]) => ({ alias, tensorName: `${alias}:0`, dtype, shape: null }));
  const signature = { name: 'serving_default', methodName: '', inputs, outputs: [] };
  const lost: string[] = [];
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'compat',
    allowNonFinite: false,
    signature: () => signature,
    hasChoice: false,
    rules: {
      ...noRules,
      narrowing: (_signature, index) =>
        exact === undefined || inputs[index].alias === 'free'
          ? undefined
          : { exact, onLoss: (path, text) => lost.push(`${path()} ${text}`) },
    },
  });
  decoder.push(Buffer.from(body));
  return { lost, request: decoder.finish() };
}

describe('PredictDecoder', () => {
  it('reports each number that is rounded, with its place, and keeps the rounded one', () => {
    const { lost, request } = decode('{"instances":[[1, 16777217],[0.5,0.1],[1e-60,3]]}', 'all');
    expect(lost).toEqual(['instances[0][1] 16777217', 'instances[1][1] 0.1', 'instances[2][0] 1e-60']);
    const { bytes } = request.tensors[0];
    expect([...new Float32Array(bytes.slice().buffer)]).toEqual([1, 16777216, 0.5, Math.fround(0.1), 0, 3]);
  });

  it('reports only those that are written whole when that is asked', () => {
    expect(decode('{"inputs":[16777217, 16777217.0, 0.1, 1e-60, 33554433e0]}', 'integers').lost).toEqual([
      'inputs[0] 16777217',
      'inputs[4] 33554433e0',
    ]);
  });

  it.each<[DType, string, string]>([
    ['DT_HALF', '2048', '2049'],
    ['DT_BFLOAT16', '256', '257'],
    ['DT_FLOAT', '16777216', '16777217'],
    ['DT_DOUBLE', '9007199254740992', '9007199254740993'],
  ])('knows how much %s holds', (dtype, fits, lost) => {
    expect(decode(`{"inputs":[${fits},${lost}]}`, 'integers', { x: dtype }).lost).toEqual([`inputs[1] ${lost}`]);
  });

  it('looks at the inputs that it is told to, and never at integers', () => {
    const body = '{"instances":[{"x":16777217,"free":16777217,"n":16777217}]}';
    const { lost, request } = decode(body, 'all', { x: 'DT_FLOAT', free: 'DT_FLOAT', n: 'DT_INT32' });
    expect(lost).toEqual(['instances[0].x 16777217']);
    expect(request.named).toBe(true);
  });

  it('gives the same tensors with and without it', () => {
    const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e38, max: 1e38 }));
    fc.assert(
      fc.property(fc.array(fc.array(number, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 6 }), (rows) => {
        const body = JSON.stringify({ instances: rows });
        const plain = decode(body, undefined);
        const exact = decode(body, 'all');
        expect(exact.request.tensors).toEqual(plain.request.tensors);
        const lossy = rows.flat().filter((value) => !Object.is(Math.fround(value), value));
        expect(exact.lost.length).toBeGreaterThanOrEqual(lossy.length);
      }),
    );
  });

  it('throws what the listener throws', () => {
    const error = new AirlockError('CONTRACT_VIOLATION');
    const inputs = [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT' as const, shape: null }];
    const decoder = new PredictDecoder({
      limits: defaultJsonLimits,
      sizeHint: 0,
      shapes: 'strict',
      allowNonFinite: false,
      signature: () => ({ name: 'serving_default', methodName: '', inputs, outputs: [] }),
      hasChoice: false,
      rules: {
        ...noRules,
        narrowing: () => ({
          exact: 'all',
          onLoss: () => {
            throw error;
          },
        }),
      },
    });
    expect(() => decoder.push(Buffer.from('{"instances":[0.1,'))).toThrow(error);
  });
});

describe('named', () => {
  const named = (body: string, types?: Readonly<Record<string, DType>>) => decode(body, undefined, types).request.named;
  it('says whether the client named its inputs', () => {
    expect(named('{"instances":[1,2]}')).toBe(false);
    expect(named('{"instances":[{"x":1},{"x":2}]}')).toBe(true);
    expect(named('{"inputs":[1,2]}')).toBe(false);
    expect(named('{"inputs":{"x":[1,2]}}')).toBe(true);
    expect(named('{"inputs":{"x":[1,2],"y":1}}', { x: 'DT_FLOAT', y: 'DT_FLOAT' })).toBe(true);
  });
});
