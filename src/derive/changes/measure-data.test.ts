import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { contractMistakes, parseContract } from '../../contract/index.ts';
import { openDataset } from '../datasets/index.ts';
import { measureData } from './measure-data.ts';
import { proposeFromData } from './propose-from-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-measure-'));
afterAll(() => rmSync(folder, { recursive: true }));

const contract = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: people, revision: 7 }
dims: { batch: { min: 1, max: 4 } }
signatures:
  serving_default:
    inputs:
      age: { dtype: int64, shape: [batch], min: 18, max: 68, onViolation: { max: clip } }
      name: { dtype: string, shape: [batch], string: { minBytes: 1, maxBytes: 20, pattern: "[a-z]+" } }
    outputs: { y: { dtype: float32, max: 1 } }
`);

async function propose(csv: string) {
  const file = join(folder, 'new.csv');
  writeFileSync(file, csv);
  const dataset = await openDataset(file);
  try {
    const { measured } = await measureData(contract, [dataset]);
    return proposeFromData(contract, measured, measured.metadata.sources);
  } finally {
    await dataset.close();
  }
}

describe('measureData', () => {
  it('gives what proposeFromData compares: outside goes out by the cap, inside stays', async () => {
    const proposal = await propose('age,name\n20,bo\n95,x\n30,a-much-longer-name-than-any-before\n');
    const { inputs, outputs } = proposal.contract.signatures.get('serving_default') ?? {};
    expect(inputs?.get('age')).toMatchObject({ min: 18, max: 73, onViolation: new Map([['max', { kind: 'clip' }]]) });
    // One byte is the tenth of the old range from 1 to 20, rounded down; the pattern is nobody's bound.
    expect(inputs?.get('name')?.string).toMatchObject({ minBytes: 1, maxBytes: 21, pattern: '[a-z]+' });
    expect(outputs).toEqual(contract.signatures.get('serving_default')?.outputs);
    expect(proposal.contract.metadata).toMatchObject({ revision: 8, sources: [{ id: 'update-8-1', kind: 'csv', records: 3 }] });
    expect(contractMistakes(proposal.contract)).toEqual([]);
  });

  it('proposes nothing when the data fit', async () => {
    const proposal = await propose('age,name\n20,bo\n60,x\n');
    expect(proposal.contract).toBe(contract);
  });

  it('refuses data that are not of these inputs', async () => {
    await expect(propose('age,name\nold,bo\n')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await expect(measureData(contract, [], { signature: 'other' })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
