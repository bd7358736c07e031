// What lies beside a model as it is shown: by what was signed and not by names of files, with what is not verified marked so, and with
// everybody's text made printable.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changed, examplePredicates } from '../../../tests/support/attestations.ts';
import { manifestOf, savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { loadedKey } from '../../../tests/support/signing-keys.ts';
import { type PredicateType, predicateTypes, subjectOf } from '../../provenance/attestations/index.ts';
import { dssePayloadType, statementType } from '../../provenance/format/index.ts';
import { loadSigner } from '../../provenance/signers/index.ts';
import { keySigner, signEnvelope } from '../envelope/index.ts';
import { signModel } from '../sign-model.ts';
import { attestModel } from './attest-model.ts';
import { describeStatement } from './describe-statement.ts';
import { findStatements, maxStatements, statementsAbout } from './found-statements.ts';
import { attestationStatement } from './make-statement.ts';
import { modelPlaces } from './model-content.ts';

const signer = keySigner({ pem: loadedKey('P-256').pem });
const other = keySigner({ pem: loadedKey('P-384').pem });

let folder: ReturnType<typeof temporaryFolder>;
let model: string;
beforeEach(async () => {
  folder = temporaryFolder();
  model = join(folder.path, 'digits');
  writeContents(model, savedModel);
  await signModel({ path: model, signer });
  await attestModel({ path: model, signer, facts: { type: 'release', model: 'digits', version: 3n } });
  await attestModel({ path: model, signer: other, facts: { type: 'scan', predicate: examplePredicates().scan } });
});
afterEach(() => folder.remove());

const places = async () => (await modelPlaces(model)).beside;
const put = (name: string, bytes: string | Buffer) => writeFileSync(join(model, 'model.sig.d', name), bytes);
const trusted = async () => {
  const file = join(folder.path, 'key.pub');
  writeFileSync(file, loadedKey('P-256').publicPem);
  return loadSigner('key', { kind: 'key', publicKey: file, accept: [] });
};

describe('findStatements()', () => {
  it('finds the model signature first, then the others by name, and verifies none of them', async () => {
    const { statements, unreadable } = await findStatements(await places());
    expect(unreadable).toEqual([]);
    expect(statements.map(({ type, isVerified }) => [type, isVerified])).toEqual([
      ['model', undefined],
      ['release', undefined],
      ['scan', undefined],
    ]);
    expect(statements[0]).toMatchObject({ file: 'model.sig', claimedBy: `the key ${signer.publicKey.hint.slice(0, 16)}` });
    expect(statements[2].file).toBe(`model.sig.d/scan-${other.publicKey.hint.slice(0, 8)}.sigstore.json`);
    expect(statementsAbout({ statements, unreadable }, manifestOf(savedModel)).map(({ type }) => type)).toEqual([
      'release',
      'scan',
    ]);
  });

  it('tells the given signer from others, whose statements then do not count', async () => {
    const found = await findStatements(await places(), await trusted());
    expect(found.statements.map(({ isVerified }) => isVerified)).toEqual([true, true, false]);
    expect(statementsAbout(found, manifestOf(savedModel)).map(({ type }) => type)).toEqual(['release']);
  });

  it('leaves out statements about other content', async () => {
    const manifest = manifestOf({ ...savedModel, 'saved_model.pb': 'another' });
    put(
      'another.sigstore.json',
      await signEnvelope(attestationStatement('scan', manifest, 'x', examplePredicates().scan), signer),
    );
    const found = await findStatements(await places());
    expect(found.statements).toHaveLength(4);
    expect(statementsAbout(found, manifestOf(savedModel))).toHaveLength(2);
  });

  it('goes by what was signed: a name of a file means nothing', async () => {
    put(
      'slsa-00000000.sigstore.json',
      await signEnvelope(attestationStatement('scan', manifestOf(savedModel), 'x', examplePredicates().scan), signer),
    );
    const statement = {
      _type: statementType,
      subject: [subjectOf(manifestOf(savedModel), 'x')],
      predicateType: 'https://x.test/\u001b[2J',
      predicate: {},
    };
    put('zzz', await signEnvelope(Buffer.from(JSON.stringify(statement)), signer));
    const { statements } = await findStatements(await places());
    expect(statements.map(({ type }) => type)).toEqual(['model', 'release', 'scan', 'scan', 'other']);
    expect(describeStatement(statements[4])).toBe('https://x.test/\\u{1b}[2J');
  });

  it('says of each file that is no statement what is wrong', async () => {
    put('a', '{"mediaType": 1, "mediaType": 1}');
    put('b', '');
    symlinkSync('/etc/passwd', join(model, 'model.sig.d', 'c'));
    mkdirSync(join(model, 'model.sig.d', 'd'));
    const bundle = JSON.parse((await signEnvelope(Buffer.from('{}'), signer)).toString());
    put('e', JSON.stringify(changed(bundle, ['dsseEnvelope', 'payloadType'], 'text/plain')));
    expect(bundle.dsseEnvelope.payloadType).toBe(dssePayloadType);
    const { statements, unreadable } = await findStatements(await places());
    expect(statements).toHaveLength(3);
    expect(unreadable.map(({ file }) => file)).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `model.sig.d/${name}`));
    for (const { problem } of unreadable) expect(problem).not.toBe('');
  });

  it('reads no more than 64 files, and finds none where there is no folder', async () => {
    for (let count = 2; count <= maxStatements; count++) put(`x${count}`, '');
    await expect(findStatements(await places())).rejects.toMatchObject({ code: 'USAGE' });
    const nowhere = join(folder.path, 'nowhere', 'model.sig');
    expect(await findStatements({ signature: nowhere, folder: `${nowhere}.d` })).toEqual({ statements: [], unreadable: [] });
  });

  it('says who claims to have signed: a certificate, a keyless identity, a key of the old form', async () => {
    const bundle = JSON.parse(
      (
        await signEnvelope(attestationStatement('scan', manifestOf(savedModel), 'x', examplePredicates().scan), signer)
      ).toString(),
    );
    const rawBytes = Buffer.from('x').toString('base64');
    const as = (material: object) => JSON.stringify({ ...bundle, verificationMaterial: material });
    put('a', as({ publicKey: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } }));
    put('b', as({ x509CertificateChain: { certificates: [{ rawBytes }] } }));
    const { statements } = await findStatements(await places());
    expect(statements.slice(1, 3).map(({ claimedBy }) => claimedBy)).toEqual(['a key', 'a certificate']);
  });
});

