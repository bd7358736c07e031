// docs/contract-tests.md names, for every rule, the types that it is for, its actions, and the tests that show what it does. Here each named
// test has to exist, and no rule and no action may be missing. UPDATE_DOCS=1 writes the file.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type RuleName, ruleFits, ruleTable, type TensorRules } from '../src/contract/index.ts';
import { type DType, dtypes } from '../src/tensor/index.ts';
import { actionsOf, ruleCases } from './support/contract-cases.ts';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'docs/contract-tests.md');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');

/** File below src/contract/rules and title, as they stand in the source; `%s` is the rule, or the last part of its name. */
type Test = readonly [file: string, title: string];
const rules = (name: string): string => `src/contract/rules/${name}.test.ts`;
const bounds: Test = [rules('numeric-scan'), '%s lets through what is inside, and nothing one step outside'];
const images: Test = [rules('images'), '%s: passes inside, and breaks alone one step outside'];
const audio: Test = [rules('audio'), '%s: passes inside, and breaks alone one step outside'];
const whole: Test = [rules('statistics'), '%s ends where the contract says'];
const perRow: Test = [rules('statistics'), '%s is that of each row'];
const count: Test = [rules('tokens'), 'counts special tokens and repeats, without padding'];
const ends: Test = [rules('tokens'), 'begin, end and length are those without padding at the %s'];
const both = (what: string): Test => [rules('strings'), `string.min${what} and string.max${what}`];
const string: Test = [rules('strings'), '%s'];
const example: Test = [rules('example'), '%s'];
const actions = rules('actions');

const steps: Readonly<Record<RuleName, readonly Test[]>> = {
  shape: [[rules('shape'), 'holds named dimensions to their limits, across inputs']],
  maxElements: [[rules('shape'), 'end where the contract says, and count what goes on']],
  maxBytes: [[rules('shape'), 'end where the contract says, and count what goes on']],
  'number.nan': [
    [rules('numeric-scan'), 'refuses NaN and infinities by default, and only where the contract does not allow them'],
  ],
  'number.infinity': [
    [rules('numeric-scan'), 'refuses NaN and infinities by default, and only where the contract does not allow them'],
  ],
  'number.subnormal': [[rules('numeric-scan'), 'tells subnormal numbers and the zero with a sign from all others']],
  'number.negativeZero': [[rules('numeric-scan'), 'tells subnormal numbers and the zero with a sign from all others']],
  'number.narrowing': [['src/serving/contract-check.test.ts', 'are refused while the body is read']],
  min: [bounds],
  max: [bounds],
  exclusiveMin: [bounds],
  exclusiveMax: [bounds],
  softMin: [[actions, '%s finds the same, changes nothing and refuses nothing']],
  softMax: [[actions, '%s finds the same, changes nothing and refuses nothing']],
  allowed: [[rules('set-rules'), 'of %s lets through exactly what is in the list']],
  vocabulary: [[rules('set-rules'), 'lets through the share that may be unknown, and not one element more']],
  unique: [[rules('set-rules'), 'finds every element that comes again']],
  monotone: [[rules('statistics'), '%s holds within each row']],
  sum: [whole],
  rowSum: [perRow],
  'norm.l1': [perRow],
  'norm.l2': [perRow],
  'norm.linf': [perRow],
  mean: [whole],
  standardDeviation: [whole],
  zeroFraction: [whole],
  'string.encoding': [[rules('strings'), 'string.encoding, UTF-8']],
  'string.normalization': [string],
  'string.controlCharacters': [string],
  'string.bidiControls': [string],
  'string.invisible': [string],
  'string.minBytes': [both('Bytes')],
  'string.maxBytes': [both('Bytes')],
  'string.minCodePoints': [both('CodePoints')],
  'string.maxCodePoints': [both('CodePoints')],
  'string.minGraphemes': [both('Graphemes')],
  'string.maxGraphemes': [both('Graphemes')],
  'string.pattern': [string],
  'tokens.padding': [[rules('tokens'), 'padding stands at the %s only']],
  'tokens.startsWith': [ends],
  'tokens.endsWith': [ends],
  'tokens.maxSpecialTokens': [count],
  'tokens.maxRepeatRun': [count],
  'tokens.length': [ends],
  'image.format': [images],
  'image.structure': [images],
  'image.width': [images],
  'image.height': [images],
  'image.maxPixels': [images],
  'image.channels': [images],
  'image.bitDepth': [images],
  'image.maxFrames': [images],
  'image.maxDecodedBytes': [images],
  'image.maxRatio': [[rules('images'), 'image.maxRatio: counts the bytes of the image, and not those behind it']],
  'image.inflatedSize': [images],
  'image.trailingData': [images],
  'image.maxMetadataBytes': [images],
  'image.maxScans': [images],
  'image.checksums': [images],
  'audio.structure': [audio],
  'audio.sampleRate': [audio],
  'audio.channels': [audio],
  'audio.bitDepth': [audio],
  'audio.codings': [audio],
  'audio.durationSeconds': [audio],
  'audio.maxMetadataBytes': [audio],
  'example.structure': [example],
  'example.unknownFeatures': [example],
  'example.maxFeatures': [example],
  'example.required': [example],
  'example.kind': [example],
  'example.count': [example],
  'example.values': [[rules('example'), 'min and max of integers, exact at any size']],
  'example.sparse': [[rules('example'), 'holds for any sorted indices in bounds']],
  'example.ragged': [[rules('example'), 'holds for lengths that add up']],
  matchesBatch: [[rules('output'), 'have as many rows as the request']],
  relation: [
    'compare sizes',
    'holds at every place, exactly',
    'holds where the condition does',
    'takes indices that lie within, rise, and come once',
    'takes splits that begin at 0, never fall, and end at the number of values',
  ].map((title): Test => [rules('relations'), title]),
};
/** Titles whose `%s` is no rule: types, sides, orders. */
const otherWords = ['of %s lets', 'at the %s', '%s holds within'];

