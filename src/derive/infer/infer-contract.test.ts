import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../../../tests/support/graph.ts';
import { formatContract, lintContract, parseContract } from '../../contract/index.ts';
import { isAirlockError } from '../../core/index.ts';
import { readSavedModel, selectMetaGraph } from '../../model/index.ts';
import { inferContract } from './infer-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-test-infer-contract-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [
    { alias: 'ids', tensorName: 'ids:0', dtype: 'DT_INT64' as const, shape: [-1, -1] },
    { alias: 'word', tensorName: 'word:0', dtype: 'DT_STRING' as const, shape: [-1] },
    { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT' as const, shape: [-1, 4] },
  ],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT' as const, shape: [-1, 2] }],
};

/** Looks `ids` up in 10 rows and `word` in the words of an asset. */
function writeModel(directory: string, words: string): void {
  const axis = node('axis', 'Const', [], { dtype: attribute.type(3), value: attribute.tensor(3, [], Buffer.alloc(4)) });
  const table = node('t', 'Const', [], { dtype: attribute.type(1), value: attribute.tensor(1, [10, 2], Buffer.alloc(80)) });
  const nodes = [
    placeholder('ids', 9),
    placeholder('word', 7),
    placeholder('x', 1),
    axis,
    table,
    node('g', 'GatherV2', ['t', 'ids', 'axis']),
    node('table', 'HashTableV2'),
    node('asset', 'Const', [], { dtype: attribute.type(7), value: attribute.strings([], ['/words.txt']) }),
    node('init', 'InitializeTableFromTextFileV2', ['table', 'asset'], { key_index: attribute.integer(-2) }),
    node('find', 'LookupTableFindV2', ['table', 'word', 'axis']),
    node('y', 'Identity', ['x']),
  ];
  writeSavedModel(directory, nodes, { signatures: [signature], assets: { 'words.txt': 'asset:0' } });
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'assets', 'words.txt'), words);
}

describe('inferContract()', () => {
  it('gives what the signature and the graph say, and a contract that fits the model and can be read back', async () => {
    const directory = join(folder, 'whole');
    writeModel(directory, 'red\ngreen\n');
    const { contract, comments, vocabularies, open } = await inferContract(directory, { id: 'words' });
    const inputs = contract.signatures.get('serving_default')?.inputs;
    expect(inputs?.get('ids')).toMatchObject({ dtype: 'DT_INT64', min: 0, max: 9 });
    expect(inputs?.get('ids')?.derivedFrom.get('max')).toBe('model');
    expect(contract.metadata.sources[0]).toMatchObject({ kind: 'saved_model', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([...(inputs?.get('word')?.vocabulary?.entries ?? [])]).toEqual(['red', 'green']);
    expect(inputs?.get('word')?.modes.get('vocabulary')).toBe('shadow');
    expect(comments.get('serving_default/inputs/ids')).toBe('GatherV2 g takes 0 to 9');
    expect(open.get('serving_default/inputs/x')).toEqual(['no bounds']);
    expect(open.has('serving_default/inputs/ids')).toBe(false);
    const text = formatContract(contract, { comments });
    expect(parseContract(text, { vocabularies })).toEqual(contract);
    const { signatures } = selectMetaGraph(await readSavedModel(directory));
    expect(lintContract(contract, signatures).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('makes no vocabulary of a file that is not text', async () => {
    const directory = join(folder, 'binary');
    writeModel(directory, 'x');
    writeFileSync(join(directory, 'assets', 'words.txt'), Buffer.from([0xff, 0xfe, 0x0a]));
    const { contract, vocabularies } = await inferContract(directory);
    expect(contract.signatures.get('serving_default')?.inputs.get('word')?.vocabulary).toBeUndefined();
    expect(vocabularies.size).toBe(0);
  });

  it('refuses a signature that the model does not have', async () => {
    writeModel(join(folder, 'none'), 'a\n');
    await expect(inferContract(join(folder, 'none'), { signatures: ['other'] })).rejects.toMatchObject({
      code: 'SIGNATURE_NOT_FOUND',
    });
  });

  it('gives a contract or an error with a code for a model whose bytes were changed', async () => {
    const directory = join(folder, 'mutated');
    writeModel(directory, 'a\n');
    const bytes = readFileSync(join(directory, 'saved_model.pb'));
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const mutated = Buffer.from(bytes);
        for (const [at, value] of changes) mutated[at] = value;
        writeFileSync(join(directory, 'saved_model.pb'), mutated);
        const found = await inferContract(directory).catch((thrown: unknown) => thrown);
        expect(isAirlockError(found) || (typeof found === 'object' && found !== null && 'contract' in found)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
