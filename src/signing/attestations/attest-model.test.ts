// Statements about real folders: they name what lies on the disk, they lie where verifiers look, and nothing is written when something is
// not as it was signed.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examplePredicates } from '../../../tests/support/attestations.ts';
import { manifestOf, savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { loadedKey } from '../../../tests/support/signing-keys.ts';
import { releaseOf, subjectMatches } from '../../provenance/attestations/index.ts';
import { dssePayloadType, parseBundle, parseStatement } from '../../provenance/format/index.ts';
import { keySigner, signEnvelope } from '../envelope/index.ts';
import { modelStatement } from '../model-statement.ts';
import { signModel } from '../sign-model.ts';
import { type AttestModelOptions, attestModel } from './attest-model.ts';

const signer = keySigner({ pem: loadedKey('P-256').pem });
const other = keySigner({ pem: loadedKey('P-384').pem });
const scan = { type: 'scan', predicate: examplePredicates().scan } as const;

let folder: ReturnType<typeof temporaryFolder>;
let model: string;
beforeEach(() => {
  folder = temporaryFolder();
  model = join(folder.path, 'digits', '3');
  writeContents(model, savedModel);
});
afterEach(() => folder.remove());

const attest = (options: Partial<AttestModelOptions> = {}) => attestModel({ path: model, signer, facts: scan, ...options });
const nameOf = (type: string, by = signer) => `${type}-${by.publicKey.hint.slice(0, 8)}.sigstore.json`;
const read = (file: string) => parseStatement(parseBundle(readFileSync(file)).payload);
const files = () => readdirSync(model).sort();

describe('attestModel()', () => {
  it('states something about a model that nobody has signed, and about the same content when it was signed', async () => {
    const before = await attest();
    expect(before.basis).toBe('files');
    expect(before.manifest.identity).toBe(manifestOf(savedModel).identity);
    expect(before.file).toBe(join(model, 'model.sig.d', nameOf('scan')));
    const { manifest } = await signModel({ path: model, signer });
    const after = await attest({ signer: other });
    expect(after.basis).toBe('signature');
    for (const { file } of [before, after]) expect(subjectMatches(read(file), manifest)).toBe(true);
    const envelope = parseBundle(readFileSync(after.file));
    expect(envelope.payloadType).toBe(dssePayloadType);
    expect(envelope.material).toMatchObject({ kind: 'publicKey', hint: other.publicKey.hint });
    expect(JSON.parse(envelope.payload.toString()).predicate).toEqual(scan.predicate);
  });

  it('states a release, and takes the name of the folder for people, also through a link', async () => {
    symlinkSync(model, join(folder.path, 'latest'));
    const { file } = await attest({
      path: join(folder.path, 'latest'),
      facts: { type: 'release', model: 'digits', version: 3n },
    });
    expect(file).toBe(join(model, 'model.sig.d', nameOf('release')));
    expect(releaseOf(read(file))).toEqual({ model: 'digits', version: 3n });
    expect(read(file).subjects[0].name).toBe('3');
  });

  it('refuses a model that is not as it was signed, names the files, and writes nothing', async () => {
    await signModel({ path: model, signer });
    writeFileSync(join(model, 'saved_model.pb'), 'GRAPH');
    await expect(attest()).rejects.toMatchObject({
      code: 'MODEL_TAMPERED',
      message: 'The model is not as it was signed: 1 file differs',
      violations: [{ path: 'saved_model.pb', rule: 'modified' }],
    });
    writeFileSync(join(model, 'more'), '');
    await expect(attest()).rejects.toMatchObject({ message: 'The model is not as it was signed: 2 files differ' });
    expect(existsSync(join(model, 'model.sig.d'))).toBe(false);
  });

  it('refuses a signature that it cannot read', async () => {
    writeFileSync(join(model, 'model.sig'), '{}');
    await expect(attest()).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('refuses a statement that is there already, unless that is asked for', async () => {
    const { file } = await attest();
    const first = readFileSync(file);
    await expect(attest()).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--force') });
    expect(readFileSync(file)).toEqual(first);
    await attest({
      force: true,
      facts: { type: 'scan', predicate: { ...examplePredicates().scan, scannedAt: '2026-02-01T00:00:00Z' } },
    });
    expect(readFileSync(file)).not.toEqual(first);
    expect(readdirSync(join(model, 'model.sig.d'))).toEqual([nameOf('scan')]);
  });

  it('refuses facts that no reader takes, and writes nothing', async () => {
    const facts = { type: 'scan', predicate: {} } as const;
    await expect(attest({ facts })).rejects.toMatchObject({ code: 'USAGE' });
    expect(files()).toEqual(['fingerprint.pb', 'saved_model.pb', 'variables']);
  });

  it('does not put files beside a signature that does not leave them out, and says what to do', async () => {
    const manifest = manifestOf(savedModel, ['model.sig', '.git']);
    writeFileSync(join(model, 'model.sig'), await signEnvelope(modelStatement(manifest, '3'), signer));
    await expect(attest()).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--output DIR') });
    expect(files()).toEqual(['fingerprint.pb', 'model.sig', 'saved_model.pb', 'variables']);
    const separate = join(folder.path, 'signatures');
    mkdirSync(separate);
    const { file, basis } = await attest({ output: separate });
    expect({ file, basis }).toEqual({ file: join(separate, 'model.sig.d', nameOf('scan')), basis: 'signature' });
  });

  it('takes the signature of the separate place before one beside the model', async () => {
    const separate = join(folder.path, 'signatures');
    mkdirSync(separate);
    await signModel({ path: model, signer, output: join(separate, 'model.sig') });
    writeFileSync(join(model, 'model.sig'), 'not even JSON');
    expect(await attest({ output: separate })).toMatchObject({ basis: 'signature' });
  });

  it('refuses a separate place in the model', async () => {
    for (const output of [model, join(model, 'assets'), join(model, '..', '3', 'x')])
      await expect(attest({ output })).rejects.toMatchObject({ code: 'USAGE' });
    symlinkSync(model, join(folder.path, 'link'));
    await expect(attest({ output: join(folder.path, 'link') })).rejects.toMatchObject({ code: 'USAGE' });
    expect(await attest({ output: folder.path })).toMatchObject({ file: join(folder.path, 'model.sig.d', nameOf('scan')) });
  });

  it('states something about a model that is one file', async () => {
    const path = join(folder.path, 'digits.keras');
    writeFileSync(path, 'zip');
    const fresh = await attest({ path });
    expect(fresh.manifest.files.map(({ name }) => name)).toEqual(['.']);
    const { manifest } = await signModel({ path, signer });
    const { file, basis } = await attest({ path, force: true });
    expect({ file, basis }).toEqual({ file: `${path}.sig.d/${nameOf('scan')}`, basis: 'signature' });
    expect(subjectMatches(read(file), manifest)).toBe(true);
  });

  it('refuses what is no model, and stops when it is told to', async () => {
    await expect(attest({ path: join(folder.path, 'digits') })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(attest({ path: join(folder.path, 'none') })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    mkdirSync(join(folder.path, 'empty'));
    await expect(attest({ path: join(folder.path, 'empty') })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(attest({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
