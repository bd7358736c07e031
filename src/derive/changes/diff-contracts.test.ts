import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../../tests/support/contract-arbitrary.ts';
import { type Contract, contractDigest, parseContract } from '../../contract/index.ts';
import { diffContracts, formatChanges } from './diff-contracts.ts';

function contract(input: string, more = ''): Contract {
  return parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: a, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures:
  s:
    inputs:
      x: { dtype: float32, shape: [batch, 3]${input} }
    outputs:
      y: { dtype: float32, min: 0${more} }
`);
}

/** Path below the input, change and effect of each change, with ! for those that break. */
function changes(before: Contract, after: Contract): string[] {
  return diffContracts(before, after).map(
    ({ path, change, effect, breaking }) =>
      `${breaking ? '!' : ''}${path.replace('signatures.s.inputs.x.', '')} ${change} ${effect}`,
  );
}

describe('diffContracts', () => {
  it('finds nothing between a contract and itself, and something where the digests differ', () => {
    fc.assert(
      fc.property(contractArbitrary, (one) => {
        expect(diffContracts(one, one)).toEqual([]);
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(contractArbitrary, contractArbitrary, (one, other) => {
        const same = { ...other, metadata: { ...one.metadata, id: other.metadata.id } };
        const forward = diffContracts(one, same);
        if (contractDigest(one) === contractDigest(same)) expect(forward).toEqual([]);
        else expect(forward).not.toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('says the opposite the other way round', () => {
    const opposite = { tightened: 'widened', widened: 'tightened', changed: 'changed', none: 'none' };
    fc.assert(
      fc.property(contractArbitrary, contractArbitrary, (one, other) => {
        const back = new Map(diffContracts(other, one).map((change) => [change.path, change]));
        const forward = diffContracts(one, other);
        expect(back.size).toBe(forward.length);
        for (const { path, effect, before, after } of forward)
          expect(back.get(path)).toMatchObject({
            effect: opposite[effect],
            ...(before === undefined ? {} : { after: before }),
            ...(after === undefined ? {} : { before: after }),
          });
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['a bound', ', max: 5', ', max: 4', '!max tightened tightened'],
    ['an integer bound', ', min: 5', ', min: 4', 'min widened widened'],
    ['a new bound', '', ', min: 4', '!min added tightened'],
    ['a bound that is gone', ', max: 5', '', 'max removed widened'],
    ['a soft bound', ', softMax: 5', ', softMax: 4', 'softMax tightened none'],
    ['a bound that only watches', ', max: 5, modes: { max: shadow }', ', max: 4, modes: { max: shadow }', 'max tightened none'],
    ['a mode', ', max: 5, modes: { max: shadow }', ', max: 5', '!modes.max mode tightened'],
    ['a mode that still watches', ', max: 5, modes: { max: off }', ', max: 5, modes: { max: shadow }', 'modes.max mode none'],
    ['an action', ', max: 5, onViolation: { max: clip }', ', max: 5', '!onViolation.max action changed'],
    ['a longer list', ', allowed: [1, 2]', ', allowed: [2, 1, 3]', 'allowed widened widened'],
    ['another list', ', allowed: [1, 2]', ', allowed: [2, 3]', '!allowed changed changed'],
    ['NaN', '', ', number: { nan: allow }', ['number.nan widened widened']],
    [
      'an interval',
      ', norm: { l2: { min: 1, max: 3 } }',
      ', norm: { l2: { min: 1, max: 2 } }',
      '!norm.l2.max tightened tightened',
    ],
  ])('sees %s', (_, before, after, expected) => {
    expect(changes(contract(before), contract(after))).toEqual([expected].flat());
  });

  it('counts a wider output as breaking, and a narrower one not', () => {
    expect(changes(contract('', ', max: 1'), contract('', ', max: 2'))).toEqual(['!signatures.s.outputs.y.max widened widened']);
    expect(changes(contract('', ', max: 2'), contract('', ', max: 1'))).toEqual([
      'signatures.s.outputs.y.max tightened tightened',
    ]);
  });

  it('sees shapes and dimensions', () => {
    const one = contract('');
    const dims = { ...one, dims: new Map([['batch', { min: 1, max: 4 }]]) };
    expect(changes(one, dims)).toEqual(['!dims.batch.max tightened tightened']);
    const open = parseContract(
      `{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 2 }, dims: { batch: { min: 1, max: 8 } },
        signatures: { s: { inputs: { x: { dtype: float32, shape: [batch, null] } }, outputs: { y: { dtype: float32, min: 0 } } } } }`,
    );
    expect(changes(one, open)).toEqual(['shape widened widened']);
  });

  it('sees features of examples: naming one lets it through', () => {
    const example = (features: string, unknown = 'reject') =>
      parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 1 }, signatures: { s: { inputs: { x: { dtype: string,
        example: { unknownFeatures: ${unknown}, features: { a: { kind: int64 }${features} } } } } } } }`);
    const added = 'example.features.b added';
    expect(changes(example(''), example(', b: { kind: int64, required: false, min: 3 }'))).toEqual([`${added} widened`]);
    expect(changes(example(''), example(', b: { kind: int64 }'))).toContain(`!${added} changed`);
    expect(changes(example('', 'allow'), example(', b: { kind: int64, required: false }', 'allow'))).toEqual([
      `!${added} tightened`,
    ]);
  });

  it('sees signatures and tensors in one line each', () => {
    const two = contract('');
    const less = { ...two, signatures: new Map([['t', { inputs: new Map(), outputs: new Map(), relations: [] }]]) };
    expect(changes(two, less)).toEqual(['!signatures.s removed tightened', 'signatures.t added widened']);
  });

  it('writes one line per change, without control characters', () => {
    const text = formatChanges(diffContracts(contract(', max: 5'), contract(', max: 4')));
    expect(text).toBe('! tightened signatures.s.inputs.x.max: 5 → 4\n');
  });
});
