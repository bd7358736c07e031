// Every mistake that a contract can hold, one at a time: each is refused at its own place, and all of a file are listed.
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { parseContract } from './load-contract.ts';

interface Parts {
  readonly head?: string;
  readonly inputs?: string;
  readonly outputs?: string;
  readonly relations?: string;
  readonly metadata?: string;
}

const write = ({
  head = '',
  inputs = 'x: { dtype: uint8 }',
  outputs = '',
  relations = '',
  metadata = 'id: t, revision: 1',
}: Parts) =>
  `apiVersion: airlock/contract/v1\nmetadata: { ${metadata} }\n${head}\nsignatures: { s: { inputs: { ${inputs} }, outputs: { ${outputs} }, relations: [${relations}] } }\n`;

function mistakes(text: string) {
  try {
    parseContract(text);
  } catch (thrown) {
    if (!(thrown instanceof AirlockError)) throw thrown;
    expect(thrown.code).toBe('CONTRACT_INVALID');
    return thrown.violations;
  }
  return [];
}

const found = (parts: Parts) =>
  mistakes(write(parts)).map(({ path, rule }) => `${rule} ${path.replace('signatures.s.', '').replace('inputs.x.', '')}`);
const inTensor = (rules: string) => found({ inputs: `x: { ${rules} }` });

describe('a contract that is valid', () => {
  it.each([
    'dtype: uint8, min: 0, max: 255',
    'dtype: int64, exclusiveMin: 1, exclusiveMax: 3',
    'dtype: uint64, max: 18446744073709551615',
    'dtype: float16, max: 65504',
    'dtype: float32, max: 3.4028235e38',
    'dtype: complex64, number: { nan: allow }',
    'dtype: bool, allowed: [true]',
    'dtype: string, image: {}',
    'dtype: int32, vocabulary: { file: a, sha256: x }',
  ])('%s', (rules) => {
    const rest = inTensor(rules);
    // Vocabularies need their file, which this test does not give.
    expect(rest).toEqual(rules.includes('vocabulary') ? ['text vocabulary.sha256'] : []);
  });
});

describe('a value of the wrong kind', () => {
  it.each([
    ['dtype: float', 'dtype dtype'],
    ['dtype: DT_FLOAT', 'dtype dtype'],
    ['dtype: toString', 'dtype dtype'],
    ['dtype: uint8, min: "0"', 'number min'],
    ['dtype: float32, min: .nan', 'number min'],
    ['dtype: float32, min: .inf', 'number min'],
    ['dtype: float32, min: 1e999', 'number min'],
    ['dtype: uint8, maxElements: 1.0', 'integer maxElements'],
    ['dtype: uint8, maxElements: 9007199254740993', 'integer maxElements'],
    ['dtype: uint8, shape: [-1]', 'dimension shape[0]'],
    ['dtype: uint8, shape: ["a b"]', 'dimension shape[0]'],
    ['dtype: uint8, shape: [0*n]', 'dimension shape[0]'],
    ['dtype: uint8, shape: [n*2]', 'dimension shape[0]'],
    ['dtype: uint8, allowed: []', 'length allowed'],
    ['dtype: uint8, allowed: [null]', 'value allowed[0]'],
    ['dtype: uint8, sum: {}', 'interval sum'],
    ['dtype: uint8, sum: { min: 2, max: 1 }', 'order sum'],
    ['dtype: uint8, zeroFraction: { max: 1.5 }', 'number zeroFraction.max'],
    ['dtype: uint8, norm: { l2: { min: -1 } }', 'number norm.l2.min'],
    ['dtype: uint8, modes: { max: on }', 'choice modes.max'],
    ['dtype: uint8, modes: { maximum: off }', 'ruleName modes.maximum'],
    ['dtype: uint8, modes: { relation: off }', 'ruleName modes.relation'],
    ['dtype: uint8, max: 1, onViolation: { max: bounce }', 'choice onViolation.max'],
    ['dtype: uint8, max: 1, onViolation: { max: replace }', 'choice onViolation.max'],
    ['dtype: uint8, max: 1, onViolation: { max: { action: replace } }', 'value onViolation.max.with'],
    ['dtype: uint8, max: 1, onViolation: { max: { action: clip, to: 3 } }', 'unknownKey onViolation.max.to'],
    ['dtype: string, image: { formats: [tiff] }', 'choice image.formats[0]'],
    ['dtype: string, string: { pattern: 3 }', 'text string.pattern'],
    [`dtype: string, string: { pattern: ${'a'.repeat(1_001)} }`, 'text string.pattern'],
    ['dtype: string, __proto__: 1', 'unknownKey __proto__'],
  ])('%s', (rules, expected) => {
    expect(inTensor(rules)).toEqual([expected]);
  });

  it('names that cannot be shown, or that JavaScript would lose', () => {
    expect(found({ inputs: '__proto__: { dtype: uint8 }' })).toEqual(['text inputs']);
    expect(found({ inputs: '"a\\e[2J": { dtype: uint8 }' })).toEqual([expect.stringMatching(/^text inputs/)]);
    expect(found({ metadata: 'id: "a b", revision: 0' })).toEqual(['text metadata.id', 'integer metadata.revision']);
  });

  it('files that are no contracts', () => {
    for (const text of [
      '',
      '[]',
      'apiVersion: v2',
      '{',
      'a: 1\na: 2',
      'x: !!js/function 1',
      `# ${'x'.repeat(1024 * 1024 + 10)}\n[]`,
    ])
      expect(mistakes(text), text.slice(0, 40)).not.toEqual([]);
  });
});

