import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import type { Config } from './config-types.ts';
import { checkConfig } from './load-config.ts';
import { policyFits } from './trust-schema.ts';
import { configKind, parseYamlText } from './yaml-file.ts';

const key = 'key: ci.pub';
const digest = 'ab'.repeat(32);

function load(yaml: string): Config {
  return checkConfig(parseYamlText(yaml, 'airlock.yaml', configKind), '/etc/airlock');
}

interface Parts {
  readonly signers?: string;
  readonly policy?: string;
  readonly denied?: string;
  readonly model?: string;
}

/** A whole configuration; each part can be another. */
function yamlOf({ signers = `ci: { ${key} }`, policy = '', denied = '{}', model = 'trust: p' }: Parts): string {
  return `
trust:
  signers: { ${signers} }
  policies: { p: { models: ['digits'], signers: [ci], ${policy} } }
  denied: ${denied}
models: [{ name: digits, path: digits, ${model} }]
`;
}

/** Place and rule of everything that is wrong with it. */
function mistakes(yaml: string): string[] {
  try {
    load(yaml);
  } catch (thrown) {
    if (!(thrown instanceof AirlockError) || thrown.code !== 'CONFIG_INVALID') throw thrown;
    for (const { expected, got } of thrown.violations) expect([expected, got]).not.toContain('');
    return thrown.violations.map(({ path, rule }) => `${path}: ${rule}`);
  }
  return [];
}

