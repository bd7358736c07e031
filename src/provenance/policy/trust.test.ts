import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { examplePredicates } from '../../../tests/support/attestations.ts';
import {
  attestation,
  bundle,
  manifestOf,
  modelStatement,
  newFolder,
  newSigner,
  release,
  statement,
  writeSet,
} from '../../../tests/support/signed-models.ts';
import type { PolicyConfig, SignerConfig, TrustConfig } from '../../config/index.ts';
import type { Verdict } from '../provenance-types.ts';
import { openTrust, type Trust, type TrustRequest } from './index.ts';

const ci = newSigner();
const other = newSigner();
const stranger = newSigner();
const manifest = manifestOf('one');
const signature = bundle(ci, modelStatement(manifest));
const released = bundle(ci, release(manifest, 'digits', 3n));

let root: string;
let modelPath: string;
beforeAll(async () => {
  root = await newFolder();
  await writeFile(join(root, 'ci.pub'), ci.publicPem);
  await writeFile(join(root, 'other.pub'), other.publicPem);
});
afterAll(() => rm(root, { recursive: true }));
let count = 0;
beforeEach(async () => {
  modelPath = join(root, `model-${count++}`);
  await mkdir(modelPath);
});

const keySigner = (name: string, rest: object = {}): SignerConfig => ({
  kind: 'key',
  publicKey: join(root, `${name}.pub`),
  accept: [],
  ...rest,
});

interface Settings {
  readonly policy?: Partial<PolicyConfig>;
  readonly denied?: Partial<TrustConfig['denied']>;
  readonly signers?: TrustConfig['signers'];
}

function configOf({ policy = {}, denied = {}, signers }: Settings = {}): TrustConfig {
  const defaults: PolicyConfig = {
    models: ['digits'],
    signers: ['ci'],
    threshold: 1,
    minVersion: 0n,
    binding: 'required',
    rollback: 'refuse',
    attestations: [],
  };
  return {
    signers: signers ?? { ci: keySigner('ci'), other: keySigner('other'), twin: keySigner('ci') },
    policies: { p: { ...defaults, ...policy } },
    denied: { signers: [], digests: [], models: [], ...denied },
  };
}

async function judge(
  files: readonly (Buffer | string)[],
  settings: Settings = {},
  request: Partial<TrustRequest> = {},
): Promise<Verdict> {
  await writeSet(modelPath, files);
  const trust = await openTrust(configOf(settings));
  return trust.judge({ policy: 'p', model: 'digits', version: 3n, modelPath, ...request });
}

/** What matters of a verdict: the rule that decided, and the code of its error. */
const outcome = ({ decidedBy, error, allowed }: Verdict) => {
  expect(allowed).toBe(error === undefined);
  return [decidedBy, error?.code];
};