describe('rules that mean nothing on their tensor', () => {
  it.each([
    ['dtype: string, min: 1', ['ruleFits min']],
    ['dtype: bool, max: 1', ['ruleFits max']],
    ['dtype: complex64, sum: { max: 1 }', ['ruleFits sum']],
    ['dtype: complex64, allowed: [1]', ['ruleFits allowed']],
    ['dtype: int32, number: { nan: reject }', ['ruleFits number']],
    ['dtype: float32, tokens: { padId: 0 }', ['ruleFits tokens.padding']],
    ['dtype: float32, tokens: {}', ['ruleFits tokens']],
    ['dtype: uint8, string: {}', ['ruleFits string.encoding']],
    ['dtype: uint8, string: { maxBytes: 3 }', ['ruleFits string.encoding', 'ruleFits string.maxBytes']],
    ['dtype: string, image: {}, audio: {}', ['exclusive audio']],
    ['dtype: string, image: {}, string: { encoding: utf8 }', ['encoding string.encoding']],
    [
      'dtype: string, string: { encoding: binary, pattern: a, bidiControls: reject }',
      ['encoding string.pattern', 'encoding string.bidiControls'],
    ],
    ['dtype: uint8, modes: { max: off }', ['ruleSet modes.max']],
    ['dtype: uint8, onViolation: { max: clip }', ['ruleSet onViolation.max']],
    ['dtype: float32, number: { nan: allow }, onViolation: { number.nan: log }', ['ruleSet onViolation.number.nan']],
    ['dtype: uint8, max: 3, derivedFrom: { max: train }', ['source derivedFrom.max']],
  ])('%s', (rules, expected) => {
    expect(inTensor(rules)).toEqual(expected);
  });
});

describe('values that do not fit', () => {
  it.each([
    ['dtype: uint8, max: 256', ['value max']],
    ['dtype: uint64, max: 18446744073709551616', ['value max']],
    ['dtype: int8, min: -129', ['value min']],
    ['dtype: int32, min: 0.5', ['value min']],
    ['dtype: int64, max: 9223372036854775808', ['value max']],
    ['dtype: float16, max: 65520', ['value max']],
    ['dtype: float32, max: 3.4028236e38', ['value max']],
    ['dtype: bfloat16, max: 3.4e38', ['value max']],
    ['dtype: uint8, min: 2, max: 1', ['order inputs.x']],
    ['dtype: int32, exclusiveMin: 1, exclusiveMax: 2', ['order inputs.x']],
    ['dtype: float32, min: 1, exclusiveMax: 1', ['order inputs.x']],
    ['dtype: float32, exclusiveMin: 1, max: 1', ['order inputs.x']],
    ['dtype: float32, softMin: 2, softMax: 1', ['order softMin']],
    ['dtype: uint8, allowed: [1, 300, 1]', ['value allowed[1]', 'unique allowed[2]']],
    ['dtype: string, allowed: [a, 1]', ['value allowed[1]']],
    ['dtype: uint8, tokens: { padId: 300, specialIds: [-1] }', ['value tokens.padId', 'value tokens.specialIds[0]']],
    ['dtype: uint8, tokens: { maxSpecialTokens: 1 }', ['specialIds tokens.specialIds']],
    ['dtype: string, string: { minBytes: 3, maxBytes: 2 }', ['order string.minBytes']],
    ['dtype: string, string: { pattern: "(a" }', ['pattern string.pattern']],
    ['dtype: string, string: { pattern: "(?=a)" }', ['pattern string.pattern']],
    ['dtype: string, string: { pattern: "((a{100}){100}){100}" }', ['pattern string.pattern']],
    ['dtype: string, image: { formats: [] }', ['formats image.formats']],
    ['dtype: string, image: { formats: [png, jpeg], reencode: [jpeg] }', ['formats image.formats']],
  ])('%s', (rules, expected) => {
    expect(inTensor(rules)).toEqual(expected);
  });
});

