import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../../tests/support/contract-arbitrary.ts';
import { contractDigest, contractMistakes, parseContract } from '../../contract/index.ts';
import { diffContracts } from './diff-contracts.ts';
import { proposePromotions } from './propose-promotions.ts';
import { type ContractObservations, readObservations } from './server-status.ts';

const contract = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: a, revision: 4 }
signatures:
  s:
    inputs:
      x: { dtype: float32, max: 5, min: 0, softMax: 4, modes: { max: shadow, min: sample } }
      z: { dtype: float32, shape: [null], modes: { number.nan: off } }
    outputs: { y: { dtype: float32, max: 1, modes: { max: shadow } } }
    relations: [{ id: same, rule: sameShape, tensors: [x, z], mode: shadow }]
`);
const digest = contractDigest(contract);
const observed = (more: Partial<ContractObservations> = {}): ContractObservations => ({
  checked: 20_000,
  sinceMs: undefined,
  broken: new Map(),
  isComplete: true,
  ...more,
});
const ids = ({ promoted }: { readonly promoted: readonly { readonly ruleId: string }[] }) => promoted.map(({ ruleId }) => ruleId);

describe('proposePromotions', () => {
  it('promotes what only watched and was not broken, and nothing else', () => {
    const proposal = proposePromotions(contract, { observations: observed(), days: 8 });
    expect(ids(proposal).sort()).toEqual(['s/inputs/x/max', 's/inputs/x/min', 's/outputs/y/max', 's/relations/same']);
    expect(proposal.contract.metadata.revision).toBe(5);
    expect(diffContracts(contract, proposal.contract).map(({ path, effect }) => `${path} ${effect}`)).toEqual([
      'signatures.s.inputs.x.modes.max tightened',
      'signatures.s.inputs.x.modes.min tightened',
      'signatures.s.outputs.y.modes.max tightened',
      'signatures.s.relations.same.mode tightened',
    ]);
    expect(contractMistakes(proposal.contract)).toEqual([]);
  });

  it.each([
    ['too few requests', observed({ checked: 9_999 }), 8, /fewer than 10000/],
    ['too few days', observed(), 6.9, /fewer than 7/],
    ['days that are no number', observed(), Number.NaN, /fewer than 7/],
    ['a list that is cut', observed({ isComplete: false }), 8, /only the rules/],
    ['too many violations', observed({ broken: new Map([['s/inputs/x/max', 21]]) }), 8, /broken 21 times/],
  ])('keeps a rule on %s', (_, observations, days, why) => {
    const proposal = proposePromotions(contract, { observations, days });
    expect(ids(proposal)).not.toContain('s/inputs/x/max');
    expect(proposal.kept.find(({ ruleId }) => ruleId === 's/inputs/x/max')?.why).toMatch(why);
  });

  it('promotes at the limits themselves', () => {
    const observations = observed({ checked: 10_000, broken: new Map([['s/inputs/x/max', 10]]) });
    expect(ids(proposePromotions(contract, { observations, days: 7 }))).toContain('s/inputs/x/max');
  });

  it('never widens anything, whatever was counted', () => {
    fc.assert(
      fc.property(
        contractArbitrary,
        fc.nat(30_000),
        fc.double({ min: 0, max: 20 }),
        fc.dictionary(fc.string(), fc.nat(1000)),
        (one, checked, days, counts) => {
          const { contract: next } = proposePromotions(one, {
            observations: observed({ checked, broken: new Map(Object.entries(counts)) }),
            days,
          });
          for (const { effect, change } of diffContracts(one, next)) {
            expect(change).toBe('mode');
            expect(['tightened', 'none']).toContain(effect);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('readObservations', () => {
  const status = (...contracts: object[]) =>
    JSON.stringify({ models: [{ name: 'm', versions: contracts.map((each) => ({ version: '1', contract: each })) }] });
  const report = (more: object = {}) => ({
    id: 'a',
    revision: 4,
    digest: digest.slice(0, 12),
    mode: 'enforce',
    checked: 5,
    rules: [{ ruleId: 's/inputs/x/max', outcomes: { shadow: 2, reject: 1 } }],
    ...more,
  });

  it('sums versions with this contract, and passes over others', () => {
    const text = status(report(), report({ since: '2026-11-01T00:00:00Z' }), report({ digest: '0'.repeat(12), checked: 100 }));
    expect(readObservations(text, digest, 'status.json')).toEqual({
      checked: 10,
      sinceMs: undefined,
      broken: new Map([['s/inputs/x/max', 6]]),
      isComplete: true,
    });
    const dated = status(report({ since: '2026-11-01T00:00:00Z' }), report({ since: '2026-11-05T00:00:00Z' }));
    expect(readObservations(dated, digest, 'x').sinceMs).toBe(Date.UTC(2026, 10, 5));
  });

  it('sees that the list of rules was cut', () => {
    const rules = Array.from({ length: 200 }, (_, index) => ({ ruleId: `r${index}`, outcomes: { shadow: 1 } }));
    expect(readObservations(status(report({ rules })), digest, 'x').isComplete).toBe(false);
  });

  it.each([
    ['{', 'DATASET_INVALID'],
    ['{}', 'DATASET_INVALID'],
    [status(report({ checked: -1 })), 'DATASET_INVALID'],
    [status(report({ rules: [{ ruleId: 'a', outcomes: { shadow: 'x' } }] })), 'DATASET_INVALID'],
    [status(report({ digest: '' })), 'DATASET_INVALID'],
    [status(report({ digest: 'f'.repeat(12) })), 'CONTRACT_MISMATCH'],
    [status(), 'CONTRACT_MISMATCH'],
  ])('refuses %s', (text, code) => {
    expect(() => readObservations(text, digest, 'status.json')).toThrow(expect.objectContaining({ code }));
  });
});
