// The rules of strings on tensors: for each rule, a text drawn inside it passes and one a step outside fails with exactly that rule; what
// actions make of a text; and that nothing that comes in is written to.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StringTensor, Tensor } from '../../tensor/index.ts';
import type { CheckContext } from '../check-types.ts';
import type { Action, Mode, StringRules } from '../contract-types.ts';
import { Findings } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import type { PatternWork } from './pattern.ts';
import { compileStringRules } from './strings.ts';

interface Setup {
  readonly actions?: Partial<Record<RuleName, Action>>;
  readonly modes?: Partial<Record<RuleName, Mode>>;
  /** What the request has cost before. */
  readonly work?: PatternWork;
}

/** What a check in steps comes to, and how many steps it took. */
function drain(steps: Generator<void, Tensor> | undefined): { readonly result: Tensor | undefined; readonly count: number } {
  for (let count = 1; steps !== undefined; count++) {
    const { done, value } = steps.next();
    if (done === true) return { result: value, count };
  }
  return { result: undefined, count: 0 };
}

const base: StringRules = { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };

function stringTensor(strings: readonly (string | Uint8Array)[]): StringTensor {
  const parts = strings.map((given) => Buffer.from(given as Uint8Array));
  const offsets = new Uint32Array(parts.length + 1);
  for (const [index, { length }] of parts.entries()) offsets[index + 1] = offsets[index] + length;
  return { dtype: 'DT_STRING', shape: [parts.length], bytes: Uint8Array.from(Buffer.concat(parts)), offsets };
}

function check(strings: readonly (string | Uint8Array)[], rules: Partial<StringRules>, { actions, modes, work }: Setup = {}) {
  const compiled = compileStringRules({
    rules: {
      dtype: 'DT_STRING',
      string: { ...base, ...rules },
      onViolation: new Map(),
      modes: new Map(),
      derivedFrom: new Map(),
    },
    bind(name) {
      const mode = modes?.[name] ?? 'enforce';
      return mode === 'off' ? undefined : { id: `s/inputs/x/${name}`, name, mode, action: actions?.[name] ?? { kind: 'reject' } };
    },
  });
  const contextOf = (): CheckContext => ({
    path: (index) => `x[${index}]`,
    findings: new Findings({ limit: 100, draw: 0.5, sampleFraction: 0 }),
    dims: new Map(),
    imageJobs: [],
    measure: { pixels: 0, ...(work ?? { patternWork: 0, patternMs: 0 }) },
  });
  const tensor = stringTensor(strings);
  const before = Buffer.from(tensor.bytes);
  const context = contextOf();
  const { findings } = context;
  const result = compiled?.(tensor, context) ?? tensor;
  expect(Buffer.from(tensor.bytes).equals(before)).toBe(true);
  const inSteps = contextOf();
  const steps = drain(compiled?.inSteps?.(tensor, inSteps));
  expect(steps.result ?? tensor).toEqual(result);
  expect(inSteps.findings).toEqual(findings);
  if (result.dtype !== 'DT_STRING') throw new Error('not strings');
  const { bytes, offsets } = result;
  return {
    rules: findings.kept.map(({ violation }) => violation.rule),
    violations: findings.kept.map(({ violation: { path, expected, got } }) => `${path}: ${expected}, ${got}`),
    outcomes: findings.kept.map(({ outcome }) => outcome),
    refused: findings.refused,
    isSame: result === tensor,
    steps: steps.count,
    work: context.measure,
    counts: Array.from(findings.counts.values()).reduce((sum, count) => sum + count, 0),
    strings: Array.from(offsets.subarray(1), (end, index) => Buffer.from(bytes.subarray(offsets[index], end)).toString()),
  };
}

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
const letters = fc.oneof(
  fc.stringMatching(/^[a-z ]{0,40}$/),
  fc.stringMatching(/^[а-яa-z]{0,40}$/),
  fc.stringMatching(/^[漢字]{0,20}$/),
);
const codePoints = (text: string): number => Array.from(text).length;

/** `inside` passes; the text that `outside` makes of it fails with `rule` and nothing else. */
function expectEdge(rule: RuleName, rules: Partial<StringRules>, inside: string, outside: string | Uint8Array): void {
  expect(check([inside], rules)).toMatchObject({ rules: [], isSame: true, refused: false });
  expect(check([outside], rules).rules).toEqual([rule]);
}