describe('actions that cannot be taken', () => {
  it.each([
    ['dtype: uint8, max: 3, onViolation: { max: truncate }', ['action onViolation.max']],
    ['dtype: uint8, maxElements: 3, onViolation: { maxElements: clip }', ['action onViolation.maxElements']],
    ['dtype: uint8, max: 3, onViolation: { max: { action: replace, with: 300 } }', ['value onViolation.max.with']],
    ['dtype: uint8, max: 3, onViolation: { max: { action: replace, with: 4 } }', ['value onViolation.max.with']],
    ['dtype: uint8, allowed: [3], onViolation: { allowed: { action: replace, with: 4 } }', ['value onViolation.allowed.with']],
    ['dtype: string, shape: [3], onViolation: { shape: { action: pad, value: 0 } }', ['value onViolation.shape.value']],
    [
      'dtype: string, image: { maxPixels: 100 }, onViolation: { image.maxPixels: { action: downsample, maxWidth: 20, maxHeight: 20 } }',
      ['action onViolation.image.maxPixels'],
    ],
    ['dtype: uint8, max: 3, exclusiveMax: 3, onViolation: { max: clip }', ['action onViolation.max']],
    ['dtype: float32, exclusiveMax: 3, onViolation: { number.infinity: clip }', ['action onViolation.number.infinity']],
    ['dtype: float32, min: 1, number: { negativeZero: normalize }', ['value number.negativeZero']],
    ['dtype: float32, softMax: 3, modes: { softMax: enforce }', ['mode modes.softMax']],
    ['dtype: float32, softMax: 3, onViolation: { softMax: reject }', ['action onViolation.softMax']],
  ])('%s', (rules, expected) => {
    expect(inTensor(rules)).toEqual(expected);
  });

  it('images of outputs are not decoded', () => {
    expect(
      found({
        outputs:
          'y: { dtype: string, image: { width: { max: 9 }, reencode: [jpeg] }, onViolation: { image.width: { action: downsample, maxWidth: 9, maxHeight: 9 } } }',
      }),
    ).toEqual(['reencode outputs.y.image.reencode', 'action outputs.y.onViolation.image.width']);
    expect(found({ outputs: 'y: { dtype: string, roundTo: 3, topK: 1 }' })).toEqual([
      'ruleFits outputs.y.roundTo',
      'ruleFits outputs.y.topK',
    ]);
  });
});

describe('features', () => {
  const inExample = (example: string) =>
    found({ inputs: `x: { dtype: string, example: { ${example} } }` }).map((line) => line.replace('example.', ''));
  it.each([
    ['features: { a: { kind: int64, number: {} } }', ['ruleFits features.a.number']],
    ['features: { a: { kind: float, string: {} } }', ['ruleFits features.a.string']],
    ['features: { a: { kind: bytes, min: 1 } }', ['ruleFits features.a.min']],
    ['features: { a: { kind: int64, min: 0.5, max: 3 } }', ['value features.a.min']],
    ['features: { a: { kind: int64, min: 3, max: 0 } }', ['order features.a.min']],
    ['features: { a: { kind: int64, allowed: [x] } }', ['value features.a.allowed[0]']],
    ['features: { a: { kind: bytes, string: { pattern: "(" } } }', ['pattern features.a.string.pattern']],
    ['features: { a: { kind: bytes, image: { reencode: [jpeg] } } }', ['reencode features.a.image.reencode']],
    ['features: { a: { kind: int64 } }, maxFeatures: 0', ['order maxFeatures']],
    [
      'features: { a: { kind: float } }, sparse: [{ name: s, index: [a], value: b, denseShape: [1, 2] }]',
      ['feature sparse[0].index[0]', 'feature sparse[0].value', 'length sparse[0].denseShape'],
    ],
    [
      'features: { a: { kind: float } }, ragged: [{ name: s, value: b, rowLengths: a }, { name: s, value: a, rowLengths: c }]',
      ['feature ragged[0].rowLengths', 'feature ragged[0].value', 'unique ragged[1].name', 'feature ragged[1].rowLengths'],
    ],
  ])('%s', (example, expected) => {
    expect(inExample(example)).toEqual(expected);
  });
});