describe('describeStatement()', () => {
  const line = (type: PredicateType | 'release', predicate: Record<string, unknown>) =>
    describeStatement({ type, statement: { predicateType: predicateTypes[type], subjects: [], predicate } });

  it('says in one line what each type states', async () => {
    const example = examplePredicates();
    expect(line('release', { purl: 'pkg:generic/digits@3' })).toBe('digits, version 3');
    expect(line('slsa', example.slsa)).toBe('built by https://example.test/builder as https://example.test/train/v1');
    expect(line('training', example.training)).toMatch(
      /^2 data sets, code f{40}, tensorflow 2\.21\.0, 2026-01-31T12:00:00\.000Z$/,
    );
    const one = changed(changed(example.training, ['data', 1], undefined), ['code', 'dirty'], true);
    expect(line('training', { ...one, data: [examplePredicates().evaluation.data] })).toMatch(
      /^1 data set, code f{40} with changes,/,
    );
    expect(line('scan', example.scan)).toBe('passed, findings up to low, by airlock 0.1.0, 2026-01-31T12:00:00.000Z');
    expect(line('scan', { ...example.scan, findings: [] })).toMatch(/^passed, no findings,/);
    expect(line('contract', example.contract)).toBe('digits, revision 3, 4444444444444444');
    expect(line('evaluation', example.evaluation)).toMatch(/^accuracy 0\.96, loss 0\.12 on test\.npz, /);
    const metrics = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`m${index}`, index]));
    expect(line('evaluation', { ...example.evaluation, metrics })).toMatch(/m7 7 and 4 more on /);
    const { statements } = await findStatements(await places());
    expect(describeStatement(statements[0])).toBe(`4 files, root ${manifestOf(savedModel).root.slice(0, 16)}`);
  });

  it('says that a predicate cannot be read, without control characters', () => {
    expect(line('release', { purl: 'x' })).toBe('cannot be read');
    expect(line('scan', { ...examplePredicates().scan, verdict: '\u001b' })).toBe(
      'cannot be read at verdict: expected passed or failed, got "\\u{1b}"',
    );
    const predicate: Record<string, unknown> = JSON.parse('[]');
    expect(line('scan', predicate)).toMatch(/^cannot be read: /);
    const statement = { predicateType: '', subjects: [], predicate: {} };
    expect(describeStatement({ type: 'model', statement })).toBe('cannot be read');
  });
});