describe('the trust section', () => {
  it('fills in defaults that are closed', () => {
    const { trust, models } = load(yamlOf({}));
    expect(trust).toEqual({
      signers: { ci: { kind: 'key', publicKey: '/etc/airlock/ci.pub', accept: [] } },
      policies: {
        p: {
          models: ['digits'],
          signers: ['ci'],
          threshold: 1,
          minVersion: 0n,
          binding: 'required',
          rollback: 'refuse',
          attestations: [],
        },
      },
      denied: { signers: [], digests: [], models: [] },
    });
    expect(models[0]).toMatchObject({ trust: 'p', unsafeUnsigned: false });
  });

  it('takes every key that exists, and paths from where the file lies', () => {
    const { trust } = load(`
trust:
  signers:
    ci: { key: ./ci.pub, notAfter: 2027-06-01T00:00:00Z, accept: [v0.2, raw-public-key] }
    release:
      certificate:
        roots: [root.pem]
        intermediates: [middle.pem]
        identity: { uri: 'spiffe://a/b', email: a@example.org, dns: a.example.org, spkiSha256: ${digest} }
        crls: [/crl.pem]
        timestampAuthorities: [tsa.pem]
      accept: [v0.2]
    keyless: { sigstore: { trustedRoot: trusted_root.json, sha256: ${digest}, identity: 'https://x/y@z', issuer: 'https://i' } }
    pinned: { sigstore: { trustedRoot: /t.json, identity: a, issuer: b } }
  policies:
    release:
      models: [digits, 'fraud-*']
      signers: [ci, release]
      threshold: 2
      minVersion: 3
      maxVersion: 9223372036854775807
      binding: unsafeNone
      rollback: unsafeAllow
      signatures: ./signatures
      attestations:
        - { type: slsa, signers: [ci, keyless], threshold: 2, maxAge: 90d, builder: 'https://b', buildType: 'https://t', materials: [${digest}] }
        - { type: training, maxAge: 12h, materials: [${digest}] }
        - { type: scan, maxAge: 30m }
        - { type: scan, maxSeverity: high }
        - { type: contract }
        - { type: evaluation, maxAge: 45s, metrics: { accuracy: { min: 0.95 }, loss: { max: 1 }, both: { min: -1, max: -1 } } }
  denied: { signers: [keyless, ${digest}], digests: [${digest}], models: ['digits@3', fraud-a, 'a@b@0'] }
models: [{ name: fraud-a, path: a, trust: release, contract: a.yaml }]
`);
    expect(trust?.signers).toEqual({
      ci: { kind: 'key', publicKey: '/etc/airlock/ci.pub', notAfterMs: 1_811_808_000_000, accept: ['v0.2', 'raw-public-key'] },
      release: {
        kind: 'certificate',
        roots: ['/etc/airlock/root.pem'],
        intermediates: ['/etc/airlock/middle.pem'],
        identity: { uri: 'spiffe://a/b', email: 'a@example.org', dns: 'a.example.org', spkiSha256: digest },
        crls: ['/crl.pem'],
        timestampAuthorities: ['/etc/airlock/tsa.pem'],
        accept: ['v0.2'],
      },
      keyless: {
        kind: 'sigstore',
        trustedRoot: '/etc/airlock/trusted_root.json',
        trustedRootSha256: digest,
        identity: 'https://x/y@z',
        issuer: 'https://i',
        accept: [],
      },
      pinned: { kind: 'sigstore', trustedRoot: '/t.json', identity: 'a', issuer: 'b', accept: [] },
    });
    expect(trust?.policies.release).toEqual({
      models: ['digits', 'fraud-*'],
      signers: ['ci', 'release'],
      threshold: 2,
      minVersion: 3n,
      maxVersion: 9_223_372_036_854_775_807n,
      binding: 'unsafeNone',
      rollback: 'unsafeAllow',
      signatures: '/etc/airlock/signatures',
      attestations: [
        {
          type: 'slsa',
          signers: ['ci', 'keyless'],
          threshold: 2,
          maxAgeMs: 7_776_000_000,
          builder: 'https://b',
          buildType: 'https://t',
          materials: [digest],
        },
        { type: 'training', threshold: 1, maxAgeMs: 43_200_000, materials: [digest] },
        { type: 'scan', threshold: 1, maxSeverity: 'low', maxAgeMs: 1_800_000 },
        { type: 'scan', threshold: 1, maxSeverity: 'high' },
        { type: 'contract', threshold: 1 },
        {
          type: 'evaluation',
          threshold: 1,
          maxAgeMs: 45_000,
          metrics: { accuracy: { min: 0.95 }, loss: { max: 1 }, both: { min: -1, max: -1 } },
        },
      ],
    });
    expect(trust?.denied.models).toEqual(['digits@3', 'fraud-a', 'a@b@0']);
  });

  it('demands of each model either a policy or the word that it needs none', () => {
    expect(mistakes('models: [{ name: a, path: a }]')).toEqual(['models[0].trust: required']);
    expect(mistakes('models: [{ name: a, path: a, unsafeUnsigned: false }]')).toEqual(['models[0].trust: required']);
    expect(mistakes(yamlOf({ model: 'trust: p, unsafeUnsigned: true' }))).toEqual(['models[0].unsafeUnsigned: exclusive']);
    expect(mistakes('models: [{ name: a, path: a, trust: p }]')).toEqual(['models[0].trust: reference']);
    expect(() => load('models: [{ name: a, path: a }]')).toThrow(/trust with the name of a policy.*unsafeUnsigned: true/);
  });

  it.each([
    [{ model: 'trust: q' }, 'models[0].trust: reference'],
    [{ model: 'trust: toString' }, 'models[0].trust: reference'],
    [{ model: 'trust: 7' }, 'models[0].trust: name'],
    [{ model: 'unsafeUnsigned: yes' }, 'models[0].unsafeUnsigned: type'],
    [{ policy: 'attestations: [{ type: contract }]' }, 'models[0].contract: required'],
    [{ signers: 'ci: {}' }, 'trust.signers.ci: exclusive'],
    [{ signers: `ci: { ${key}, sigstore: { trustedRoot: t, identity: i, issuer: j } }` }, 'trust.signers.ci: exclusive'],
    [{ signers: `ci: { ${key}, kye: a }` }, 'trust.signers.ci.kye: unknownKey'],
    [{ signers: `"ci/": { ${key} }, ci: { ${key} }` }, 'trust.signers.ci/: name'],
    [{ signers: `__proto__: { ${key} }, ci: { ${key} }` }, 'trust.signers: text'],
    [{ signers: `${digest}: { ${key} }, ci: { ${key} }` }, `trust.signers.${digest}: name`],
    [{ signers: `ci: { ${key}, accept: [v0.3] }` }, 'trust.signers.ci.accept[0]: choice'],
    [{ signers: `ci: { ${key}, accept: [v0.2, v0.2] }` }, 'trust.signers.ci.accept[1]: unique'],
    [
      { signers: 'ci: { certificate: { roots: [r], identity: { dns: a } }, accept: [raw-public-key] }' },
      'trust.signers.ci.accept[0]: oldForm',
    ],
    [
      { signers: 'ci: { sigstore: { trustedRoot: t, identity: i, issuer: j }, accept: [v0.2] }' },
      'trust.signers.ci.accept[0]: oldForm',
    ],
    [{ signers: 'ci: { certificate: { roots: [], identity: { dns: a } } }' }, 'trust.signers.ci.certificate.roots: length'],
    [{ signers: 'ci: { certificate: { roots: [r], identity: {} } }' }, 'trust.signers.ci.certificate.identity: required'],
    [
      { signers: 'ci: { certificate: { roots: [r], identity: { dns: "*.a" } } }' },
      'trust.signers.ci.certificate.identity.dns: text',
    ],
    [
      { signers: 'ci: { certificate: { roots: [r], identity: { email: a } } }' },
      'trust.signers.ci.certificate.identity.email: text',
    ],
    [
      { signers: 'ci: { certificate: { roots: [r], identity: { dns: a, urn: a } } }' },
      'trust.signers.ci.certificate.identity.urn: unknownKey',
    ],
    [{ policy: 'threshold: 2' }, 'trust.policies.p.threshold: threshold'],
    [{ policy: 'threshold: 0' }, 'trust.policies.p.threshold: integer'],
    [{ policy: 'minVersion: 3, maxVersion: 2' }, 'trust.policies.p.maxVersion: order'],
    [{ policy: 'binding: none' }, 'trust.policies.p.binding: choice'],
    [{ policy: 'rollback: allow' }, 'trust.policies.p.rollback: choice'],
    [{ policy: 'rolback: refuse' }, 'trust.policies.p.rolback: unknownKey'],
    [{ policy: 'attestations: [{ type: sbom }]' }, 'trust.policies.p.attestations[0].type: choice'],
    [{ policy: 'attestations: [{ type: scan, builder: b }]' }, 'trust.policies.p.attestations[0].builder: unknownKey'],
    [{ policy: 'attestations: [{ type: scan, bilder: b }]' }, 'trust.policies.p.attestations[0].bilder: unknownKey'],
    [
      { policy: 'attestations: [{ type: contract, maxAge: 1d }]', model: 'trust: p, contract: c' },
      'trust.policies.p.attestations[0].maxAge: unknownKey',
    ],
    [{ policy: 'attestations: [{ type: scan, threshold: 2 }]' }, 'trust.policies.p.attestations[0].threshold: threshold'],
    [{ policy: 'attestations: [{ type: scan, signers: [cd] }]' }, 'trust.policies.p.attestations[0].signers[0]: reference'],
    [
      { policy: 'attestations: [{ type: evaluation, metrics: { a: {} } }]' },
      'trust.policies.p.attestations[0].metrics.a: required',
    ],
    [
      { policy: 'attestations: [{ type: evaluation, metrics: { a: { min: 2, max: 1 } } }]' },
      'trust.policies.p.attestations[0].metrics.a.max: order',
    ],
    [
      { policy: 'attestations: [{ type: evaluation, metrics: { a: { mim: 2, max: 1 } } }]' },
      'trust.policies.p.attestations[0].metrics.a.mim: unknownKey',
    ],
    [
      { policy: `attestations: [{ type: training, materials: [${digest.toUpperCase()}] }]` },
      'trust.policies.p.attestations[0].materials[0]: digest',
    ],
    [{ denied: '{ signers: [cd] }' }, 'trust.denied.signers[0]: reference'],
    [{ denied: `{ digests: [${digest.slice(2)}] }` }, 'trust.denied.digests[0]: digest'],
    [{ denied: '{ models: ["digits@03"] }' }, 'trust.denied.models[0]: model'],
    [{ denied: '{ models: ["digits@v3"] }' }, 'trust.denied.models[0]: model'],
    [{ denied: '{ models: ["@3"] }' }, 'trust.denied.models[0]: model'],
    [{ denied: '{ models: [3] }' }, 'trust.denied.models[0]: model'],
    [{ denied: '{ digest: [] }' }, 'trust.denied.digest: unknownKey'],
  ])('refuses %j', (parts, mistake) => {
    expect(mistakes(yamlOf(parts))).toEqual([mistake]);
  });

  it('says what a mistyped name was near to', () => {
    expect(() => load(yamlOf({ denied: '{ signers: [c1] }' }))).toThrow(/the nearest is `ci`/);
    expect(() => load(yamlOf({ policy: 'treshold: 1' }))).toThrow(/trust\.policies\.p\.treshold.*`threshold`/);
  });

  it.each([
    '2027-06-01',
    '2027-06-01T00:00:00+00:00',
    '2027-06-01T00:00:00.5Z',
    '2027-02-30T00:00:00Z',
    '2027-01-01T24:00:00Z',
    '"2027-13-01T00:00:00Z"',
    7,
  ])('refuses the time %s', (time) =>
    expect(mistakes(yamlOf({ signers: `ci: { ${key}, notAfter: ${time} }` }))).toEqual(['trust.signers.ci.notAfter: time']),
  );

  it.each(['90', '0d', '-1d', '1w', '1.5d', '01d', '3651d', '1d1h', ' 1d', '"1 d"'].map((text) => [text]))(
    'refuses the duration %s',
    (text) => {
      const place = 'trust.policies.p.attestations[0].maxAge';
      const found = mistakes(yamlOf({ policy: `attestations: [{ type: scan, maxAge: ${text === ' 1d' ? '" 1d"' : text} }]` }));
      expect(found).toEqual([`${place}: duration`]);
    },
  );

  it.each(['.nan', '.inf', '"1"', '9007199254740993'])('refuses the bound %s', (text) => {
    const policy = `attestations: [{ type: evaluation, metrics: { a: { min: ${text} } } }]`;
    expect(mistakes(yamlOf({ policy }))).toEqual(['trust.policies.p.attestations[0].metrics.a.min: number']);
  });

  it.each(['""', 'a*b', '"**"', '"*a"', 'a/b', '"a:*"', '7'])('refuses the pattern %s', (pattern) => {
    const yaml = yamlOf({}).replace("['digits']", `[digits, ${pattern}]`);
    expect(mistakes(yaml)).toEqual(['trust.policies.p.models[1]: pattern']);
  });

  it('refuses a policy that does not fit the model, and fits by whole names or by beginnings', () => {
    expect(mistakes(yamlOf({}).replace("['digits']", "['digit', 'digits-*']"))).toEqual(['models[0].trust: policy']);
    const fits = (models: string[], name: string) => policyFits({ ...load(yamlOf({})).trust?.policies.p, models } as never, name);
    expect(fits(['digits'], 'digits')).toBe(true);
    expect(fits(['digits'], 'digits2')).toBe(false);
    expect(fits(['digits'], 'Digits')).toBe(false);
    expect(fits(['digi*'], 'digits')).toBe(true);
    expect(fits(['digi*'], 'digi')).toBe(true);
    expect(fits(['digi*'], 'xdigits')).toBe(false);
    expect(fits(['*'], 'anything')).toBe(true);
  });

  it('fails with CONFIG_INVALID only, whatever the section says', () => {
    const word = fc.constantFrom(
      'ci',
      'p',
      'key',
      'signers',
      'policies',
      'models',
      'denied',
      '__proto__',
      'threshold',
      'attestations',
      'type',
      'scan',
      'metrics',
      digest,
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'v' },
        word,
        fc.bigInt(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('value'), { maxLength: 3 }),
      map: fc.array(fc.tuple(word, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
    }));
    const section = fc.record({ signers: value, policies: value, denied: value }, { requiredKeys: [] });
    const model = fc.record({ name: value, path: value, trust: value, unsafeUnsigned: value }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(section, value), fc.oneof(model, value), (trust, one) => {
        try {
          checkConfig({ trust, models: [one] }, '/');
        } catch (error) {
          expect(error).toMatchObject({ name: 'AirlockError', code: 'CONFIG_INVALID' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
