// One contract per rule, a tensor that keeps to it, one that breaks it and nothing else, and what each action makes of the second. The
// compiler asks for a case of every rule of an input; tests/contract-table.test.ts asks for a case of every action.
import { type ActionKind, type RuleName, ruleTable, type StringRules } from '../../src/contract/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import type { CaseName, RuleCase } from './contract-case.ts';
import { contentCases } from './contract-cases-content.ts';
import { numbers, type RuleDraft, strings } from './contracts.ts';

export type { CaseName, RuleCase, RuleChange } from './contract-case.ts';

const float = (...values: number[]): Tensor => numbers('DT_FLOAT', values);
const int = (...values: number[]): Tensor => numbers('DT_INT32', values);
const matrix = (rows: number, columns: number, ...values: number[]): Tensor => numbers('DT_INT32', values, [rows, columns]);
const clip = (becomes: Tensor) => ({ clip: { action: { kind: 'clip' }, becomes } }) as const;
const replace = (value: number | string, becomes: Tensor) =>
  ({ replace: { action: { kind: 'replace', with: value }, becomes } }) as const;
const truncate = (becomes: Tensor | { readonly box: string }) =>
  ({ truncate: { action: { kind: 'truncate', side: 'right' }, becomes } }) as const;

/** The largest finite float32. */
const largest = (2 - 2 ** -23) * 2 ** 127;
const ofFloats = (rules: Partial<RuleDraft>): RuleDraft => ({ dtype: 'DT_FLOAT', ...rules });
const ofInts = (rules: Partial<RuleDraft>): RuleDraft => ({ dtype: 'DT_INT32', ...rules });
const ofText = (rules: Partial<StringRules>): RuleDraft => ({
  dtype: 'DT_STRING',
  string: { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow', ...rules },
});
/** A text that breaks a rule, and the word that stands in its place. */
const text = (rules: Partial<StringRules>, inside: string, outside: string | Uint8Array, word?: string): RuleCase => ({
  rules: ofText(rules),
  inside: strings([inside]),
  outside: strings([inside, outside]),
  ...(word === undefined ? {} : { changes: replace(word, strings([inside, word])) }),
});
const cutText = (rules: Partial<StringRules>, inside: string, outside: string, cut: string): RuleCase => ({
  ...text(rules, inside, outside),
  changes: { ...truncate(strings([inside, cut])), ...replace('w', strings([inside, 'w'])) },
});
const tokens = (rules: Partial<NonNullable<RuleDraft['tokens']>>, inside: number[], outside: number[]): RuleCase => ({
  rules: ofInts({ tokens: { padSide: 'right', specialIds: [], ...rules } }),
  inside: int(...inside),
  outside: int(...outside),
});

const words = { file: 'words.txt', sha256: '0'.repeat(64), maxUnknownFraction: 0, entries: new Set(['a', 'w']) };

export const ruleCases: Readonly<Record<CaseName, RuleCase>> = {
  shape: {
    rules: ofInts({
      shape: [{ kind: 'any' }, { kind: 'fixed', size: 2 }],
    }),
    inside: matrix(1, 2, 1, 2),
    outside: matrix(1, 3, 1, 2, 3),
    changes: {
      ...truncate(matrix(1, 2, 1, 2)),
      pad: { action: { kind: 'pad', side: 'right', value: 7 }, of: matrix(1, 1, 1), becomes: matrix(1, 2, 1, 7) },
    },
  },
  maxElements: { rules: ofInts({ maxElements: 2 }), inside: int(1, 2), outside: int(1, 2, 3) },
  maxBytes: { rules: ofInts({ maxBytes: 8 }), inside: int(1, 2), outside: int(1, 2, 3) },
  'number.nan': {
    rules: ofFloats({}),
    inside: float(1),
    outside: float(1, Number.NaN),
    changes: replace(7, float(1, 7)),
  },
  'number.infinity': {
    rules: ofFloats({}),
    inside: float(1),
    outside: float(1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    changes: { ...clip(float(1, largest, -largest)), ...replace(2, float(1, 2, 2)) },
  },
  'number.subnormal': {
    rules: ofFloats({ number: { subnormal: 'reject' } }),
    inside: float(0, 2 ** -126),
    outside: float(2 ** -126, 2 ** -127),
    changes: replace(0, float(2 ** -126, 0)),
  },
  'number.negativeZero': { rules: ofFloats({ number: { negativeZero: 'reject' } }), inside: float(0), outside: float(0, -0) },
  min: {
    rules: ofInts({ min: 3 }),
    inside: int(3),
    outside: int(3, 2),
    changes: { ...clip(int(3, 3)), ...replace(9, int(3, 9)) },
  },
  max: {
    rules: ofInts({ max: 3 }),
    inside: int(3),
    outside: int(3, 4),
    changes: { ...clip(int(3, 3)), ...replace(-9, int(3, -9)) },
  },
  exclusiveMin: { rules: ofInts({ exclusiveMin: 3 }), inside: int(4), outside: int(4, 3), changes: replace(9, int(4, 9)) },
  exclusiveMax: { rules: ofInts({ exclusiveMax: 3 }), inside: int(2), outside: int(2, 3), changes: replace(1, int(2, 1)) },
  softMin: { rules: ofInts({ softMin: 3 }), inside: int(3), outside: int(3, 2) },
  softMax: { rules: ofInts({ softMax: 3 }), inside: int(3), outside: int(3, 4) },
  allowed: { rules: ofInts({ allowed: [1, 5] }), inside: int(5, 1), outside: int(1, 4), changes: replace(5, int(1, 5)) },
  vocabulary: {
    rules: { dtype: 'DT_STRING', vocabulary: words },
    inside: strings(['a']),
    outside: strings(['a', 'b']),
    changes: replace('w', strings(['a', 'w'])),
  },
  unique: { rules: ofInts({ unique: 'elements' }), inside: int(1, 2), outside: int(1, 2, 1) },
  monotone: { rules: ofInts({ monotone: 'nonDecreasing' }), inside: int(1, 2, 2), outside: int(1, 2, 1) },
  sum: { rules: ofInts({ sum: { max: 5 } }), inside: int(2, 3), outside: int(3, 3) },
  rowSum: { rules: ofInts({ rowSum: { max: 5 } }), inside: matrix(2, 2, 2, 3, 5, 0), outside: matrix(2, 2, 2, 3, 5, 1) },
  'norm.l1': { rules: ofInts({ norm: { l1: { max: 5 } } }), inside: int(2, -3), outside: int(-3, 3) },
  'norm.l2': { rules: ofInts({ norm: { l2: { max: 5 } } }), inside: int(3, -4), outside: int(4, -4) },
  'norm.linf': { rules: ofInts({ norm: { linf: { max: 5 } } }), inside: int(5, -5), outside: int(5, -6) },
  mean: { rules: ofInts({ mean: { min: 2 } }), inside: int(1, 3), outside: int(1, 2) },
  standardDeviation: { rules: ofInts({ standardDeviation: { min: 1 } }), inside: int(1, 3), outside: int(2, 3) },
  zeroFraction: { rules: ofInts({ zeroFraction: { max: 0.5 } }), inside: int(0, 1), outside: int(0, 0, 1) },
  'string.encoding': text({}, 'é', Uint8Array.of(0xc3), 'w'),
  'string.normalization': text({ normalization: 'NFC' }, 'é', 'e\u0301', 'w'),
  'string.controlCharacters': text({ controlCharacters: 'reject' }, 'a\tb', 'a\0b', 'w'),
  'string.bidiControls': text({ bidiControls: 'reject' }, 'ab', 'a\u202eb', 'w'),
  'string.invisible': text({ invisible: 'reject' }, 'ab', 'a\u200bb', 'w'),
  'string.minBytes': text({ minBytes: 2 }, 'é', 'e'),
  'string.maxBytes': cutText({ maxBytes: 2 }, 'é', 'éa', 'é'),
  'string.minCodePoints': text({ minCodePoints: 2 }, 'éé', 'é'),
  'string.maxCodePoints': cutText({ maxCodePoints: 2 }, 'éé', 'ééa', 'éé'),
  'string.minGraphemes': text({ minGraphemes: 2 }, 'ab', 'e\u0301'),
  'string.maxGraphemes': cutText({ maxGraphemes: 1 }, 'e\u0301', 'e\u0301a', 'e\u0301'),
  'string.pattern': text({ pattern: '[a-z]+' }, 'ab', 'ab1', 'w'),
  'tokens.padding': tokens({ padId: 0 }, [1, 0, 0], [1, 0, 2]),
  'tokens.startsWith': tokens({ startsWith: 1 }, [1, 2], [2, 1]),
  'tokens.endsWith': tokens({ endsWith: 1, padId: 0 }, [2, 1, 0], [1, 2, 0]),
  'tokens.maxSpecialTokens': tokens({ specialIds: [8, 9], maxSpecialTokens: 1 }, [8, 1, 2], [8, 1, 9]),
  'tokens.maxRepeatRun': tokens({ maxRepeatRun: 2 }, [1, 1, 2, 1], [2, 1, 1, 1]),
  'tokens.length': tokens({ padId: 0, length: { max: 2 } }, [1, 2, 0], [1, 2, 3]),
  ...contentCases,
};

/** The actions that a contract may give a rule of an input; a soft bound only ever watches. */
export function actionsOf(name: RuleName): readonly ActionKind[] {
  if (name === 'softMin' || name === 'softMax') return ['log'];
  if (name === 'relation') return ['reject'];
  return ['reject', 'log', ...ruleTable[name].actions];
}
