// The root, by which other documents name a model, is the same to the bit whoever signs; and so is our identity of it, whatever the order.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keySigner, signModel } from '../../../src/signing/index.ts';
import { type KeyFiles, makeKeyFiles } from './hand-made-bundle.ts';
import { oddFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';

interface Read {
  readonly root: string;
  readonly resources: readonly { readonly name: string }[];
}

/** What a bundle states, read without our code. */
function read(signature: string): Read {
  const { payload } = JSON.parse(readFileSync(signature, 'utf8')).dsseEnvelope;
  const { subject, predicate } = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
  return { root: subject[0].digest.sha256, resources: predicate.resources };
}

describe.skipIf(!hasModelSigning)(`roots and orders${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let key: KeyFiles;
  let cases = 0;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-roots-'));
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key');
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function signedByBoth(files: Readonly<Record<string, string>>): Promise<{ theirs: Read; ours: Read }> {
    const place = join(folder, `${cases++}`);
    mkdirSync(place);
    const model = writeFiles(join(place, 'model'), files);
    const [theirs, ours] = [join(place, 'theirs.sig'), join(place, 'ours.sig')];
    expect(await python.sign(model, theirs, { key: key.privateKey })).toMatchObject({ accepted: true });
    await signModel({ path: model, signer: keySigner({ pem: readFileSync(key.privateKey) }), output: ours });
    expect(await python.verify(model, ours, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    return { theirs: read(theirs), ours: read(ours) };
  }

  it.each<[string, Readonly<Record<string, string>>]>([
    ['of every odd name', oddFiles],
    [
      'of assets beside assets.extra, where the specification orders otherwise',
      { 'saved_model.pb': 'g', 'assets.extra/r': 'r', 'assets/a': 'a' },
    ],
    ['of names around the separator', { 'a/b': '1', 'a b': '2', 'a-b': '3', 'a.b': '4', a0b: '5', 'a!': '6', 'a/c.d/e': '7' }],
    [
      'of the last plane of UTF-16 units and what is beyond',
      { '\uffee': '1', '\u{10000}': '2', '\ue000/x': '3', '\u{1f600}/x': '4' },
    ],
    ['of one file', { only: '' }],
  ])('are equal for a folder %s', async (_, files) => {
    const { theirs, ours } = await signedByBoth(files);
    expect(ours.root).toBe(theirs.root);
    expect(ours.resources).toEqual(theirs.resources);
  });

  it('are equal for folders of any names', async () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'B', '.', '-', ' ', '0', '\ue000', '\u{1f600}', 'é', '\n'),
      minLength: 1,
      maxLength: 3,
    });
    const sane = part.filter((name) => name !== '.' && name !== '..');
    const name = fc.array(sane, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const isTree = (names: readonly string[]): boolean => !names.some((a) => names.some((b) => b.startsWith(`${a}/`)));
    const tree = fc.uniqueArray(name, { minLength: 1, maxLength: 8 }).filter(isTree);
    await fc.assert(
      fc.asyncProperty(tree, async (names) => {
        const { theirs, ours } = await signedByBoth(Object.fromEntries(names.map((each, at) => [`x/${each}`, `${at}`])));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 15 },
    );
  });

  it('are equal for a model that is one file', async () => {
    const place = join(folder, `${cases++}`);
    const model = join(writeFiles(place, { 'model.h5': 'weights' }), 'model.h5');
    const [theirs, ours] = [join(place, 'theirs.sig'), join(place, 'ours.sig')];
    await python.sign(model, theirs, { key: key.privateKey });
    await signModel({ path: model, signer: keySigner({ pem: readFileSync(key.privateKey) }), output: ours });
    expect(read(ours)).toEqual(read(theirs));
  });
});