describe('each rule of strings, inside and one step outside', () => {
  const insert = (text: string, at: number, what: string): string => {
    const characters = Array.from(text);
    characters.splice(at % (characters.length + 1), 0, what);
    return characters.join('');
  };
  const property = (run: (text: string, at: number) => void): void =>
    fc.assert(
      fc.property(letters, fc.nat(40), (text, at) => run(text, at)),
      { numRuns: 150 },
    );

  it('string.encoding, UTF-8', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom('c080', 'eda080', 'f4908080', 'ff', 'e282'), (text, bad) => {
        const broken = Uint8Array.from(Buffer.concat([Buffer.from(text), Buffer.from(bad, 'hex')]));
        expectEdge('string.encoding', {}, text, broken);
        expect(check([broken], {}).violations).toEqual([`x[0]: valid UTF-8, an invalid byte at ${Buffer.byteLength(text)}`]);
      }),
    );
  });

  it('string.encoding, ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), fc.nat(), (text, at) => {
        expectEdge('string.encoding', { encoding: 'ascii' }, text, insert(text, at, '\u0080'));
      }),
    );
  });

  it('string.normalization', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom('NFC', 'NFKC'), (text, normalization) => {
        const normal = text.normalize(normalization);
        if (/\p{M}{31}/u.test(normal)) return;
        expectEdge('string.normalization', { normalization }, normal, `${normal}A\u030a`);
      }),
    );
    expect(check(['ﬁ'], { normalization: 'NFC' }).rules).toEqual([]);
    expect(check(['ﬁ'], { normalization: 'NFKC' }).rules).toEqual(['string.normalization']);
  });

  it('string.controlCharacters', () => {
    property((text, at) => {
      for (const control of ['\0', '\x1b', '\x7f', '\x85', '\x0b']) {
        expectEdge('string.controlCharacters', { controlCharacters: 'reject' }, `${text}\t\r\n`, insert(text, at, control));
      }
    });
    const { violations } = check(['é\x1b'], { controlCharacters: 'reject' });
    expect(violations).toEqual(['x[0]: no control characters, U+001B at byte 2']);
  });

  it('string.bidiControls', () => {
    property((text, at) => {
      for (const control of ['\u061c', '\u200e', '\u200f', '\u202a', '\u202e', '\u2066', '\u2069']) {
        expectEdge('string.bidiControls', { bidiControls: 'reject', invisible: 'reject' }, text, insert(text, at, control));
      }
    });
  });

  it('string.invisible', () => {
    property((text, at) => {
      expectEdge('string.invisible', { invisible: 'reject' }, `${text} 👨‍👩‍👧`, insert(text, at, '\u200b'));
    });
  });

  it('string.minBytes and string.maxBytes', () => {
    property((text) => {
      const bytes = Buffer.byteLength(text);
      expect(check([text], { minBytes: bytes, maxBytes: bytes }).rules).toEqual([]);
      expect(check([text], { minBytes: bytes + 1 }).violations).toEqual([`x[0]: at least ${bytes + 1} bytes, ${bytes} bytes`]);
      expect(check([`${text}a`], { maxBytes: bytes }).violations).toEqual([`x[0]: at most ${bytes} bytes, ${bytes + 1} bytes`]);
      expect(check([`${text}a`], { encoding: 'binary', maxBytes: bytes }).rules).toEqual(['string.maxBytes']);
    });
  });

  it('string.minCodePoints and string.maxCodePoints', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const count = codePoints(text);
        expect(check([text], { minCodePoints: count, maxCodePoints: count }).rules).toEqual([]);
        expect(check([text], { minCodePoints: count + 1 }).rules).toEqual(['string.minCodePoints']);
        expect(check([`${text}😀`], { maxCodePoints: count }).rules).toEqual(['string.maxCodePoints']);
      }),
    );
  });

  it('string.minGraphemes and string.maxGraphemes', () => {
    const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
    fc.assert(
      fc.property(anyText, (text) => {
        const count = Array.from(segmenter.segment(text)).length;
        expect(check([text], { minGraphemes: count }).rules).toEqual([]);
        if (codePoints(text) <= count * 32) expect(check([text], { maxGraphemes: count }).rules).toEqual([]);
        expect(check([text], { minGraphemes: count + 1 }).rules).toEqual(['string.minGraphemes']);
        expect(check([`${text}\na`], { maxGraphemes: count }).rules).toEqual(['string.maxGraphemes']);
      }),
    );
    const tower = `a${'\u0301'.repeat(40)}`;
    expect(check([tower], { maxGraphemes: 1 }).violations).toEqual(['x[0]: at most 1 graphemes, 41 code points']);
  });

  it('string.pattern', () => {
    property((text) => {
      expectEdge('string.pattern', { pattern: '[\\p{L} ]*' }, text, `${text}<`);
    });
    const { violations } = check(['no\x1bno'.repeat(20)], { pattern: '[a-z]+' });
    expect(violations).toEqual([
      'x[0]: text that matches [a-z]+, no\\u{1b}nono\\u{1b}nono\\u{1b}nono\\u{1b}nono\\u{1b}nono\\u{1b}nono\\u{1b}nono\\u{1b}no…',
    ]);
    expect(check(['a'.repeat(2 ** 20 + 1)], { pattern: 'a*' }).rules).toEqual(['string.pattern']);
  });
});

