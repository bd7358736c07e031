// What is exported is imported again: whatever the contract said and the second one does not stands in the report of the export.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../../tests/support/contract-arbitrary.ts';
import { type Contract, parseContract, type TensorRules } from '../../contract/index.ts';
import { isAirlockError } from '../../core/index.ts';
import { contractContent, joinPath } from '../changes/index.ts';
import { compareValues } from '../changes/strictness.ts';
import { exportTfdvSchema } from './export-schema.ts';
import { type ImportResult, importTfdv } from './import-schema.ts';
import type { TransferReport } from './transfer-report.ts';

const sha256 = '0'.repeat(64);

function signatureOf(inputs: string, more = ''): Contract {
  return parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 1 },
    ${inputs.includes('batch') ? 'dims: { batch: { min: 1, max: 4 } },' : ''} signatures: { s: { inputs: { ${inputs} } ${more} } } }`);
}

function exported(inputs: string, more = '') {
  const { schema, report } = exportTfdvSchema(signatureOf(inputs, more));
  const lost = report.lost.map(({ path }) => path.replace('signatures.s.inputs.', ''));
  return { feature: schema.feature[0], lost, changed: report.changed.map(({ path }) => path) };
}

/** Only what a model's own signature says. */
function bare(contract: Contract): Contract {
  const strip = ({ dtype, shape }: TensorRules): TensorRules => ({
    dtype,
    ...(shape === undefined ? {} : { shape }),
    ...(dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'
      ? { number: { nan: 'allow', infinity: 'allow', subnormal: 'allow', negativeZero: 'allow', narrowing: 'nearest' } }
      : {}),
    onViolation: new Map(),
    modes: new Map(),
    derivedFrom: new Map(),
  });
  const signatures = [...contract.signatures].map(
    ([name, { inputs }]) =>
      [
        name,
        { inputs: new Map([...inputs].map(([alias, rules]) => [alias, strip(rules)])), outputs: new Map(), relations: [] },
      ] as const,
  );
  return { ...contract, signatures: new Map(signatures) };
}

const open: ReadonlySet<unknown> = new Set(['allow', 'ignore', 'nearest', 'binary', false]);

/** Rules of inputs in `contract` that neither the second contract has, at least as strictly, nor the report mentions. */
function silentLosses(contract: Contract, second: ImportResult, { lost, changed }: TransferReport): string[] {
  // Random structures may use a feature twice, which the import does not take; it says so itself.
  const untaken = second.report.lost.flatMap(({ path }) =>
    /^s$|\.r$/.test(path) ? [path === 's' ? 'sparse.s' : 'ragged.r'] : [],
  );
  const found = contractContent(second.contract).leaves;
  const notes = [...lost, ...changed].map(({ path }) => path);
  return [...contractContent(contract).leaves].flatMap(([path, { kind, mode, key, value }]) => {
    if (kind !== 'rule' || mode === 'off' || open.has(value) || !path.startsWith(joinPath('signatures', 'serving_default')))
      return [];
    if (notes.some((note) => path === note || path.startsWith(`${note}.`) || path.startsWith(`${note}[`))) return [];
    if (untaken.some((structure) => path.includes(`.example.${structure}.`))) return [];
    const other = found.get(path);
    const words = found.get(path.replace(/string\.encoding$/, 'allowed'))?.value;
    if (key === 'encoding' && Array.isArray(words) && words.every((word) => /^\p{ASCII}*$/u.test(String(word)))) return [];
    const effect = other === undefined ? 'gone' : compareValues(key, value, other.value);
    return effect === undefined || effect === 'tightened' ? [] : [`${path} = ${String(value)}: ${effect}`];
  });
}

describe('exportTfdvSchema', () => {
  it.each([
    ['subnormal', 'x: { dtype: float32, number: { subnormal: reject } }', 'x.number.subnormal'],
    ['negativeZero', 'x: { dtype: float32, number: { negativeZero: normalize } }', 'x.number.negativeZero'],
    ['narrowing', 'x: { dtype: float32, number: { narrowing: exact } }', 'x.number.narrowing'],
    ['a bound beyond int64', 'x: { dtype: uint64, max: 18446744073709551615 }', 'x.max'],
    ['a smaller type', 'x: { dtype: uint8 }', 'x.dtype'],
    ['a fixed batch', 'x: { dtype: int64, shape: [4, 2] }', 'x.shape'],
    ['a norm', 'x: { dtype: float32, norm: { l2: { max: 1 } } }', 'x.norm.l2.max'],
    ['a soft bound', 'x: { dtype: float32, softMax: 1 }', 'x.softMax'],
    ['a list with gaps', 'x: { dtype: int64, allowed: [1, 5] }', 'x.allowed'],
    [
      'the number of features',
      'x: { dtype: string, example: { maxFeatures: 3, features: { f: { kind: int64 } } } }',
      'x.example.maxFeatures',
    ],
    [
      'a rule of a feature whose name is hard',
      'x: { dtype: string, example: { features: { "a.b": { kind: bytes, string: { maxBytes: 3 } } } } }',
      'x.example.features["a.b"].string.maxBytes',
    ],
  ])('reports %s', (_, inputs, path) => {
    expect(exported(inputs).lost).toContain(path);
  });

  it('reports the size of what is an example', () => {
    const { lost } = exported('x: { dtype: string, shape: [batch], string: { maxBytes: 9 }, example: { features: { } } }');
    expect(lost).toEqual(['dims', 'x.string.maxBytes', 'x.example.maxFeatures']);
  });

  it('says nothing of what it wrote', () => {
    const { lost } = exported('x: { dtype: int64, shape: [null, 2], min: 1, max: 4 }');
    expect(lost).toEqual([]);
    expect(exported('x: { dtype: float32, shape: [null, 2], min: 1, max: 4 }').lost).toEqual([]);
  });

  it.each([
    ['[true]', { case: 'intDomain', value: { min: 1n, max: 1n } }],
    ['[false]', { case: 'intDomain', value: { min: 0n, max: 0n } }],
    ['[false, true]', { case: 'boolDomain' }],
  ])('writes the values %s of a bool', (allowed, domain) => {
    expect(exported(`x: { dtype: bool, allowed: ${allowed} }`).feature.domainInfo).toMatchObject(domain);
  });

  it('loses nothing without a word', () => {
    let kept = 0;
    fc.assert(
      fc.property(contractArbitrary, (contract) => {
        try {
          const { schema, report } = exportTfdvSchema(contract);
          const file = { message: schema, name: 's.pb', sha256 };
          const isExample = [...contract.signatures.values()].some(({ inputs }) =>
            [...inputs.values()].some(({ example }) => example !== undefined),
          );
          const [input] = [...(contract.signatures.get('serving_default')?.inputs.keys() ?? [])];
          const base = isExample ? { exampleInput: input } : {};
          const second = importTfdv({ id: 'a', schema: file, base: bare(contract), ...base });
          expect(silentLosses(contract, second, report)).toEqual([]);
          kept++;
        } catch (thrown) {
          if (!isAirlockError(thrown)) throw thrown;
          // Mixed inputs, no input at all, or bounds that nothing is within.
          expect(['CONTRACT_INVALID', 'CONTRACT_MISMATCH', 'DATASET_INVALID']).toContain(thrown.code);
        }
      }),
      { numRuns: 150 },
    );
    expect(kept).toBeGreaterThan(50);
  });
});
