import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, refusedBy, runRules, strings, textsOf } from '../../../tests/support/contracts.ts';
import type { Vocabulary } from '../contract-types.ts';
import { keyedHash } from './set-rules-hash.ts';
import { ByteSet, eachRepeated, equalRanges } from './set-rules-table.ts';

const vocabularyOf = (entries: readonly string[], maxUnknownFraction = 0): Vocabulary => ({
  file: 'words.txt',
  sha256: '0'.repeat(64),
  maxUnknownFraction,
  entries: new Set(entries),
});
const text = fc.string({ unit: 'binary', maxLength: 6 });
/** A few values that come often, so that some are there twice. */
const small = fc.oneof(fc.constantFrom('', 'a', 'ab', 'b', 'é'), text);

describe('allowed', () => {
  it.each(['DT_INT8', 'DT_UINT8', 'DT_INT32', 'DT_INT64', 'DT_UINT64', 'DT_FLOAT', 'DT_DOUBLE', 'DT_BOOL'] as const)(
    'of %s lets through exactly what is in the list',
    (dtype) => {
      const isBool = dtype === 'DT_BOOL';
      const value = isBool ? fc.constantFrom(0, 1) : fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 127 }));
      fc.assert(
        fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), fc.array(value, { maxLength: 8 }), (list, values) => {
          const allowed = isBool ? list.map((one) => one === 1) : list;
          const { findings } = runRules({ dtype, allowed }, numbers(dtype, values));
          const others = values.flatMap((one, index) => (list.includes(one) ? [] : [`x[${index}]`]));
          expect(findings.kept.map(({ violation }) => violation.path)).toEqual(others);
          expect(refusedBy(findings)).toEqual(others.length > 0 ? ['allowed'] : []);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('tells 64-bit integers apart that are one double', () => {
    const allowed = [2n ** 53n + 1n, 2n ** 63n - 1n];
    const values = [2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 63n - 1n, 2n ** 63n - 2n];
    const places = runRules({ dtype: 'DT_INT64', allowed }, numbers('DT_INT64', values)).findings.kept.map(
      ({ violation }) => violation.path,
    );
    expect(places).toEqual(['x[0]', 'x[2]', 'x[4]']);
    // A double that the list has is not every integer that rounds to it, however the list has it.
    const double = runRules({ dtype: 'DT_INT64', allowed: [2 ** 53] }, numbers('DT_INT64', [2n ** 53n, 2n ** 53n + 1n]));
    expect(double.findings.kept.map(({ violation }) => violation.path)).toEqual(['x[1]']);
    const odd = runRules({ dtype: 'DT_INT64', allowed: [0.5, Number.POSITIVE_INFINITY] }, numbers('DT_INT64', [0n]));
    expect(refusedBy(odd.findings)).toEqual(['allowed']);
    const even = runRules({ dtype: 'DT_INT64', allowed: [2n ** 53n] }, numbers('DT_INT64', [2n ** 53n, 2n ** 53n + 1n]));
    expect(even.findings.kept.map(({ violation }) => violation.path)).toEqual(['x[1]']);
  });

  it('rounds the list to the type of the tensor', () => {
    const { findings } = runRules({ dtype: 'DT_FLOAT', allowed: [0.1, 0] }, numbers('DT_FLOAT', [0.1, -0, 0.2]));
    expect(findings.kept.map(({ violation }) => [violation.path, violation.got])).toEqual([['x[2]', '0.20000000298023224']]);
  });

  it('compares strings by their bytes', () => {
    fc.assert(
      fc.property(fc.array(small, { minLength: 1, maxLength: 20 }), fc.array(small, { maxLength: 20 }), (allowed, values) => {
        const { findings } = runRules({ dtype: 'DT_STRING', allowed }, strings(values));
        const others = values.flatMap((one, index) => (allowed.includes(one) ? [] : [`x[${index}]`]));
        expect(findings.kept.map(({ violation }) => violation.path)).toEqual(others);
      }),
    );
  });

  it('replaces what is not in the list, and takes no replacement that is not', () => {
    const onViolation = { allowed: { kind: 'replace', with: 'other' } };
    const came = strings(['a', 'zzz', '', 'b']);
    const { findings, tensors } = runRules({ dtype: 'DT_STRING', allowed: ['a', 'b', 'other'], onViolation }, came);
    expect(findings.refused).toBe(false);
    expect(textsOf(tensors[0])).toEqual(['a', 'other', 'other', 'b']);
    expect(textsOf(came)).toEqual(['a', 'zzz', '', 'b']);
    const numeric: RuleDraft = { dtype: 'DT_INT16', allowed: [1, 2], onViolation: { allowed: { kind: 'replace', with: 2 } } };
    expect(runRules(numeric, numbers('DT_INT16', [1, 7, -1])).tensors[0]).toEqual(numbers('DT_INT16', [1, 2, 2]));
    expect(() => runRules({ dtype: 'DT_STRING', allowed: ['a'], onViolation }, came)).toThrow('not in the list');
  });
});