describe('Trust.judge()', () => {
  it('allows what the signer has signed and released, and says each step', async () => {
    const verdict = await judge([signature, released]);
    expect(verdict.steps.map(({ rule, outcome: how }) => `${rule} ${how}`)).toEqual([
      'policy passed',
      'denied.models passed',
      'models passed',
      'versions passed',
      'signer passed',
      'signer passed',
      'threshold passed',
      'denied.digests passed',
      'binding passed',
      'rollback skipped',
    ]);
    expect(verdict).toMatchObject({
      policy: 'p',
      allowed: true,
      decidedBy: 'binding',
      manifest,
      signers: [{ signer: 'ci', kind: 'key', keyId: ci.keyId }],
      attestations: [{ type: 'release', signers: ['ci'] }],
      bundles: [expect.stringMatching(/^[0-9a-f]{64}$/), expect.any(String)],
      error: undefined,
    });
    for (const { text } of verdict.steps) expect(text).not.toContain(root);
  });

  it.each<[string, Settings, Partial<TrustRequest>, string]>([
    ['a policy that does not exist', {}, { policy: 'q' }, 'policy'],
    ['a policy named as what every object has', {}, { policy: 'toString' }, 'policy'],
    ['a denied model', { denied: { models: ['digits'] } }, {}, 'denied.models'],
    ['a denied version', { denied: { models: ['digits@3'] } }, {}, 'denied.models'],
    [
      'a model of which a version is denied, when nobody knows which one this is',
      { denied: { models: ['digits@4'] } },
      { version: undefined },
      'denied.models',
    ],
    [
      'a model that is called like a denied version, when nobody knows its version',
      { policy: { models: ['*'] }, denied: { models: ['digits@4'] } },
      { model: 'digits@4', version: undefined },
      'denied.models',
    ],
    ['a model that the policy is not for', {}, { model: 'fraud' }, 'models'],
    ['a version below', { policy: { minVersion: 4n } }, {}, 'versions'],
    ['a version above', { policy: { maxVersion: 2n } }, {}, 'versions'],
    ['no version where there are bounds', { policy: { maxVersion: 9n } }, { version: undefined }, 'versions'],
    ['no version to bind to', {}, { version: undefined }, 'binding'],
    ['a denied root', { denied: { digests: [manifest.root] } }, {}, 'denied.digests'],
    ['a denied identity', { denied: { digests: [manifest.identity] } }, {}, 'denied.digests'],
  ])('refuses %s, although all is signed', async (_title, settings, request, rule) => {
    const verdict = await judge([signature, released], settings, request);
    expect(outcome(verdict)).toEqual([rule, 'TRUST_REFUSED']);
    expect(verdict.error?.violations).toMatchObject([{ rule, path: expect.stringMatching(/^trust\./) }]);
    expect(verdict.error?.message).not.toContain(root);
  });

  it('takes other denied models and versions for what they are', async () => {
    const denied = { models: ['digits@4', 'digits2', 'digit', 'igits@3'], digests: ['0'.repeat(64)], signers: ['other'] };
    expect(outcome(await judge([signature, released], { denied }))).toEqual(['binding', undefined]);
    expect(outcome(await judge([signature, released], { policy: { minVersion: 3n, maxVersion: 3n } }))).toEqual([
      'binding',
      undefined,
    ]);
  });

  it('refuses what is unsigned, signed by strangers, or broken, each by its own code', async () => {
    expect(outcome(await judge([]))).toEqual(['signer', 'MODEL_UNSIGNED']);
    expect(outcome(await judge(['{}']))).toEqual(['signer', 'BUNDLE_INVALID']);
    expect(outcome(await judge([bundle(stranger, modelStatement(manifest))]))).toEqual(['signer', 'SIGNER_UNTRUSTED']);
    expect(outcome(await judge([released]))).toEqual(['signer', 'MODEL_UNSIGNED']);
    expect(outcome(await judge([bundle(ci, Buffer.from('{}'))]))).toEqual(['signer', 'BUNDLE_INVALID']);
    expect(outcome(await judge([bundle(ci, modelStatement(manifest), 'raw-public-key')]))).toEqual([
      'signer',
      'BUNDLE_UNSUPPORTED',
    ]);
    const unknown = statement({
      predicateType: 'https://example.org/x',
      subjects: [{ name: 'm', digest: { sha256: manifest.root } }],
      predicate: {},
    });
    expect(outcome(await judge([bundle(ci, unknown)]))).toEqual(['signer', 'BUNDLE_INVALID']);
  });

  it('says of a file that nobody trusted has signed who was compared with it', async () => {
    const { error } = await judge([bundle(stranger, modelStatement(manifest))]);
    expect(error?.violations).toEqual([
      {
        path: 'model.sig',
        rule: 'signer',
        expected: 'a signature of ci',
        got: expect.stringContaining('"ci" did not sign this'),
      },
    ]);
  });

  it('leaves out what is broken or by strangers beside what is good', async () => {
    const bad = ['{', bundle(stranger, modelStatement(manifestOf('evil'))), bundle(ci, Buffer.from('[]'))];
    const verdict = await judge([...bad, signature, released]);
    expect(outcome(verdict)).toEqual(['binding', undefined]);
    expect(verdict.steps.filter(({ outcome: how }) => how === 'skipped').map(({ rule }) => rule)).toEqual([
      'bundle',
      'signer',
      'signer',
      'rollback',
    ]);
    expect(verdict.bundles).toHaveLength(4);
  });

  it('accepts old forms only from signers whose entry names them', async () => {
    const signers = { ci: keySigner('ci', { accept: ['raw-public-key'] }) };
    expect(outcome(await judge([bundle(ci, modelStatement(manifest), 'raw-public-key'), released], { signers }))).toEqual([
      'binding',
      undefined,
    ]);
    const subjects = manifest.files.map(({ name, digest }) => ({ name, digest: { sha256: digest } }));
    const old = statement({ predicateType: 'https://model_signing/Digests/v0.1', subjects, predicate: {} });
    const accepting = { ci: keySigner('ci', { accept: ['v0.2'] }) };
    expect(outcome(await judge([bundle(ci, old, 'v0.2'), released]))).toEqual(['signer', 'SIGNER_UNTRUSTED']);
    expect(outcome(await judge([bundle(ci, old, 'v0.2'), released], { signers: accepting }))).toEqual(['binding', undefined]);
    // The old encoding does not carry new statements, and a release is one.
    const bound = bundle(ci, release(manifest, 'digits', 3n), 'v0.2');
    expect(outcome(await judge([bundle(ci, old, 'v0.2'), bound], { signers: accepting }))).toEqual(['binding', 'TRUST_REFUSED']);
  });

  it('does not count a signer after its end', async () => {
    const signers = { ci: keySigner('ci', { notAfterMs: 1_000 }) };
    expect(outcome(await judge([signature, released], { signers }, { nowMs: 1_000 }))).toEqual(['binding', undefined]);
    expect(outcome(await judge([signature, released], { signers }, { nowMs: 1_001 }))).toEqual(['signer', 'SIGNER_UNTRUSTED']);
  });

  it('does not count denied signers, by name or by key', async () => {
    const byName = await judge([signature, released], { denied: { signers: ['ci'] } });
    expect(outcome(byName)).toEqual(['signer', 'SIGNER_UNTRUSTED']);
    expect(byName.steps).toContainEqual({ rule: 'denied.signers', outcome: 'skipped', text: 'ci does not count' });
    const byKey = await judge([signature, released], { denied: { signers: [ci.keyId] } });
    expect(outcome(byKey)).toEqual(['signer', 'SIGNER_UNTRUSTED']);
    expect(byKey.error?.message).toContain('is denied');
    expect(outcome(await judge([signature, released], { denied: { signers: [other.keyId] } }))).toEqual(['binding', undefined]);
  });
});

