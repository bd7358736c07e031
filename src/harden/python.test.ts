// The Python source as text: that nothing of a contract can become code in it. tests/conformance/harden.test.ts runs it in a Keras build.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contract, parseContract, type TensorRules } from '../contract/index.ts';
import { pythonAssertions } from './python.ts';
import { pythonList, pythonNumber, pythonString } from './python-text.ts';

// Any UTF-16, with what ends literals and comments made likely.
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '"',
      "'",
      '\\',
      '\n',
      '\r',
      '#',
      '{',
      '}',
      '%',
      '\0',
      '\u2028',
      '\u0085',
      '\ud800',
      '"""',
      "'''",
      '\\N{DIGIT ONE}',
      '\\x22',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  ),
});

const literal = /"(?:[^"\\\n\r]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*"/g;

/** What Python reads: only numbers of characters are ever escaped. */
function read(source: string): string {
  return source.slice(1, -1).replace(/\\(?:x(..)|u(....)|U(........))/g, (_, ...codes: (string | undefined)[]) => {
    const code = codes.find((part) => part !== undefined) ?? '';
    return String.fromCodePoint(Number.parseInt(code, 16));
  });
}

const base = parseContract(`apiVersion: airlock/contract/v1
metadata: { id: test, revision: 2 }
dims: { batch: { min: 1, max: 8, multipleOf: 2 }, seq: { min: 1, max: 4 } }
signatures:
  serving_default:
    inputs:
      x: { dtype: float32, shape: [batch, 4], min: 0.1, exclusiveMax: 10, maxElements: 40, unique: rows }
      ids: { dtype: int64, shape: [batch, 2*seq+1], allowed: [3, 1, 9007199254740993] }
      name: { dtype: string, shape: [batch], string: { maxBytes: 8, pattern: '[a-z"\\\\]*' } }
    outputs:
      y: { dtype: float32, max: 1, shape: [batch, 3] }
`);

describe('Python text', () => {
  it('holds any string in a literal that is only a literal', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const source = pythonString(text);
        expect(source).toMatch(new RegExp(`^${literal.source}$`));
        expect(source).toMatch(/^[ -~]*$/);
        expect(read(source)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('writes numbers exactly', () => {
    expect([1, -0, 0.1, 1e300, 2n ** 63n, Number.POSITIVE_INFINITY].map(pythonNumber)).toEqual([
      '1',
      '-0.0',
      '0.1',
      '1e+300',
      '9223372036854775808',
      'float("inf")',
    ]);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => Object.is(Number(pythonNumber(value)), value)),
    );
    expect(pythonList(['1', '2'])).toBe('[1, 2]');
  });
});

describe('pythonAssertions', () => {
  const source = pythonAssertions(base, 'serving_default');

  it('has an assertion for each rule, with the text of the rule', () => {
    for (const part of [
      'tf.debugging.assert_type(t0, tf.float32, message="[airlock] serving_default/inputs/x/dtype: expected the type float32")',
      'tf.debugging.assert_shapes([(t0, (None, 4))]',
      '(d0 >= 1) & (d0 <= 8)',
      'd0 % 2 == 0',
      '((tf.shape(t1, tf.int64)[1] - 1) // 2)',
      'tf.size(t0, tf.int64) <= 40',
      't0 = tf.debugging.assert_all_finite(t0, ',
      'tf.debugging.assert_greater_equal(t0, tf.constant(0.1, t0.dtype), message="[airlock] serving_default/inputs/x/min: expected at least 0.1"',
      'tf.debugging.assert_less(t0, tf.constant(10, t0.dtype)',
      '_one_of(t1, tf.constant([1, 3, 9007199254740993], t1.dtype))',
      'tf.strings.regex_full_match(t2, ',
      'tf.strings.length(t2, "BYTE") <= 8',
      'def check_outputs(outputs):',
    ]) {
      expect(source).toContain(part);
    }
    expect(source).toContain('#   serving_default/inputs/x/unique: it is checked by the server only');
    expect(source).toContain(
      '#   serving_default/outputs/y/shape: only in part: check_outputs does not know the sizes of the inputs',
    );
  });

  it('refuses a signature that the contract does not have', () => {
    expect(() => pythonAssertions(base, 'other')).toThrow(expect.objectContaining({ code: 'SIGNATURE_NOT_FOUND' }));
  });

  it('has the same lines and no new code, whatever the names, patterns and words are', () => {
    const plain = base.signatures.get('serving_default')?.inputs.get('name');
    const text = plain?.string;
    if (plain === undefined || text === undefined) throw new Error('no name');
    const rulesOf = (word: string, pattern: string): TensorRules => ({
      ...plain,
      allowed: [word, 'b'],
      string: { ...text, pattern },
    });
    const contractOf = (name: string, alias: string, word: string, pattern: string): Contract => ({
      ...base,
      metadata: { ...base.metadata, id: name },
      signatures: new Map([[name, { inputs: new Map([[alias, rulesOf(word, pattern)]]), outputs: new Map(), relations: [] }]]),
    });
    // Without its literals and comments, the module is always the same.
    const bones = (text: string) => text.replace(literal, '""').replace(/#.*/g, '#');
    const wanted = bones(pythonAssertions(contractOf('n', 'a', 'w', 'p'), 'n'));
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (name, alias, word, pattern) => {
        fc.pre(
          !pattern.includes('(?<') &&
            !pattern.includes('\\C') &&
            !pattern.includes('\0') &&
            Buffer.from(word).toString() === word,
        );
        expect(bones(pythonAssertions(contractOf(name, alias, word, pattern), name))).toBe(wanted);
      }),
      { numRuns: 300 },
    );
  });
});