describe('compileStringRules', () => {
  const bind = (name: RuleName) => ({ id: name, name, mode: 'enforce', action: { kind: 'reject' } }) as const;
  const maps = { onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };

  it('checks text of which the contract says nothing, and nothing else', () => {
    expect(compileStringRules({ rules: { dtype: 'DT_STRING', ...maps }, bind })).toBeDefined();
    expect(compileStringRules({ rules: { dtype: 'DT_FLOAT', ...maps }, bind })).toBeUndefined();
    const example = { features: new Map(), unknownFeatures: 'allow', maxFeatures: 1, sparse: [], ragged: [] } as const;
    expect(compileStringRules({ rules: { dtype: 'DT_STRING', example, ...maps }, bind })).toBeUndefined();
    expect(
      compileStringRules({ rules: { dtype: 'DT_STRING', string: { ...base, encoding: 'binary' }, ...maps }, bind }),
    ).toBeUndefined();
    expect(compileStringRules({ rules: { dtype: 'DT_STRING', string: base, ...maps }, bind: () => undefined })).toBeUndefined();
  });

  it('compiles no pattern that is off', () => {
    expect(check(['x'], { pattern: '(' }, { modes: { 'string.pattern': 'off' } }).rules).toEqual([]);
  });

  it('lists all that is wrong with all elements', () => {
    const { violations } = check(['ok', '\u202e\0', 'toolong'], {
      controlCharacters: 'reject',
      bidiControls: 'reject',
      maxBytes: 6,
    });
    expect(violations).toEqual([
      'x[1]: no control characters, U+0000 at byte 3',
      'x[1]: no characters that reorder text, U+202E at byte 0',
      'x[2]: at most 6 bytes, 7 bytes',
    ]);
  });

  it('still looks for what stands behind a bad byte', () => {
    const strings = [Uint8Array.from([0xff, 0x1b, 0x61])];
    const given = check(strings, { controlCharacters: 'reject' }, { actions: { 'string.encoding': { kind: 'log' } } });
    expect(given).toMatchObject({ rules: ['string.encoding', 'string.controlCharacters'], refused: true });
  });

  it('stops at 1,000 mistakes when the request is refused, and only then', () => {
    const strings = Array.from({ length: 1_500 }, () => '');
    expect(check(strings, { minBytes: 1 }).counts).toBe(1_000);
    expect(check(strings, { minBytes: 1 }, { modes: { 'string.minBytes': 'shadow' } }).counts).toBe(1_500);
  });

  it('spends nothing on the form of a text that is refused for its length', () => {
    const marks = '\u0301\u0323'.repeat(100_000);
    const startMs = performance.now();
    expect(check([`a${marks}`], { maxBytes: 10, normalization: 'NFC', maxGraphemes: 5 }).rules).toEqual(['string.maxBytes']);
    expect(check([`a${marks}`], { normalization: 'NFC' }).rules).toEqual(['string.normalization']);
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });
});

