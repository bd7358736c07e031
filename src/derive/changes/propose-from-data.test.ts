import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../../tests/support/contract-arbitrary.ts';
import { type Contract, contractMistakes, parseContract, type RuleName, rulesSetOn, type Source } from '../../contract/index.ts';
import { diffContracts } from './diff-contracts.ts';
import { proposeFromData } from './propose-from-data.ts';
import { cappedBound } from './widening-cap.ts';

const source: Source = { id: 'data', kind: 'csv', name: 'new.csv', sha256: 'a'.repeat(64) };

const contract = (rules: string, dtype = 'float32', more = '') =>
  parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 1 }${more},
    signatures: { s: { inputs: { x: { dtype: ${dtype}${rules} } } } } }`);

/** As a profile gives it: each rule says that it was measured. */
function measured(one: Contract): Contract {
  const signatures = [...one.signatures].map(([name, signature]) => {
    const inputs = [...signature.inputs].map(([alias, rules]) => {
      const derivedFrom = new Map<RuleName, string>([...rulesSetOn(rules)].map((rule) => [rule, 'data']));
      return [alias, { ...rules, derivedFrom }] as const;
    });
    return [name, { ...signature, inputs: new Map(inputs) }] as const;
  });
  return { ...one, metadata: { ...one.metadata, sources: [source] }, signatures: new Map(signatures) };
}

const propose = (old: Contract, data: Contract, options = {}) => proposeFromData(old, measured(data), [source], options);
const x = ({ contract: { signatures } }: { readonly contract: Contract }) => signatures.get('s')?.inputs.get('x');

describe('proposeFromData', () => {
  it('widens by at most a tenth of the old range, and marks it', () => {
    const proposal = propose(contract(', min: 0, max: 100'), contract(', min: -3, max: 200'));
    expect(x(proposal)).toMatchObject({ min: -3, max: 110 });
    expect(proposal.capped).toEqual([{ path: 'signatures.s.inputs.x.max', before: 100, after: 110, wanted: 200 }]);
    expect(proposal.contract.metadata).toMatchObject({ revision: 2, sources: [{ id: 'update-2-1', name: 'new.csv' }] });
    expect(x(proposal)?.derivedFrom).toEqual(
      new Map([
        ['min', 'update-2-1'],
        ['max', 'update-2-1'],
      ]),
    );
    expect(proposal.comments.get('s/inputs/x')).toBe('WIDENED min: 0 to -3\nWIDENED max: 100 to 110; the data asks for 200');
    expect(contractMistakes(proposal.contract)).toEqual([]);
  });

  it('leaves bounds that the data stays inside of, and brings them in only when asked', () => {
    const [old, data] = [contract(', min: 0, max: 100', 'int64'), contract(', min: 10, max: 50', 'int64')];
    expect(propose(old, data).contract).toBe(old);
    expect(x(propose(old, data, { tighten: true }))).toMatchObject({ min: 0, max: 60 });
    // All of it above the old range: the interval must not turn around.
    expect(x(propose(old, contract(', min: 500, max: 600', 'int64'), { tighten: true }))).toMatchObject({ min: 0, max: 110 });
  });

  it('rounds the steps of integers down, and takes none where the cap is below one', () => {
    expect(x(propose(contract(', min: 0, max: 25', 'int64'), contract(', max: 90, min: 0', 'int64')))?.max).toBe(27);
    const stuck = propose(contract(', min: 0, max: 5', 'int64'), contract(', max: 6, min: 0', 'int64'));
    expect(stuck.widened).toEqual([]);
    expect(stuck.capped).toHaveLength(1);
    expect(stuck.contract.metadata.revision).toBe(1);
  });

  it('is exact beyond 2^53', () => {
    const old = contract(', min: 0, max: 9007199254740993', 'int64');
    const data = contract(', min: 0, max: 9223372036854775807', 'int64');
    expect(x(propose(old, data))?.max).toBe(9007199254740993n + 900719925474099n);
  });

  it('moves nothing that was not measured, and nothing that is a decision', () => {
    const image = (ratio: number, width: number) =>
      `, image: { formats: [png], width: { max: ${width} }, maxRatio: ${ratio}, maxDecodedBytes: ${ratio * 1000} }`;
    const wide = propose(contract(image(10, 100), 'string'), contract(image(200, 1000), 'string'));
    expect(x(wide)?.image).toMatchObject({ maxRatio: 10, maxDecodedBytes: 10_000, width: { max: 110 } });
    const old = contract(', max: 1');
    expect(proposeFromData(old, contract(', max: 2'), [source]).contract).toBe(old);
    const words = propose(contract(', number: { nan: reject }, max: 1'), contract(', number: { nan: allow }, max: 1'));
    expect(words.contract.metadata.revision).toBe(1);
  });

  it('moves dimensions that were measured, and never the batch', () => {
    const dims = (batch: number, seq: number) =>
      contract(', shape: [batch, seq]', 'int32', `, dims: { batch: { min: 1, max: ${batch} }, seq: { min: 1, max: ${seq} } }`);
    expect(Object.fromEntries(propose(dims(10, 101), dims(90, 109)).contract.dims)).toEqual({
      batch: { min: 1, max: 10 },
      seq: { min: 1, max: 109 },
    });
  });

  it('moves the bounds of features of an example', () => {
    const example = (max: number, count: number) =>
      `, example: { features: { "a.b": { kind: int64, min: 0, max: ${max}, count: { min: 1, max: ${count} } } } }`;
    const proposal = propose(contract(example(50, 21), 'string'), contract(example(90, 22), 'string'));
    expect(x(proposal)?.example?.features.get('a.b')).toMatchObject({ max: 55, count: { min: 1, max: 22 } });
    expect([...(x(proposal)?.derivedFrom.keys() ?? [])]).toEqual(['example.count', 'example.values']);
  });

  it('never lets anything but capped bounds of inputs out', () => {
    let moved = 0;
    fc.assert(
      fc.property(contractArbitrary, contractArbitrary, (one, other) => {
        // Two random contracts share no tensor; the second is given the first one's places.
        const signatures = new Map(
          [...one.signatures].map(([name, signature], index) => {
            const rules = [...other.signatures.values()].flatMap(({ inputs }) => [...inputs.values()]);
            const inputs = [...signature.inputs].map(
              ([alias, own], at) => [alias, { ...(rules[(index + at) % rules.length] ?? own), dtype: own.dtype }] as const,
            );
            return [name, { ...signature, inputs: new Map(inputs) }] as const;
          }),
        );
        const data = measured({ ...other, signatures });
        const proposal = proposeFromData(one, data, [source]);
        const allowed = new Map(proposal.widened.map(({ path, before }) => [path, before]));
        for (const { path, change } of diffContracts(one, proposal.contract)) {
          expect(change).toBe('widened');
          expect(allowed.has(path), path).toBe(true);
          expect(path).not.toMatch(/outputs|modes|onViolation|nan|pattern|maxRatio|maxDecodedBytes/);
        }
        moved += proposal.widened.length;
        // Rules of another type make no sense here, for example a bound of 256 for a byte; no data have them.
        if (contractMistakes(data).length === 0) expect(contractMistakes(proposal.contract)).toEqual(contractMistakes(one));
      }),
      { numRuns: 40 },
    );
    expect(moved).toBeGreaterThan(10);
  });
});

describe('cappedBound', () => {
  it('never passes the data, the cap, or the old bound the wrong way', () => {
    const bound = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    fc.assert(
      fc.property(
        bound,
        bound,
        fc.option(bound, { nil: undefined }),
        fc.constantFrom(0, 0.1, 0.5),
        (before, wanted, opposite, maxFraction) => {
          const after = cappedBound({ before, wanted, opposite, maxFraction, isInteger: true });
          const [low, high] = before < wanted ? [before, wanted] : [wanted, before];
          expect(after >= low && after <= high).toBe(true);
          const range = opposite === undefined ? BigInt(before) : BigInt(before) - BigInt(opposite);
          const step = BigInt(after) - BigInt(before);
          const size = (value: bigint) => (value < 0n ? -value : value);
          expect(size(step) * 10n).toBeLessThanOrEqual(size(range) * BigInt(maxFraction * 10));
        },
      ),
    );
  });
});