describe('the threshold', () => {
  const two = { signers: ['ci', 'other'], threshold: 2, binding: 'unsafeNone' } as const;
  const second = bundle(other, modelStatement(manifest));

  it('counts different signers of one content', async () => {
    const verdict = await judge([signature, second], { policy: two });
    expect(outcome(verdict)).toEqual(['denied.digests', undefined]);
    expect(verdict.signers.map(({ signer }) => signer)).toEqual(['ci', 'other']);
    expect(outcome(await judge([signature, second], { policy: { ...two, binding: 'required' } }))).toEqual([
      'binding',
      'TRUST_REFUSED',
    ]);
  });

  it.each<[string, readonly Buffer[], Partial<PolicyConfig>]>([
    ['one signature', [signature], {}],
    ['two signatures of one key', [signature, bundle(ci, modelStatement(manifest))], {}],
    ['one key under two names', [signature, bundle(ci, modelStatement(manifest))], { signers: ['ci', 'twin'] }],
    ['a signature of another content', [signature, bundle(other, modelStatement(manifestOf('two')))], {}],
    ['other ignored paths', [signature, bundle(other, modelStatement(manifestOf('one', ['cache'])))], {}],
    ['a stranger', [signature, bundle(stranger, modelStatement(manifest))], {}],
  ])('is not reached by %s', async (_title, files, policy) => {
    await rm(modelPath, { recursive: true });
    const verdict = await judge(files, { policy: { ...two, ...policy } });
    expect(outcome(verdict)).toEqual(['threshold', 'TRUST_REFUSED']);
    expect(verdict.manifest).toBeUndefined();
    expect(verdict.error?.violations[0].got).toBe('at most 1');
  });

  it('takes the same files in another order for the same content', async () => {
    const reversed = bundle(other, modelStatement(manifest, [...manifest.files].reverse()));
    const both = [
      signature,
      reversed,
      bundle(ci, release(manifest, 'digits', 3n)),
      bundle(other, release(manifest, 'digits', 3n)),
    ];
    expect(outcome(await judge(both, { policy: { ...two, binding: 'required' } }))).toEqual(['binding', undefined]);
    const root = (await judge([reversed], { policy: { ...two, threshold: 1 } })).manifest?.root ?? '';
    expect(root).not.toBe(manifest.root);
    await rm(modelPath, { recursive: true });
    expect(outcome(await judge([signature, reversed], { policy: two, denied: { digests: [root] } }))).toEqual([
      'denied.digests',
      'TRUST_REFUSED',
    ]);
  });

  it('refuses to choose between two contents that are both signed', async () => {
    const verdict = await judge([signature, bundle(ci, modelStatement(manifestOf('two')))]);
    expect(outcome(verdict)).toEqual(['threshold', 'TRUST_REFUSED']);
    expect(verdict.error?.violations[0].got).toBe('2 contents that they signed');
  });
});

