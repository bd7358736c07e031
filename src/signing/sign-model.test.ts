// Models signed and read back: what is named, what is left out, in which bytes, and when nothing is written at all.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadedKey } from '../../tests/support/signing-keys.ts';
import { releaseOf } from '../provenance/attestations/index.ts';
import { makeManifest, parseBundle, parseStatement, readManifest } from '../provenance/format/index.ts';
import { keySigner, signEnvelope } from './envelope/index.ts';
import { modelStatement } from './model-statement.ts';
import { type SignModelOptions, signModel } from './sign-model.ts';

let folder: string;
let model: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-sign-'));
  model = join(folder, 'digits', '3');
  write('saved_model.pb', 'graph');
  write('variables/variables.index', '');
  write('assets/a', 'a');
  write('assets.extra/z', 'z');
  write('.git/hook', 'g');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): void {
  const file = join(model, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

const signer = keySigner({ pem: loadedKey('P-256').pem });
const second = keySigner({ pem: loadedKey('P-384').pem });
const sign = (options: Partial<SignModelOptions> = {}) => signModel({ path: model, signer, ...options });
const statementOf = (file: string) => parseStatement(parseBundle(readFileSync(file)).payload);
const manifestOf = (file: string) => readManifest(statementOf(file));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const git = ['.git', '.gitattributes', '.github', '.gitignore'];

describe('signModel()', () => {
  it('names every file in the order of the Python tool, and leaves out signatures and what git needs', async () => {
    const { kind, isFile, totalBytes, written, manifest, warnings } = await sign();
    expect({ kind, isFile, totalBytes, warnings }).toEqual({ kind: 'SavedModel', isFile: false, totalBytes: 7, warnings: [] });
    expect(written).toEqual([join(model, 'model.sig')]);
    const read = manifestOf(written[0]);
    expect(read).toEqual(manifest);
    expect(read.files).toEqual([
      { name: 'assets/a', digest: sha256('a') },
      { name: 'assets.extra/z', digest: sha256('z') },
      { name: 'saved_model.pb', digest: sha256('graph') },
      { name: 'variables/variables.index', digest: sha256('') },
    ]);
    expect(read.ignored).toEqual(['model.sig', 'model.sig.d', ...git]);
    expect(statementOf(written[0]).subjects).toEqual([{ name: '3', digest: { sha256: read.root } }]);
    expect(readdirSync(model).sort()).toEqual(['.git', 'assets', 'assets.extra', 'model.sig', 'saved_model.pb', 'variables']);
  });

  it('signs the same bytes for the same files, whatever was signed before', async () => {
    const first = parseBundle(readFileSync((await sign()).written[0])).payload;
    const again = parseBundle(readFileSync((await sign({ signer: second, force: true })).written[0])).payload;
    expect(again).toEqual(first);
    write('saved_model.pb', 'grapH');
    const changed = parseBundle(readFileSync((await sign({ force: true })).written[0])).payload;
    expect(changed).not.toEqual(first);
  });

  it('signs a model that is one file, beside it', async () => {
    const file = join(folder, 'digits.keras');
    writeFileSync(file, 'weights');
    const { written, kind } = await sign({ path: file, release: { model: 'digits', version: 7n } });
    expect(kind).toBe('Keras model');
    expect(written[0]).toBe(`${file}.sig`);
    expect(dirname(written[1])).toBe(`${file}.sig.d`);
    expect(manifestOf(written[0])).toMatchObject({ files: [{ name: '.', digest: sha256('weights') }], ignored: [] });
    expect(releaseOf(statementOf(written[1]))).toEqual({ model: 'digits', version: 7n });
  });

  it('binds the files to a name and version beside the signature', async () => {
    const { written, manifest } = await sign({ release: { model: 'digits', version: 3n } });
    expect(written).toEqual([
      join(model, 'model.sig'),
      join(model, 'model.sig.d', `release-${signer.publicKey.hint.slice(0, 8)}.sigstore.json`),
    ]);
    const statement = statementOf(written[1]);
    expect(releaseOf(statement)).toEqual({ model: 'digits', version: 3n });
    expect(statement.subjects[0].digest.sha256).toBe(manifest.root);
    // What lies there now is left out when it is signed again.
    expect((await sign({ force: true })).manifest.identity).toBe(manifest.identity);
  });

  it('adds a further signature of the same files only', async () => {
    await expect(sign({ signer: second, add: true })).rejects.toMatchObject({
      message: 'There is no model.sig to add a signature to',
    });
    execFileSync('mkfifo', [join(model, 'model.sig')]);
    await expect(sign({ signer: second, add: true })).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    rmSync(join(model, 'model.sig'));
    const first = await sign({ ignore: ['assets'] });
    await expect(sign({ signer: second, add: true })).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    const { written } = await sign({ signer: second, add: true, ignore: ['assets'] });
    expect(written).toEqual([join(model, 'model.sig.d', `${second.publicKey.hint.slice(0, 16)}.sig`)]);
    expect(parseBundle(readFileSync(written[0])).payload).toEqual(parseBundle(readFileSync(first.written[0])).payload);
    write('assets.extra/z', 'other');
    await expect(sign({ add: true, ignore: ['assets'] })).rejects.toMatchObject({
      message: expect.stringContaining('not the ones'),
    });
    expect(readdirSync(join(model, 'model.sig.d'))).toHaveLength(1);
  });

  it('does not add where other paths are left out', async () => {
    await sign();
    write('cache/x', '');
    await sign({ ignore: ['cache'], force: true });
    const options = { signer: second, add: true, ignore: ['cache', 'none'] };
    await expect(sign(options)).rejects.toMatchObject({
      message: expect.stringMatching(/leaves out other paths: model.sig, .*cache$/),
    });
    await sign({ ignore: [], ignoreGit: false, output: join(folder, 'model.sig') });
    await expect(sign({ add: true, output: join(folder, 'model.sig') })).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
  });

  it('warns where the Python tool would find files that the first signature does not leave out', async () => {
    rmSync(join(model, '.git'), { recursive: true });
    const { files } = (await sign()).manifest;
    const statement = modelStatement(makeManifest(files, { ignored: ['model.sig', ...git] }), 'x');
    writeFileSync(join(model, 'model.sig'), await signEnvelope(statement, signer));
    const { warnings, manifest } = await sign({ signer: second, add: true });
    expect(warnings).toEqual([expect.stringContaining('Python')]);
    expect(manifest.ignored).toEqual(['model.sig', ...git]);
  });

  it('writes elsewhere when asked, and leaves out a signature that has another name in the model', async () => {
    mkdirSync(join(folder, 'signatures'));
    const outside = await sign({ output: join(folder, 'signatures', 'model.sig') });
    expect(outside.manifest.ignored).toEqual(['model.sig', 'model.sig.d', ...git]);
    const inside = await sign({ output: join(model, 'other.sig') });
    expect(inside.manifest.ignored).toContain('other.sig');
    expect(inside.manifest.identity).toBe(outside.manifest.identity);
  });

  it('follows a link to the model and takes the name behind it', async () => {
    symlinkSync(model, join(folder, 'latest'));
    const { written } = await sign({ path: join(folder, 'latest') });
    expect(written).toEqual([join(model, 'model.sig')]);
    expect(statementOf(written[0]).subjects[0].name).toBe('3');
  });

  it.each([
    ['a link', () => symlinkSync('saved_model.pb', join(model, 'link')), 'MODEL_INVALID', /link/],
    ['a pipe', () => execFileSync('mkfifo', [join(model, 'pipe')]), 'MODEL_INVALID', /pipe/],
    [
      'a name that is not UTF-8',
      () => writeFileSync(Buffer.concat([Buffer.from(`${model}/`), Buffer.from([0x66, 0xff])]), ''),
      'MODEL_INVALID',
      /UTF-8/,
    ],
    ['no model', () => rmSync(model, { recursive: true }), 'MODEL_NOT_FOUND', /There is no 3/],
    [
      'no file',
      () => {
        rmSync(model, { recursive: true });
        mkdirSync(model);
      },
      'MODEL_INVALID',
      /no file/,
    ],
    ['a signature already', () => write('model.sig', ''), 'USAGE', /exists already/],
  ])('refuses a model with %s and writes nothing', async (_what, break_, code, message) => {
    break_();
    await expect(sign()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    const left = readdirSync(folder, { recursive: true }).map(String);
    expect(left.filter((name) => /\.sig\.d$|\.tmp$/.test(name))).toEqual([]);
  });

  it('asks nobody to sign when the result could not be kept', async () => {
    write('model.sig', '');
    let asked = 0;
    const useless = async () => {
      asked += 1;
      return Buffer.alloc(0);
    };
    const counting = { ...signer, sign: useless };
    await expect(sign({ signer: counting })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(sign({ signer: counting, force: true, ignore: ['..'] })).rejects.toMatchObject({ code: 'USAGE' });
    expect(asked).toBe(0);
    await expect(sign({ signer: counting, force: true })).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    expect(asked).toBe(1);
    expect(readFileSync(join(model, 'model.sig'), 'utf8')).toBe('');
  });

  it('can be stopped, and says how far it is', async () => {
    await expect(sign({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    const seen: [number, number][] = [];
    await sign({ onProgress: (...progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual([7, 7]);
    chmodSync(join(model, 'saved_model.pb'), 0o400);
  });
});

describe('modelStatement()', () => {
  it('is read back as the manifest that it was made of', () => {
    const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).filter((text) => !/[/\0]|^\.{1,2}$/.test(text));
    const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `f/${parts.join('/')}/end`);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), fc.string({ unit: 'binary' }), (names, subject) => {
        const files = names.map((each) => ({ name: each, digest: sha256(each) }));
        fc.pre(files.every((a) => files.every((b) => a === b || !b.name.startsWith(`${a.name}/`))));
        const manifest = makeManifest(files, { ignored: ['model.sig'] });
        expect(readManifest(parseStatement(modelStatement(manifest, subject || 'x')))).toEqual(manifest);
      }),
      { numRuns: 40 },
    );
  });
});
