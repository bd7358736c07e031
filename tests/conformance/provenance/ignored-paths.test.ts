// What a signature leaves out. The real tool verifies a folder and then somebody loads it, with all that was planted in the ignored places; we
// copy what the manifest names and nothing else. Each case shows that the tool lets it through, and that our copy does not have it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelStore } from '../../../src/provenance/store/index.ts';
import {
  bundleOf,
  type KeyFiles,
  keySignerOf,
  makeKeyFiles,
  resourcesOf,
  signedStatement,
  statementOf,
} from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { keyEntry, ourVerdict } from './our-verdict.ts';

describe.skipIf(!hasModelSigning)(`what a signature leaves out${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let key: KeyFiles;
  let cases = 0;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-ignored-'));
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key');
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const newModel = (): string => writeFiles(join(folder, `${cases++}/model`), plainFiles);

  /** The names of all files that a worker would get. */
  async function stagedNames(model: string, signature: string): Promise<string[]> {
    const { manifest, differences, text } = await ourVerdict(model, signature, keyEntry(key.publicKey));
    expect(differences).toEqual([]);
    if (manifest === undefined) throw new Error(`the bundle was not accepted: ${text}`);
    const store = await openModelStore(join(folder, `store-${cases++}`));
    try {
      const staged = await store.stage(model, manifest);
      const entries = readdirSync(staged.directory, { recursive: true, withFileTypes: true });
      const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
      for (const name of names) {
        const relative = name.slice(staged.directory.length + 1);
        expect(readFileSync(name, 'utf8')).toBe(plainFiles[relative]);
      }
      await staged.release();
      return names.map((name) => name.slice(staged.directory.length + 1)).sort();
    } finally {
      await store.close();
    }
  }

  const planted = {
    '.git/hook': 'run me',
    '.gitattributes': 'planted',
    '.github/workflow.yml': 'planted',
    'cache/stolen': 'planted',
    'cache/deep/er': 'planted',
  };

  it('may hold anything later for the tool, and nothing of it is staged', async () => {
    const model = newModel();
    const signature = join(model, 'model.sig');
    const options = ['--ignore-paths', join(model, 'cache')];
    expect(await python.sign(model, signature, { key: key.privateKey }, ...options)).toMatchObject({ accepted: true });
    writeFiles(model, planted);
    expect(await python.verify(model, signature, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    // What was signed as ignored stays ignored, whatever the tool is told.
    const strict = await python.verify(model, signature, { publicKey: key.publicKey }, '--no-ignore-git-paths');
    expect(strict).toMatchObject({ accepted: true });
    expect(await stagedNames(model, signature)).toEqual(Object.keys(plainFiles).sort());
  });

  it('is only what the signature says: .git is extra for us where it is not ignored, and ignored for the tool all the same', async () => {
    const model = newModel();
    const signature = join(model, 'model.sig');
    writeFileSync(signature, signedStatement(statementOf(resourcesOf(plainFiles)), keySignerOf(key)));
    writeFiles(model, { '.git/hook': 'run me' });
    expect(await python.verify(model, signature, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    const { differences } = await ourVerdict(model, signature, keyEntry(key.publicKey));
    expect(differences).toEqual(['extra .git/hook']);
  });

  it('is not staged where a signature has another name of its own in the list, which may hold anything later', async () => {
    const model = newModel();
    const signature = join(model, 'saved_model.pbtxt');
    expect(await python.sign(model, signature, { key: key.privateKey })).toMatchObject({ accepted: true });
    const kept = join(folder, `${cases++}.sig`);
    writeFileSync(kept, readFileSync(signature));
    writeFileSync(signature, 'a graph that nobody signed');
    expect(await python.verify(model, kept, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    expect(await stagedNames(model, kept)).toEqual(Object.keys(plainFiles).sort());
  });

  it('is everything with `ignore_paths: ["."]` and no entries: the tool verifies any folder, we refuse the bundle', async () => {
    const model = join(folder, `${cases++}/model`);
    mkdirSync(model, { recursive: true });
    const signature = join(folder, `${cases++}.sig`);
    writeFileSync(signature, signedStatement(statementOf([], ['.']), keySignerOf(key)));
    writeFiles(model, { 'saved_model.pb': 'anything' });
    expect(await python.verify(model, signature, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    expect(await ourVerdict(model, signature, keyEntry(key.publicKey))).toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it.each(['', '.', '..', '../x', '/etc', 'a/../b', './a', 'a//b', 'a/', 'a\0b', 'variables', 'zero'])(
    'is refused as %j, with or without the opinion of the tool',
    async (path) => {
      const model = newModel();
      const signature = join(model, 'model.sig');
      writeFileSync(signature, signedStatement(statementOf(resourcesOf(plainFiles), [path]), keySignerOf(key)));
      expect(await ourVerdict(model, signature, keyEntry(key.publicKey))).toMatchObject({ code: 'BUNDLE_INVALID' });
    },
  );

  it('are never patterns: `*` is the name of one file for both', async () => {
    const model = newModel();
    const signature = join(model, 'model.sig');
    const statement = statementOf(resourcesOf(plainFiles), ['model.sig', '*', 'ca?he']);
    writeFileSync(signature, JSON.stringify(bundleOf(Buffer.from(JSON.stringify(statement)), keySignerOf(key))));
    writeFiles(model, { 'cache/planted': '' });
    expect((await python.verify(model, signature, { publicKey: key.publicKey })).text).toMatch(/Extra files.*cache\/planted/);
    // Whether such a name may be listed at all is ours to say; that it matches no other is not.
    const { accepted } = await ourVerdict(model, signature, keyEntry(key.publicKey));
    expect(accepted).toBe(false);
  });
});