/** Actions that are not tried in actions.test.ts. */
const actionTests: Partial<Record<RuleName, Readonly<Record<string, Test>>>> = {
  relation: {
    reject: [
      rules('relations'),
      'are not looked at for an input that was refused, nor when their mode is off, and refuse nothing in shadow',
    ],
  },
  'number.narrowing': {
    reject: ['src/serving/contract-check.test.ts', 'are refused while the body is read'],
    log: ['src/serving/contract-check.test.ts', 'go on and are told where the rule is set to log'],
  },
};
const names = Object.keys(ruleTable) as RuleName[];
const textOf = ([where, title]: Test, name: string): string => {
  const shown = otherWords.some((words) => title.includes(words)) ? title.replace('%s', '…') : title.replace('%s', name);
  return `${path.basename(where, '.test.ts')}: ${shown}`;
};

const testOf = (name: RuleName, action: string): Test =>
  actionTests[name]?.[action] ?? [actions, name === 'matchesBatch' ? 'matchesBatch: %s' : '%s: %s'];

const testsOf = (name: RuleName): readonly Test[] => [...steps[name], ...actionsOf(name).map((action) => testOf(name, action))];

const kinds: readonly (readonly [words: string, types: readonly DType[]])[] = [
  ['floats', ['DT_FLOAT', 'DT_DOUBLE', 'DT_HALF', 'DT_BFLOAT16']],
  ['integers', ['DT_INT8', 'DT_UINT8', 'DT_INT16', 'DT_UINT16', 'DT_INT32', 'DT_UINT32', 'DT_INT64', 'DT_UINT64']],
  ['complex', ['DT_COMPLEX64', 'DT_COMPLEX128']],
  ['bool', ['DT_BOOL']],
  ['strings', ['DT_STRING']],
];

const contents = { image: 'images', audio: 'WAV files', example: 'tf.Example messages' } as const;

function typesOf(name: RuleName): string {
  const { subject } = ruleTable[name];
  if (subject === 'relation') return 'two or more inputs';
  if (subject === 'image' || subject === 'audio' || subject === 'example') return `strings that are ${contents[subject]}`;
  const fits = (dtype: DType): boolean => ruleFits(name, { dtype } as unknown as TensorRules);
  const words = kinds.filter(([, types]) => types.every(fits)).map(([word]) => word);
  return `${subject === 'output' ? 'outputs of ' : ''}${words.length === kinds.length ? 'every type' : words.join(', ')}`;
}

/** Of a title in actions.test.ts the file is not repeated. */
function actionText(name: RuleName, action: string): string {
  const test = testOf(name, action);
  return test[0] === actions ? `${name}: ${action}` : textOf(test, name);
}

function table(): string {
  const lines = names.map((name) => {
    const inside = steps[name].map((test) => textOf(test, name)).join('; ');
    const tried = [...new Set(actionsOf(name).map((action) => actionText(name, action)))].join('; ');
    return `| \`${name}\` | ${typesOf(name)} | ${actionsOf(name).join(', ')} | ${inside} | ${tried} |`;
  });
  const head = '| rule | on | actions | inside, and one step outside | each action |';
  return [head, '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

it('docs/contract-tests.md has a line for each rule', () => {
  const text = readFileSync(file, 'utf8');
  const [begin, end] = ['<!-- table:begin -->', '<!-- table:end -->'];
  const current = `${text.slice(0, text.indexOf(begin) + begin.length)}\n\n${table()}\n\n${text.slice(text.indexOf(end))}`;
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, current);
  else expect(text).toBe(current);
});

it('names tests that exist', () => {
  const sources = new Map<string, string>();
  for (const [where] of names.flatMap(testsOf)) if (!sources.has(where)) sources.set(where, read(where));
  for (const name of names) {
    for (const [where, title] of testsOf(name)) {
      const source = sources.get(where) ?? '';
      const written = title === '%s' ? name : title;
      expect(source, `${where}: ${written}`).toMatch(
        new RegExp(`(it|\\))\\((\\s*)'${written.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}'`),
      );
      const isOfRule = title.includes('%s') && title !== '%s' && !otherWords.some((words) => title.includes(words));
      if (isOfRule && where !== actions) expect(source, `${where} has no ${name}`).toMatch(new RegExp(`\\b${name}\\b`));
    }
  }
});

it('has a case for each action that a rule can take', () => {
  const missing = names.flatMap((name) => {
    const { changes = {} } = name in ruleCases ? ruleCases[name as keyof typeof ruleCases] : {};
    const wanted = ruleTable[name].actions as readonly (keyof typeof changes)[];
    return wanted.filter((action) => changes[action] === undefined).map((action) => `${name}: ${action}`);
  });
  expect(missing).toEqual([]);
  const unnamed = Object.keys(dtypes).filter((dtype) => !kinds.some(([, types]) => types.includes(dtype as DType)));
  expect(unnamed).toEqual([]);
});