describe('the binding', () => {
  it.each<[string, Buffer]>([
    ['another model', bundle(ci, release(manifest, 'fraud', 3n))],
    ['another version', bundle(ci, release(manifest, 'digits', 2n))],
    ['other files', bundle(ci, release(manifestOf('two'), 'digits', 3n))],
    ['nothing that can be read', bundle(ci, attestation(manifest, 'release', { purl: 'pkg:generic/digits@3?x=y' }))],
    ['the right thing, by somebody who may only make statements', bundle(other, release(manifest, 'digits', 3n))],
    ['the right thing, by a stranger', bundle(stranger, release(manifest, 'digits', 3n))],
  ])('refuses a release statement about %s', async (_title, file) => {
    const policy = { attestations: [{ type: 'contract', threshold: 1, signers: ['other'] }] } as const;
    const verdict = await judge([signature, file], { policy });
    expect(outcome(verdict)).toEqual(['binding', 'TRUST_REFUSED']);
    expect(verdict.error?.message).toContain('digits version 3');
  });

  it('takes one content for several names and versions, each of which was stated', async () => {
    const files = [signature, released, bundle(ci, release(manifest, 'digits', 4n)), bundle(ci, release(manifest, 'canary', 1n))];
    expect(outcome(await judge(files))).toEqual(['binding', undefined]);
    expect(outcome(await judge(files, {}, { version: 4n }))).toEqual(['binding', undefined]);
    expect(outcome(await judge(files, {}, { version: 5n }))).toEqual(['binding', 'TRUST_REFUSED']);
  });
});

describe('demanded statements', () => {
  const scan = bundle(other, attestation(manifest, 'scan', examplePredicates().scan));
  const demand = { type: 'scan', threshold: 1, signers: ['other'], maxSeverity: 'low' } as const;

  it('must be there, fit, and come from whom the demand names', async () => {
    const policy = { attestations: [demand] };
    const verdict = await judge([signature, released, scan], { policy });
    expect(outcome(verdict)).toEqual(['attestation.scan', undefined]);
    expect(verdict.attestations).toContainEqual({ type: 'scan', signers: ['other'] });
    expect(outcome(await judge([signature, released], { policy: { attestations: [{ ...demand, signers: ['ci'] }] } }))).toEqual([
      'attestation.scan',
      'TRUST_REFUSED',
    ]);
    const strict = await judge([signature, released, scan], { policy: { attestations: [{ ...demand, maxSeverity: 'info' }] } });
    expect(outcome(strict)).toEqual(['attestation.scan', 'TRUST_REFUSED']);
    expect(strict.error?.message).toMatch(/trust\.policies\.p\.attestations\[0\].*severity low/);
  });

  it('do not come from the signers of the policy where others are named, and from them where none is', async () => {
    const own = bundle(ci, attestation(manifest, 'scan', examplePredicates().scan));
    expect(outcome(await judge([signature, released, own], { policy: { attestations: [demand] } }))).toEqual([
      'attestation.scan',
      'TRUST_REFUSED',
    ]);
    const { signers: _signers, ...anybody } = demand;
    expect(outcome(await judge([signature, released, own], { policy: { attestations: [anybody] } }))).toEqual([
      'attestation.scan',
      undefined,
    ]);
  });

  it('count for their own files only, and a misfit beside a fit is no veto', async () => {
    const policy = { attestations: [demand] };
    const elsewhere = bundle(other, attestation(manifestOf('two'), 'scan', examplePredicates().scan));
    expect(outcome(await judge([signature, released, elsewhere], { policy }))).toEqual(['attestation.scan', 'TRUST_REFUSED']);
    const failed = bundle(other, attestation(manifest, 'scan', { ...examplePredicates().scan, verdict: 'failed' }));
    expect(outcome(await judge([signature, released, failed, scan], { policy }))).toEqual(['attestation.scan', undefined]);
  });

  it('let nobody sign the model who may only make statements', async () => {
    const policy = { attestations: [demand] };
    const verdict = await judge([bundle(other, modelStatement(manifest)), released, scan], { policy });
    expect(outcome(verdict)).toEqual(['signer', 'MODEL_UNSIGNED']);
  });

  it('see the contract and the time of the request', async () => {
    const contract = bundle(ci, attestation(manifest, 'contract', examplePredicates().contract));
    const policy = { attestations: [{ type: 'contract', threshold: 1 }] } as const;
    expect(outcome(await judge([signature, released, contract], { policy }, { contractDigest: '4'.repeat(64) }))).toEqual([
      'attestation.contract',
      undefined,
    ]);
    expect(outcome(await judge([signature, released, contract], { policy }))).toEqual(['attestation.contract', 'TRUST_REFUSED']);
  });
});