describe('vocabulary', () => {
  it('lets through the share that may be unknown, and not one element more', () => {
    fc.assert(
      fc.property(fc.array(small, { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 4 }), (values, quarters) => {
        const vocabulary = vocabularyOf(['a', 'ab', 'b'], quarters / 4);
        const unknown = values.filter((one) => !vocabulary.entries.has(one)).length;
        const { findings } = runRules({ dtype: 'DT_STRING', vocabulary }, strings(values));
        expect(refusedBy(findings)).toEqual(unknown > (quarters / 4) * values.length ? ['vocabulary'] : []);
      }),
    );
  });

  it('reads integers as decimal text', () => {
    const vocabulary = vocabularyOf(['0', '17', '-3', '9223372036854775807', 'no number', '']);
    const values = [0n, 17n, -3n, 2n ** 63n - 1n, 1n, 2n ** 63n - 2n];
    const { findings } = runRules({ dtype: 'DT_INT64', vocabulary }, numbers('DT_INT64', values));
    expect(findings.kept.map(({ violation }) => violation.path)).toEqual(['x[4]', 'x[5]']);
  });

  it('replaces all unknown words once there are too many', () => {
    const onViolation = { vocabulary: { kind: 'replace', with: '[UNK]' } };
    const rules: RuleDraft = { dtype: 'DT_STRING', vocabulary: vocabularyOf(['a'], 0.5), onViolation };
    expect(textsOf(runRules(rules, strings(['a', 'x'])).tensors[0])).toEqual(['a', 'x']);
    expect(textsOf(runRules(rules, strings(['a', 'x', 'y'])).tensors[0])).toEqual(['a', '[UNK]', '[UNK]']);
  });
});

describe('replacements', () => {
  it('add no more than 16 MiB to a tensor, whatever a client chose to have replaced', () => {
    const long = 'x'.repeat(1024);
    const rules: RuleDraft = { dtype: 'DT_STRING', allowed: [long], onViolation: { allowed: { kind: 'replace', with: long } } };
    const of = (count: number) => runRules(rules, strings(new Array(count).fill('y')));
    const most = Math.floor((16 * 1024 * 1024) / 1023);
    expect(of(most).tensors[0].bytes.byteLength).toBe(most * 1024);
    const { findings, tensors } = of(most + 1);
    expect(refusedBy(findings)).toEqual(['allowed']);
    expect(tensors[0].bytes.byteLength).toBe(most + 1);
    expect(findings.error('CONTRACT_VIOLATION').message).toContain('replacements that add at most 16777216 bytes');
  });
});

