// One signer of the trust section: which kind it is is said by the key that is there, so that a kind and its fields cannot disagree.
// Only checks the words; src/provenance/signers reads the files.
import { z } from 'zod';
import { plainText } from './fields.ts';
import { distinct, moment, refuse, sha256Hex } from './trust-fields.ts';
import type { LegacyForm, SignerConfig } from './trust-types.ts';

const maxFiles = 32;
const path = () => plainText('a path', 4_096);
const files = () => distinct(path(), 0, maxFiles).default([]);

export const identityFields = z.strictObject({
  email: plainText('an e-mail address', 320).exactOptional(),
  uri: plainText('a URI', 2_048).exactOptional(),
  dns: plainText('a DNS name', 253).exactOptional(),
  spkiSha256: sha256Hex().exactOptional(),
});

const identity = identityFields.superRefine((value, context) => {
  if (Object.keys(value).length === 0) {
    // Without one, every certificate that the authority ever gave anybody would do, that of its web server included.
    const params = { rule: 'required', expected: 'email, uri, dns or spkiSha256', got: 'none of them' };
    context.addIssue({ code: 'custom', params });
  }
  // What is compared exactly must not look like a pattern.
  if (value.dns?.includes('*')) refuse(context, ['dns'], 'text', 'a DNS name without *', `"${value.dns}"`);
  if (value.email !== undefined && !/^[^@]+@[^@]+$/.test(value.email)) {
    refuse(context, ['email'], 'text', 'an e-mail address with one @', `"${value.email}"`);
  }
});

export const certificateFields = z.strictObject({
  roots: distinct(path(), 1, maxFiles),
  intermediates: files(),
  identity,
  crls: files(),
  timestampAuthorities: files(),
});

export const sigstoreFields = z.strictObject({
  trustedRoot: path(),
  sha256: sha256Hex().exactOptional(),
  identity: plainText('an identity', 2_048),
  issuer: plainText('an issuer', 2_048),
});

export const signerFields = z.strictObject({
  key: path().exactOptional(),
  certificate: certificateFields.exactOptional(),
  sigstore: sigstoreFields.exactOptional(),
  notAfter: moment().exactOptional(),
  accept: distinct(z.enum(['v0.2', 'raw-public-key']), 0, 2).default([]),
});

/** Old forms that were ever made in this way of signing; keyless bundles have had one form only. */
const oldForms: Readonly<Record<SignerConfig['kind'], readonly LegacyForm[]>> = {
  key: ['v0.2', 'raw-public-key'],
  certificate: ['v0.2'],
  sigstore: [],
};

/** A signer as airlock.yaml has it, made into ours; paths still relative. */
export const signer = signerFields.transform(({ key, certificate, sigstore, notAfter, accept }, context): SignerConfig => {
  const any = { accept, ...(notAfter === undefined ? {} : { notAfterMs: notAfter }) };
  const made: SignerConfig[] = [];
  if (key !== undefined) made.push({ kind: 'key', publicKey: key, ...any });
  if (certificate !== undefined) made.push({ kind: 'certificate', ...certificate, ...any });
  if (sigstore !== undefined) {
    const { sha256, ...fields } = sigstore;
    made.push({ kind: 'sigstore', ...fields, ...(sha256 === undefined ? {} : { trustedRootSha256: sha256 }), ...any });
  }
  const [only] = made;
  if (made.length !== 1) {
    const got = made.length === 0 ? 'none of them' : made.map(({ kind }) => kind).join(' and ');
    refuse(context, [], 'exclusive', 'exactly one of key, certificate and sigstore', got);
    return z.NEVER;
  }
  for (const [index, form] of accept.entries()) {
    if (oldForms[only.kind].includes(form)) continue;
    refuse(context, ['accept', index], 'oldForm', `an old form that signing with ${only.kind} has had`, `"${form}"`);
  }
  return only;
});

/** The signer with its paths made absolute by `absolute`. */
export function resolveSigner(config: SignerConfig, absolute: (path: string) => string): SignerConfig {
  if (config.kind === 'key') return { ...config, publicKey: absolute(config.publicKey) };
  if (config.kind === 'sigstore') return { ...config, trustedRoot: absolute(config.trustedRoot) };
  return {
    ...config,
    roots: config.roots.map(absolute),
    intermediates: config.intermediates.map(absolute),
    crls: config.crls.map(absolute),
    timestampAuthorities: config.timestampAuthorities.map(absolute),
  };
}