describe('where signatures lie', () => {
  it('is another place when the policy says so, by name and version; what lies beside the model is not looked at', async () => {
    const signatures = join(root, 'signatures');
    await writeSet(join(signatures, 'digits', '3'), [signature, released]);
    await writeSet(modelPath, ['{}']);
    expect(outcome(await judge([], { policy: { signatures } }))).toEqual(['binding', undefined]);
    expect(outcome(await judge([signature, released], { policy: { signatures } }, { version: 4n }))).toEqual([
      'signer',
      'MODEL_UNSIGNED',
    ]);
    expect(outcome(await judge([signature, released], { policy: { signatures } }, { version: undefined }))).toEqual([
      'bundle',
      'TRUST_REFUSED',
    ]);
    for (const model of ['.', '..']) {
      expect(outcome(await judge([signature, released], { policy: { signatures, models: ['*'] } }, { model }))).toEqual([
        'bundle',
        'TRUST_REFUSED',
      ]);
    }
    await mkdir(join(signatures, 'digits'), { recursive: true });
    await symlink(join(signatures, 'digits', '3'), join(signatures, 'digits', '5'));
    expect(outcome(await judge([], { policy: { signatures } }, { version: 5n }))).toEqual(['bundle', 'BUNDLE_INVALID']);
  });

  it('is beside a model that is one file', async () => {
    const file = join(modelPath, 'm.keras');
    await writeFile(file, 'x');
    await writeSet(modelPath, [signature, released], 'm.keras.sig');
    expect(outcome(await judge([], {}, { modelPath: file }))).toEqual(['binding', undefined]);
  });

  it('is nowhere when there is no model', async () => {
    expect(outcome(await judge([], {}, { modelPath: join(root, 'none') }))).toEqual(['bundle', 'MODEL_NOT_FOUND']);
  });
});

describe('rollback', () => {
  const free = { policy: { binding: 'unsafeNone' } } as const;
  const open = (ledgerFolder: string, settings: Settings = free): Promise<Trust> =>
    openTrust(configOf(settings), { ledgerFolder });

  it('lets nothing back in that is older than what was served, also after a restart', async () => {
    await writeSet(modelPath, [signature]);
    const ledgerFolder = join(root, 'ledger-a');
    const ask = async (trust: Trust, version: bigint | undefined, rest: Partial<TrustRequest> = {}) =>
      outcome(await trust.judge({ policy: 'p', model: 'digits', modelPath, version, ...rest }));
    const { identity } = manifest;
    const first = await open(ledgerFolder);
    expect(await ask(first, 3n)).toEqual(['rollback', undefined]);
    // Judging does not record.
    expect(await ask(first, 2n)).toEqual(['rollback', undefined]);
    await first.recordServed({ model: 'digits', version: 3n, identity });
    for (const trust of [first, await open(ledgerFolder)]) {
      expect(await ask(trust, 2n)).toEqual(['rollback', 'MODEL_ROLLBACK']);
      expect(await ask(trust, 3n)).toEqual(['rollback', undefined]);
      expect(await ask(trust, 4n)).toEqual(['rollback', undefined]);
      expect(await ask(trust, 2n, { versions: { kind: 'all' } })).toEqual(['rollback', undefined]);
      expect(await ask(trust, 2n, { versions: { kind: 'specific', versions: [2n] } })).toEqual(['rollback', undefined]);
      expect(await ask(trust, undefined)).toEqual(['denied.digests', undefined]);
    }
    for (const trust of [first, await open(ledgerFolder)])
      expect(await ask(trust, 2n, { versions: { kind: 'latest', count: 2 } })).toEqual(['rollback', 'MODEL_ROLLBACK']);
    const allowing = await open(ledgerFolder, { policy: { binding: 'unsafeNone', rollback: 'unsafeAllow' } });
    expect(await ask(allowing, 2n)).toEqual(['denied.digests', undefined]);
    await expect(allowing.recordServed({ model: 'digits', version: 3n, identity: 'f'.repeat(64) })).rejects.toMatchObject({
      code: 'TRUST_REFUSED',
    });
    await allowing.recordServed({ policy: 'p', model: 'digits', version: 3n, identity: 'f'.repeat(64) });
    expect(await ask(first, 3n)).toEqual(['rollback', 'TRUST_REFUSED']);
  });

  it('refuses when the record cannot be read', async () => {
    await writeSet(modelPath, [signature]);
    const ledgerFolder = join(root, 'ledger-b');
    const trust = await open(ledgerFolder);
    await mkdir(ledgerFolder);
    await writeFile(join(ledgerFolder, 'ledger-1.json'), '');
    const verdict = await trust.judge({ policy: 'p', model: 'digits', modelPath, version: 3n });
    expect(outcome(verdict)).toEqual(['rollback', 'TRUST_INVALID']);
    await expect(open(ledgerFolder)).rejects.toMatchObject({ code: 'TRUST_INVALID' });
  });

  it('does nothing without a record', async () => {
    const trust = await openTrust(configOf(free));
    await expect(trust.recordServed({ model: 'digits', version: 3n, identity: manifest.identity })).resolves.toBeUndefined();
  });
});