describe('the whole', () => {
  const source = `{ id: a, kind: csv, name: a.csv, sha256: ${'a'.repeat(64)} }`;
  it.each<[string, Parts, string[]]>([
    ['a dimension that is not declared', { inputs: 'x: { dtype: uint8, shape: [n] }' }, ['dimension shape[0]']],
    ['a dimension that is not used', { head: 'dims: { n: { min: 1, max: 2 } }' }, ['dimension dims.n']],
    [
      'limits in the wrong order',
      { head: 'dims: { n: { min: 3, max: 2 } }', inputs: 'x: { dtype: uint8, shape: [n] }' },
      ['order dims.n.min'],
    ],
    [
      'a multiple that does not exist',
      { head: 'dims: { n: { min: 3, max: 4, multipleOf: 5 } }', inputs: 'x: { dtype: uint8, shape: [n] }' },
      ['order dims.n.multipleOf'],
    ],
    [
      'a size below zero',
      { head: 'dims: { n: { min: 1, max: 2 } }', inputs: 'x: { dtype: uint8, shape: [n-3] }' },
      ['dimension shape[0]'],
    ],
    [
      'a cost for a dimension that is not declared',
      { head: 'cost: { quadratic: { dim: n, weight: 1 } }' },
      ['dimension cost.quadratic.dim'],
    ],
    [
      'two sources of one id',
      { metadata: `id: t, revision: 1, sources: [${source}, ${source}]` },
      ['unique metadata.sources[1].id'],
    ],
    ['an input that does not exist', { relations: '{ rule: ordered, lower: x, upper: y }' }, ['input relations[0].upper']],
    ['an input twice', { relations: '{ rule: sameShape, tensors: [x, x] }' }, ['unique relations[0].tensors']],
    [
      'one relation twice',
      { relations: '{ id: a, rule: maxElements, tensors: [x], limit: 3 }, { id: a, rule: maxElements, tensors: [x], limit: 3 }' },
      ['unique relations[1].id'],
    ],
    [
      'an id that is the place of another',
      { relations: '{ rule: maxElements, tensors: [x], limit: 3 }, { id: "0", rule: maxElements, tensors: [x], limit: 3 }' },
      ['unique relations[1].id'],
    ],
    [
      'inputs of two types in an order',
      { inputs: 'x: { dtype: uint8 }, y: { dtype: int32 }', relations: '{ rule: ordered, lower: x, upper: y }' },
      ['dtype relations[0].upper'],
    ],
    [
      'texts in an order',
      { inputs: 'x: { dtype: string }, y: { dtype: string }', relations: '{ rule: ordered, lower: x, upper: y }' },
      ['dtype relations[0].lower'],
    ],
    [
      'conditions that say nothing, or the wrong thing',
      {
        relations:
          '{ rule: implies, when: { tensor: x }, then: { tensor: z, max: 1 } }, { rule: implies, when: { tensor: x, max: 300 }, then: { tensor: x, min: 2, max: 1 } }',
      },
      [
        'condition relations[0].when',
        'input relations[0].then.tensor',
        'value relations[1].when.max',
        'order relations[1].then.min',
      ],
    ],
    [
      'sparse and ragged inputs of other types',
      { relations: '{ rule: sparse, indices: x, values: x, denseShape: x }, { rule: ragged, rowSplits: x, values: x }' },
      ['dtype relations[0].indices', 'dtype relations[0].denseShape', 'dtype relations[1].rowSplits'],
    ],
    ['a relation that does not exist', { relations: '{ rule: sameDim, tensors: [x] }' }, ['choice relations[0].rule']],
  ])('%s', (_title, parts, expected) => {
    expect(found(parts)).toEqual(expected);
  });

  it('has at least one signature and at most 1,000 tensors', () => {
    const head = 'apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\n';
    expect(mistakes(`${head}signatures: {}`).map(({ path }) => path)).toEqual(['signatures']);
    const many = Array.from({ length: 501 }, (_, index) => `t${index}: { dtype: uint8 }`).join(', ');
    expect(mistakes(`${head}signatures: { s: { inputs: { ${many} }, outputs: { ${many} } } }`)).toEqual([
      expect.objectContaining({ path: 'signatures', rule: 'length', got: '1002' }),
    ]);
  });

  it('lists every mistake of a kind at once', () => {
    const violations = mistakes(
      write({ head: 'mod: enforce\nmaxViolations: 0', inputs: 'x: { dtype: uint9, mim: 1 }, y: { dtype: uint8, max: a }' }),
    );
    expect(violations.map(({ path }) => path).sort()).toEqual([
      'maxViolations',
      'mod',
      'signatures.s.inputs.x.dtype',
      'signatures.s.inputs.x.mim',
      'signatures.s.inputs.y.max',
    ]);
    expect(found({ inputs: 'x: { dtype: uint8, max: 256, min: -1 }, y: { dtype: int8, max: 128 }' })).toEqual([
      'value min',
      'value max',
      'value inputs.y.max',
    ]);
  });
});
