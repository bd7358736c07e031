// Where the specification of model signatures (v1.0) and the tool (1.1.1) say different things, or the tool cannot check what it signs: what
// each does, and what we do. Links and shards are refused by name.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type KeyFiles,
  keySignerOf,
  makeKeyFiles,
  type Resource,
  resourcesOf,
  rootOf,
  signedStatement,
  statementOf,
} from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { keyEntry, ourVerdict } from './our-verdict.ts';

describe.skipIf(!hasModelSigning)(`where specification and tool differ${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let key: KeyFiles;
  let cases = 0;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-differences-'));
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key');
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const newModel = (files: Readonly<Record<string, string>> = plainFiles): string =>
    writeFiles(join(folder, `${cases++}/model`), files);
  const newSignature = (): string => join(folder, `${cases++}.sig`);
  const trust = (): { publicKey: string } => ({ publicKey: key.publicKey });
  const ours = async (model: string, signature: string) => await ourVerdict(model, signature, keyEntry(key.publicKey));

  function sharded(files: Readonly<Record<string, string>>, shardBytes: number, algorithm: string): object {
    const resources = Object.entries(files).flatMap(([name, text]) => {
      const starts = Array.from({ length: Math.ceil(text.length / shardBytes) }, (_, at) => at * shardBytes);
      return starts.map((start): Resource => {
        const part = text.slice(start, start + shardBytes);
        return { ...resourcesOf({ [`${name}:${start}:${start + part.length}`]: part })[0], algorithm };
      });
    });
    const serialization = { method: 'shards', hash_type: 'sha256', shard_size: shardBytes, allow_symlinks: false };
    return { ...statementOf(resources), predicate: { serialization, resources } };
  }

  describe('one file as a model', () => {
    it('is named `.` by the tool, and that both verify', async () => {
      const model = join(newModel({ 'weights.h5': 'weights' }), 'weights.h5');
      const signature = newSignature();
      expect(await python.sign(model, signature, { key: key.privateKey })).toMatchObject({ accepted: true });
      expect(await python.verify(model, signature, trust())).toMatchObject({ accepted: true });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: true });
      expect(verdict.manifest?.files).toMatchObject([{ name: '.' }]);
      writeFileSync(model, 'wEights');
      expect((await ours(model, signature)).differences).toEqual(['modified .']);
    });

    it('is named after the file by the specification, which neither takes for that file', async () => {
      const model = join(newModel({ 'weights.h5': 'weights' }), 'weights.h5');
      const signature = newSignature();
      writeFileSync(signature, signedStatement(statementOf(resourcesOf({ 'weights.h5': 'weights' })), keySignerOf(key)));
      expect((await python.verify(model, signature, trust())).text).toMatch(/Extra files.*Missing files/s);
      expect((await ours(model, signature)).accepted).toBe(false);
    });

    it('is not a folder that has one file, nor the other way round', async () => {
      const model = newModel({ inner: 'weights' });
      const signature = newSignature();
      writeFileSync(signature, signedStatement(statementOf(resourcesOf({ '.': 'weights' })), keySignerOf(key)));
      expect((await python.verify(model, signature, trust())).accepted).toBe(false);
      expect((await ours(model, signature)).accepted).toBe(false);
    });
  });

  describe('links', () => {
    it('signed as allowed are refused by name; the tool does not see what changes behind a linked folder', async () => {
      const model = newModel();
      const outside = writeFiles(join(folder, `${cases++}/outside`), { weights: 'behind a link' });
      symlinkSync(outside, join(model, 'linked'));
      const signature = join(model, 'model.sig');
      const allowed = await python.sign(model, signature, { key: key.privateKey }, '--allow_symlinks');
      expect(allowed).toMatchObject({ accepted: true });
      writeFileSync(join(outside, 'weights'), 'changed behind a link');
      expect(await python.verify(model, signature, trust(), '--allow_symlinks')).toMatchObject({ accepted: true });

      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: false, code: 'BUNDLE_UNSUPPORTED' });
      expect(verdict.text).toMatch(/symlink|link/);
    });

    it('that are not allowed stop the tool even where they are ignored; for us they are no part of the model', async () => {
      const model = newModel();
      mkdirSync(join(model, 'cache'));
      const signature = join(model, 'model.sig');
      const options = ['--ignore-paths', join(model, 'cache')];
      expect(await python.sign(model, signature, { key: key.privateKey }, ...options)).toMatchObject({ accepted: true });
      symlinkSync('/etc/passwd', join(model, 'cache/link'));
      expect((await python.verify(model, signature, trust())).text).toMatch(/because it is a symlink/);
      expect(await ours(model, signature)).toMatchObject({ accepted: true });
    });
  });

  describe('shards', () => {
    it('of the tool are refused by name', async () => {
      const model = newModel();
      const signature = join(model, 'model.sig');
      await python.ask({ do: 'sign', key: key.privateKey, model, signature, shardBytes: 4, ignore: ['model.sig'] });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: false, code: 'BUNDLE_UNSUPPORTED' });
      expect(verdict.text).toMatch(/shards/);
    });

    it('leave empty files out: the tool does not notice one that was added or removed', async () => {
      const model = newModel();
      const signature = newSignature();
      const request = { key: key.privateKey, model, signature, shardBytes: 4 };
      await python.ask({ do: 'sign', ...request });
      writeFileSync(join(model, 'another'), '');
      rmSync(join(model, 'zero'));
      expect(await python.attempt({ do: 'verify', ...request, key: key.publicKey })).toMatchObject({ accepted: true });
      expect(await ours(model, signature)).toMatchObject({ code: 'BUNDLE_UNSUPPORTED' });
    });

    it.each([
      ['the tool', 'sha256-sharded-4', true],
      ['the specification', 'sha256', false],
    ])('spelled as by %s are refused by name, whatever the tool says', async (_, algorithm, accepted) => {
      const files = { 'saved_model.pb': 'graph', weights: 'weights' };
      const model = newModel(files);
      const signature = newSignature();
      writeFileSync(signature, signedStatement(sharded(files, 4, algorithm), keySignerOf(key)));
      const told = await python.attempt({ do: 'verify', key: key.publicKey, model, signature, shardBytes: 4 });
      expect(told).toMatchObject({ accepted });
      expect(await ours(model, signature)).toMatchObject({ code: 'BUNDLE_UNSUPPORTED' });
    });
  });

  describe('other hashes', () => {
    it('blake2b is verified by both, though the tool has to be told', async () => {
      const model = newModel();
      const signature = newSignature();
      await python.ask({ do: 'sign', key: key.privateKey, model, signature, hash: 'blake2' });
      const request = { do: 'verify', key: key.publicKey, model, signature };
      expect((await python.attempt(request)).text).toMatch(/Unsupported hashing method blake2b/);
      expect(await python.attempt({ ...request, hash: 'blake2' })).toMatchObject({ accepted: true });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: true, manifest: { hashType: 'blake2b' } });
      writeFileSync(join(model, 'zero'), 'more');
      expect((await ours(model, signature)).differences).toEqual(['modified zero']);
    });

    it('blake3 is refused by name', async () => {
      const model = newModel();
      const signature = newSignature();
      await python.ask({ do: 'sign', key: key.privateKey, model, signature, hash: 'blake3' });
      expect(await python.attempt({ do: 'verify', key: key.publicKey, model, signature })).toMatchObject({ accepted: true });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: false, code: 'BUNDLE_UNSUPPORTED' });
      expect(verdict.text).toMatch(/blake3/);
    });
  });

  describe('names in a bundle', () => {
    it('in the order of the specification verify for both; only the root is another', async () => {
      const files = { 'a-b': '1', 'a.txt': '2', 'a/b.txt': '3' };
      const model = newModel(files);
      const signature = newSignature();
      const inOrder = resourcesOf(files);
      writeFileSync(signature, signedStatement(statementOf(inOrder), keySignerOf(key)));
      expect(await python.verify(model, signature, trust())).toMatchObject({ accepted: true });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: true, manifest: { root: rootOf(inOrder) } });

      const byTool = newSignature();
      await python.sign(model, byTool, { key: key.privateKey });
      const other = await ours(model, byTool);
      expect(other.manifest?.files.map(({ name }) => name)).toEqual(['a/b.txt', 'a-b', 'a.txt']);
      expect(other.manifest?.root).not.toBe(verdict.manifest?.root);
      expect(other.manifest?.identity).toBe(verdict.manifest?.identity);
    });

    it('of a signature made by the tool are read as they are on the disk', async () => {
      const model = newModel({ 'a:0:5': 'colon', 'new\nline': 'newline', '\ufeffmark': 'mark' });
      const signature = newSignature();
      await python.sign(model, signature, { key: key.privateKey });
      const verdict = await ours(model, signature);
      expect(verdict).toMatchObject({ accepted: true });
      expect(JSON.parse(readFileSync(signature, 'utf8'))).toHaveProperty('dsseEnvelope');
    });
  });
});