describe('actions on strings', () => {
  const truncate = (side: 'left' | 'right'): Action => ({ kind: 'truncate', side });

  it('cut to bytes without splitting a character or a grapheme', () => {
    const rules = { maxBytes: 5 };
    const actions = (side: 'left' | 'right') => ({ actions: { 'string.maxBytes': truncate(side) } });
    expect(check(['größe', 'kurz'], rules, actions('right'))).toMatchObject({ strings: ['grö', 'kurz'], refused: false });
    expect(check(['größe'], rules, actions('left')).strings).toEqual(['öße']);
    expect(check(['aé́é́'], rules, actions('right')).strings).toEqual(['aé́']);
    expect(check(['👨‍👩‍👧'], rules, actions('right')).strings).toEqual(['']);
    expect(check(['1234567'], { ...rules, encoding: 'binary' }, actions('left')).strings).toEqual(['34567']);
  });

  it('always make the rule hold that they are for', () => {
    const rule = fc.constantFrom('string.maxBytes', 'string.maxCodePoints', 'string.maxGraphemes');
    fc.assert(
      fc.property(anyText, rule, fc.nat(12), fc.constantFrom('left', 'right'), (text, name, limit, side) => {
        const rules = { [name.slice('string.'.length)]: limit };
        const given = check([text, 'a'], rules, { actions: { [name]: truncate(side) } });
        if (given.refused) return;
        expect(check(given.strings, rules).rules).toEqual([]);
        const [cut] = given.strings;
        expect(side === 'right' ? text.startsWith(cut) : text.endsWith(cut)).toBe(true);
      }),
    );
  });

  it('replace a string, and look at the other rules again', () => {
    const rules = { maxBytes: 6, pattern: '[A-Z]*' };
    const replaceWith = (text: string): Setup => ({ actions: { 'string.pattern': { kind: 'replace', with: text } } });
    expect(check(['OK', 'bad'], rules, replaceWith('UNK'))).toMatchObject({
      strings: ['OK', 'UNK'],
      outcomes: ['replace'],
      refused: false,
    });
    // The replacement is no better: refused, not tried for ever.
    expect(check(['bad'], rules, replaceWith('worse'))).toMatchObject({ outcomes: ['replace', 'reject'], refused: true });
    expect(check(['bad'], rules, replaceWith('TOOLONG')).rules).toEqual(['string.pattern', 'string.maxBytes']);
  });

  it('refuse what they cannot cut', () => {
    const given = check(
      [Uint8Array.from([0xff, 0x61, 0x62])],
      { maxCodePoints: 2 },
      {
        actions: { 'string.encoding': { kind: 'log' }, 'string.maxCodePoints': truncate('right') },
      },
    );
    expect(given).toMatchObject({ refused: true, isSame: true });
  });

  it('leave the tensor alone in shadow', () => {
    const setup: Setup = { actions: { 'string.maxBytes': truncate('right') }, modes: { 'string.maxBytes': 'shadow' } };
    expect(check(['longer'], { maxBytes: 2 }, setup)).toMatchObject({ outcomes: ['shadow'], isSame: true, refused: false });
    const sampled: Setup = { ...setup, modes: { 'string.maxBytes': 'sample' } };
    expect(check(['longer'], { maxBytes: 2 }, sampled)).toMatchObject({ outcomes: ['shadow'], isSame: true });
  });

  it('do not let many small strings become a large tensor', () => {
    const setup: Setup = { actions: { 'string.minBytes': { kind: 'replace', with: 'x'.repeat(10_000) } } };
    const given = check(
      Array.from({ length: 2_000 }, () => ''),
      { minBytes: 1 },
      setup,
    );
    expect(given).toMatchObject({ refused: true, isSame: true });
    expect(given.outcomes).toContain('reject');
  });
});

describe('many strings', () => {
  it('are looked at in steps, and a few in one', () => {
    expect(check(['a', 'b'], { maxBytes: 4 }).steps).toBe(1);
    expect(check(new Array(5_000).fill('a'), { maxBytes: 4 }).steps).toBe(5);
    expect(check(new Array(50).fill('a'.repeat(4_000)), { maxBytes: 4_000 }).steps).toBe(11);
    // 2,002 instructions: 30 bytes are a step.
    expect(check(new Array(20).fill('a'.repeat(30)), { pattern: '[a-z]{0,1000}' }).steps).toBe(21);
  });

  it('have a bounded time for their patterns, and break the rule when it is over', () => {
    const spent = { patternWork: 2 ** 20, patternMs: 3_000 };
    const { violations, outcomes } = check(['a', 'ä'.repeat(9)], { pattern: '\\pL+' }, { work: spent });
    expect(violations).toEqual([
      'x[0]: texts whose patterns are matched in the time of a request, too many',
      'x[1]: texts whose patterns are matched in the time of a request, too many',
    ]);
    expect(outcomes).toEqual(['reject', 'reject']);
    expect(check(['a'], { pattern: '\\pL+' }, { work: { ...spent, patternMs: 2_999 } }).refused).toBe(false);
  });

  it('have the time of their patterns taken only when they are much work', () => {
    const { work } = check(new Array(1_000).fill('abc'), { pattern: '[a-z]+' });
    expect(work).toMatchObject({ patternWork: expect.any(Number), patternMs: 0 });
    expect(work.patternWork).toBeGreaterThan(1_000 * 11);
    expect(check(new Array(100).fill('a'.repeat(10_000)), { pattern: '[a-z]+' }).work.patternMs).toBeGreaterThan(0);
  });
});
