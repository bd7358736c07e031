import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadContract, maxContractBytes, parseContract } from './load-contract.ts';
import { readVocabularyFiles } from './load-contract-vocabulary.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airlock-contract-'));
  await mkdir(join(folder, 'c'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const withVocabulary = (file: string, digest: string) => `
apiVersion: airlock/contract/v1
metadata: { id: t, revision: 1 }
signatures:
  s:
    inputs:
      x: { dtype: string, vocabulary: { file: ${JSON.stringify(file)}, sha256: ${digest} } }
      y:
        dtype: string
        example: { features: { f: { kind: bytes, vocabulary: { file: ${JSON.stringify(file)}, sha256: ${digest} } } } }
`;

async function load(text: string | Uint8Array) {
  const file = join(folder, 'c', 'contract.yaml');
  await writeFile(file, text);
  return loadContract(file);
}

const refusal = (expected: string) =>
  expect.objectContaining({
    code: 'CONTRACT_INVALID',
    message: expect.not.stringContaining(folder),
    violations: [
      expect.objectContaining({ path: 'signatures.s.inputs.x.vocabulary', expected: expect.stringContaining(expected) }),
      expect.objectContaining({ path: 'signatures.s.inputs.y.example.features.f.vocabulary' }),
    ],
  });

describe('loadContract()', () => {
  it('reads vocabularies beside the contract, one entry per line', async () => {
    const words = 'Bern\r\nzwei Wörter\n\n[UNK]\n';
    await mkdir(join(folder, 'c', 'sub'));
    await writeFile(join(folder, 'c', 'sub', 'words.txt'), words);
    await symlink('sub/words.txt', join(folder, 'c', 'link.txt'));
    for (const name of ['sub/words.txt', 'link.txt']) {
      const { contract, digest } = await load(withVocabulary(name, sha256(words)));
      const { inputs } = contract.signatures.get('s') ?? expect.fail();
      expect([...(inputs.get('x')?.vocabulary?.entries ?? [])]).toEqual(['Bern', 'zwei Wörter', '', '[UNK]']);
      expect(inputs.get('y')?.example?.features.get('f')?.vocabulary?.entries.size).toBe(4);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('gives the same digest as parseContract for the same meaning, wherever the vocabulary lies', async () => {
    const words = 'a\n';
    await writeFile(join(folder, 'c', 'one.txt'), words);
    await writeFile(join(folder, 'c', 'two.txt'), words);
    const { digest } = await load(withVocabulary('one.txt', sha256(words)));
    expect((await load(`# a comment\n${withVocabulary('two.txt', sha256(words))}`)).digest).toBe(digest);
    await writeFile(join(folder, 'c', 'two.txt'), 'b\n');
    expect((await load(withVocabulary('two.txt', sha256('b\n')))).digest).not.toBe(digest);
  });

  it('refuses a vocabulary that is missing, changed, outside, no file, too large or not UTF-8', async () => {
    const words = 'a\n';
    await writeFile(join(folder, 'outside.txt'), words);
    await writeFile(join(folder, 'c', 'words.txt'), words);
    await writeFile(join(folder, 'c', 'latin.txt'), Uint8Array.of(0xe4));
    await symlink(join(folder, 'outside.txt'), join(folder, 'c', 'leaves.txt'));
    await symlink('/dev/zero', join(folder, 'c', 'zero.txt'));
    await writeFile(join(folder, 'c', 'huge.txt'), '');
    await truncate(join(folder, 'c', 'huge.txt'), 64 * 1024 * 1024 + 1);
    const below = 'below the folder of the contract';
    const cases: readonly (readonly [string, string, string])[] = [
      ['none.txt', sha256(words), 'can be read'],
      ['words.txt', sha256('b\n'), `SHA-256 ${sha256('b\n')}; it has ${sha256(words)}`],
      ['../outside.txt', sha256(words), below],
      ['/outside.txt', sha256(words), below],
      ['leaves.txt', sha256(words), below],
      ['zero.txt', sha256(words), below],
      ['.', sha256(words), below],
      ['huge.txt', sha256(words), 'at most 67108864 bytes'],
      ['latin.txt', sha256(Uint8Array.of(0xe4)), 'UTF-8'],
    ];
    for (const [name, digest, expected] of cases)
      await expect(load(withVocabulary(name, digest)), name).rejects.toEqual(refusal(expected));
    await mkdir(join(folder, 'c', 'folder'));
    await expect(load(withVocabulary('folder', sha256(words)))).rejects.toEqual(refusal('a regular file'));
  });

  it('refuses a file that is not there, none, too large, or not UTF-8, without showing where it was looked for', async () => {
    const invalid = expect.objectContaining({ code: 'CONTRACT_INVALID', message: expect.not.stringContaining(folder) });
    await expect(loadContract(join(folder, 'none.yaml'))).rejects.toEqual(invalid);
    await expect(loadContract(folder)).rejects.toEqual(invalid);
    await expect(load(Buffer.alloc(maxContractBytes + 1, 0x23))).rejects.toEqual(invalid);
    await expect(load(Uint8Array.of(0xff))).rejects.toEqual(invalid);
  });

  it('gives a result that is frozen all the way down', async () => {
    const { contract } = await load(
      'apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\nsignatures: { s: { inputs: { x: { dtype: uint8, shape: [3], sum: { max: 3 } } } } }',
    );
    const unfrozen: unknown[] = [];
    const visit = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return;
      if (value instanceof Map) return value.forEach(visit);
      if (!Object.isFrozen(value)) unfrozen.push(value);
      Object.values(value).forEach(visit);
    };
    visit(contract);
    expect(unfrozen).toEqual([]);
  });
});

describe('readVocabularyFiles()', () => {
  it('reads no file beyond the limit of one, or of all together', async () => {
    for (const name of ['x', 'y', 'z']) await writeFile(join(folder, name), 'four');
    const limits = { maxFileBytes: 4, maxTotalBytes: 8 };
    const kinds = async (names: readonly string[], given = limits) =>
      [...(await readVocabularyFiles(folder, names, given)).values()].map((file) =>
        'bytes' in file ? file.bytes.length : file.mistake,
      );
    const tooLarge = expect.stringContaining('of all vocabularies together');
    expect(await kinds(['x', 'y', 'z'])).toEqual([4, 4, tooLarge]);
    expect(await kinds(['x'], { maxFileBytes: 3, maxTotalBytes: 8 })).toEqual([tooLarge]);
  });
});

describe('parseContract()', () => {
  it('takes vocabularies as values', () => {
    const text = withVocabulary('w', sha256('a'));
    const { inputs } =
      parseContract(text, { vocabularies: new Map([['w', Buffer.from('a')]]) }).signatures.get('s') ?? expect.fail();
    expect([...(inputs.get('x')?.vocabulary?.entries ?? [])]).toEqual(['a']);
    expect(() => parseContract(text)).toThrow(refusal('can be read'));
  });

  it('never fails with anything but CONTRACT_INVALID, whatever the text', () => {
    const line = fc.constantFrom(
      'apiVersion: airlock/contract/v1',
      'metadata: { id: t, revision: 1 }',
      'signatures:',
      '  s:',
      '    inputs:',
      '      x: { dtype: float32 }',
      '      y: { dtype: string, string: { pattern: "(((" } }',
      '      z: { dtype: uint64, max: 99999999999999999999, shape: [9*9] }',
      '    relations: [{ rule: implies, when: {}, then: 3 }]',
      '    relations: [[]]',
      'dims: []',
      'dims: { a: { min: 1, max: 0 } }',
      '{',
      '- 1',
      '&a [*a]',
      'cost: { base: .nan }',
    );
    const value = fc.anything({
      maxDepth: 4,
      withBigInt: true,
      key: fc.constantFrom(
        'signatures',
        's',
        'inputs',
        'x',
        'dtype',
        'shape',
        'onViolation',
        'max',
        'action',
        'rule',
        'metadata',
        '__proto__',
      ),
    });
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')),
      value.map(
        (anything) =>
          JSON.stringify(anything, (_key, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? '',
      ),
    );
    fc.assert(
      fc.property(text, (yaml) => {
        try {
          parseContract(yaml);
        } catch (error) {
          expect(error).toMatchObject({ name: 'AirlockError', code: 'CONTRACT_INVALID' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