describe('openTrust()', () => {
  const certificate = (rest: object): SignerConfig => ({
    kind: 'certificate',
    roots: [],
    intermediates: [],
    crls: [],
    timestampAuthorities: [],
    identity: { dns: 'a' },
    accept: [],
    ...rest,
  });

  it.each<[string, (file: string) => Settings, string]>([
    ['a key', (publicKey) => ({ signers: { ci: { kind: 'key', publicKey, accept: [] } } }), 'trust.signers.ci.key'],
    ['a root', (file) => ({ signers: { ci: certificate({ roots: [file] }) } }), 'trust.signers.ci.certificate.roots[0]'],
    ['a list', (file) => ({ signers: { ci: certificate({ crls: [file] }) } }), 'trust.signers.ci.certificate.crls[0]'],
    [
      'a trusted root',
      (trustedRoot) => ({ signers: { ci: { kind: 'sigstore', trustedRoot, identity: 'a', issuer: 'b', accept: [] } } }),
      'trust.signers.ci.sigstore.trustedRoot',
    ],
    ['a folder of signatures', (signatures) => ({ policy: { signatures } }), 'trust.policies.p.signatures'],
  ])('refuses %s that others can write, and one that is not there', async (_title, settingsOf, key) => {
    const file = join(modelPath, 'file');
    const opened = () => openTrust(configOf(settingsOf(file)));
    const refusal = {
      code: 'TRUST_INVALID',
      message: expect.stringMatching(`^${key.replace(/[.[\]]/g, '\\$&')}: others could`),
      detail: expect.stringContaining(file),
    };
    await expect(opened()).rejects.toMatchObject(refusal);
    await writeFile(file, ci.publicPem);
    await chmod(file, 0o666);
    await expect(opened()).rejects.toMatchObject(refusal);
  });

  it('refuses a key that is none, and a record that others can write', async () => {
    await writeFile(join(modelPath, 'x.pub'), 'x');
    const signers = { ci: keySigner('ci', { publicKey: join(modelPath, 'x.pub') }) };
    await expect(openTrust(configOf({ signers }))).rejects.toMatchObject({ code: 'TRUST_INVALID' });
    const ledgerFolder = join(modelPath, 'trust');
    const trust = await openTrust(configOf(), { ledgerFolder });
    await trust.recordServed({ model: 'digits', version: 1n, identity: manifest.identity });
    await chmod(ledgerFolder, 0o777);
    await expect(openTrust(configOf(), { ledgerFolder })).rejects.toMatchObject({ code: 'STORE_UNSAFE' });
    await expect(trust.recordServed({ model: 'digits', version: 2n, identity: manifest.identity })).rejects.toMatchObject({
      code: 'STORE_UNSAFE',
    });
  });
});