describe('unique', () => {
  it('finds every element that comes again', () => {
    fc.assert(
      fc.property(fc.array(small, { maxLength: 30 }), (values) => {
        const { findings } = runRules({ dtype: 'DT_STRING', unique: 'elements' }, strings(values));
        const again = values.flatMap((one, index) => (values.indexOf(one) < index ? [`x[${index}]`] : []));
        expect(findings.kept.map(({ violation }) => violation.path)).toEqual(again);
        expect(refusedBy(findings)).toEqual(again.length > 0 ? ['unique'] : []);
      }),
    );
  });

  it('compares numbers by value: zeros of either sign, and NaNs of any bits', () => {
    const rules: RuleDraft = { dtype: 'DT_DOUBLE', unique: 'elements', number: { nan: 'allow' } };
    const tensor = numbers('DT_DOUBLE', [0, 1, -0, Number.NaN, 2, Number.NaN]);
    new DataView(tensor.bytes.buffer).setBigUint64(3 * 8, 0x7ff8000000000001n, true);
    const places = runRules(rules, tensor).findings.kept.map(({ violation }) => violation.path);
    expect(places).toEqual(['x[2]', 'x[5]']);
    const wide = numbers('DT_INT64', [2n ** 53n, 2n ** 53n + 1n]);
    expect(runRules({ dtype: 'DT_INT64', unique: 'elements' }, wide).findings.refused).toBe(false);
  });

  it('compares rows along the first dimension', () => {
    const row = fc.array(fc.constantFrom(0, 1), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 10 }), (rows) => {
        const again = rows.map(String).flatMap((one, index, all) => (all.indexOf(one) < index ? [`x[${3 * index}]`] : []));
        const places = (found: ReturnType<typeof runRules>) => found.findings.kept.map(({ violation }) => violation.path);
        expect(
          places(runRules({ dtype: 'DT_INT32', unique: 'rows' }, numbers('DT_INT32', rows.flat(), [rows.length, 3]))),
        ).toEqual(again);
        const words = rows.flat().map((value) => (value === 0 ? '' : 'a'));
        expect(places(runRules({ dtype: 'DT_STRING', unique: 'rows' }, strings(words, [rows.length, 3])))).toEqual(again);
      }),
    );
    const framed = strings(['ab', 'c', 'a', 'bc'], [2, 2]);
    expect(runRules({ dtype: 'DT_STRING', unique: 'rows' }, framed).findings.refused).toBe(false);
    const zeros = strings(['', '\0', '\0', ''], [2, 2]);
    expect(runRules({ dtype: 'DT_STRING', unique: 'rows' }, zeros).findings.refused).toBe(false);
  });

  it('looks at rows without elements, and at scalars', () => {
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', unique: 'rows' }, numbers('DT_FLOAT', [], [2, 0])).findings)).toEqual([
      'unique',
    ]);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', unique: 'rows' }, numbers('DT_FLOAT', [1], [])).findings)).toEqual([]);
  });
});

describe('the hash', () => {
  it('is HalfSipHash-2-4: the vectors of its authors', () => {
    const key = { k0: 0x03020100, k1: 0x07060504 };
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => index);
    const hashes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((length) => keyedHash(bytes, 0, length, key));
    expect(hashes).toEqual([
      0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a, 0x69b6fac5, 0x23fc6358, 0xc563cf8b, 0x8f84b8d0,
    ]);
  });

  it('finds what is there and nothing else, however the entries meet in the table', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 60 }), fc.array(text, { maxLength: 20 }), (entries, others) => {
        const set = new ByteSet(entries);
        for (const one of [...entries, ...others]) {
          const bytes = new TextEncoder().encode(`<${one}>`);
          const isEntry = entries.some((entry) => Buffer.from(entry).equals(Buffer.from(one)));
          expect(set.has(bytes, 1, bytes.byteLength - 1)).toBe(isEntry);
        }
      }),
    );
  });

  it('takes as long for numbers that are chosen to meet as for any', () => {
    // Multiples of a large power of two share the low bits that a plain table looks at.
    const count = 50_000;
    const bytes = new Uint8Array(Float64Array.from({ length: count }, (_, index) => index * 2 ** 32).buffer);
    const found: number[] = [];
    const started = performance.now();
    eachRepeated(equalRanges(bytes, count, 8), (index) => found.push(index) > 0);
    expect(found).toEqual([]);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
