// The trust section of airlock.yaml: whose signatures count, for which models, and what is denied. Whatever it does not name is refused, and a
// name in it that means nothing is an error: a denylist with a slip in it would deny nothing.
import { z } from 'zod';
import type { ModelConfig } from './config-types.ts';
import { describeValue } from './fields.ts';
import { nearestName } from './nearest-name.ts';
import { boundFields, demandFields, policy, policyFields } from './policy-schema.ts';
import { certificateFields, identityFields, resolveSigner, signer, signerFields, sigstoreFields } from './signer-schema.ts';
import { distinct, identifier, modelAndVersion, namedMap, sha256Hex } from './trust-fields.ts';
import type { PolicyConfig, TrustConfig } from './trust-types.ts';

const maxNames = 1_000;
const maxDenied = 10_000;

const denied = z.strictObject({
  signers: distinct(z.union([sha256Hex(), identifier('a name')]), 0, maxDenied).default([]),
  digests: distinct(sha256Hex(), 0, maxDenied).default([]),
  models: distinct(modelAndVersion(), 0, maxDenied).default([]),
});

const trustFields = z.strictObject({
  signers: namedMap(identifier('a name of a signer'), signer, maxNames).prefault({}),
  policies: namedMap(identifier('a name of a policy'), policy, maxNames).prefault({}),
  denied: denied.prefault({}),
});

/** The section as YAML gives it; paths still relative. */
export const trustSchema = trustFields.superRefine((value, context) => {
  const names = Object.keys(value.signers);
  const check = (path: PropertyKey[], listed: readonly string[] = []) => {
    for (const [index, name] of listed.entries()) {
      if (!names.includes(name)) refuseName(context, [...path, index], 'a name of trust.signers', name, names);
    }
  };
  for (const [name, { signers, attestations }] of Object.entries(value.policies)) {
    check(['policies', name, 'signers'], signers);
    for (const [index, demand] of attestations.entries()) {
      check(['policies', name, 'attestations', index, 'signers'], demand.signers);
    }
  }
  for (const [index, entry] of value.denied.signers.entries()) {
    if (names.includes(entry) || entry.length === 64) continue;
    refuseName(context, ['denied', 'signers', index], 'a name of trust.signers or the SHA-256 of a public key', entry, names);
  }
});

/** The section with every path made absolute by `absolute`. */
export function resolveTrust(trust: TrustConfig, absolute: (path: string) => string): TrustConfig {
  const signers = Object.entries(trust.signers).map(([name, config]) => [name, resolveSigner(config, absolute)] as const);
  const policies = Object.entries(trust.policies).map(([name, config]): [string, PolicyConfig] => [
    name,
    config.signatures === undefined ? config : { ...config, signatures: absolute(config.signatures) },
  ]);
  return { signers: Object.fromEntries(signers), policies: Object.fromEntries(policies), denied: trust.denied };
}

/** True when a policy may be used for the model: one of its `models` is the name, or is its beginning followed by `*`. */
export function policyFits(config: PolicyConfig, model: string): boolean {
  return config.models.some((pattern) => (pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern));
}

type TrustedModel = Pick<ModelConfig, 'name' | 'unsafeUnsigned'> & { readonly trust?: string; readonly contract?: string };

/** Every model says whose signature it needs, or that it needs none: there is no default that would serve what nobody vouches for. */
export function checkModelTrust(models: readonly TrustedModel[], trust: TrustConfig | undefined, context: z.RefinementCtx): void {
  const policies = trust?.policies ?? {};
  for (const [index, model] of models.entries()) {
    const add = (key: string, rule: string, expected: string, got: string) =>
      context.addIssue({ code: 'custom', path: ['models', index, key], params: { rule, expected, got } });
    const { name, unsafeUnsigned } = model;
    if (model.trust === undefined) {
      if (!unsafeUnsigned) add('trust', 'required', bothWays, 'neither');
      continue;
    }
    if (unsafeUnsigned) add('unsafeUnsigned', 'exclusive', 'this key to be left out where trust is given', 'true');
    if (!Object.hasOwn(policies, model.trust)) {
      refuseName(context, ['models', index, 'trust'], 'a name of trust.policies', model.trust, Object.keys(policies));
      continue;
    }
    const config = policies[model.trust];
    if (!policyFits(config, name)) {
      add('trust', 'policy', `a policy whose models fit ${describeValue(name)}`, describeValue(model.trust));
    }
    if (model.contract === undefined && config.attestations.some(({ type }) => type === 'contract')) {
      add('contract', 'required', 'the contract whose statement the policy demands', 'nothing');
    }
  }
}

const bothWays =
  'either trust with the name of a policy of the trust section, or unsafeUnsigned: true to serve the model without any signature';

function refuseName(context: z.RefinementCtx, path: PropertyKey[], what: string, name: string, known: readonly string[]): void {
  const near = nearestName(name, known);
  const expected = near === undefined ? what : `${what}; the nearest is \`${near}\``;
  context.addIssue({ code: 'custom', path, params: { rule: 'reference', expected, got: describeValue(name) } });
}

/** Keys by place, with `*` for a name that the operator chose; for messages only. */
export const trustKeys: readonly (readonly [string, readonly string[]])[] = [
  ['trust', Object.keys(trustFields.shape)],
  ['trust.signers', ['*']],
  ['trust.signers.*', Object.keys(signerFields.shape)],
  ['trust.signers.*.certificate', Object.keys(certificateFields.shape)],
  ['trust.signers.*.certificate.identity', Object.keys(identityFields.shape)],
  ['trust.signers.*.sigstore', Object.keys(sigstoreFields.shape)],
  ['trust.policies', ['*']],
  ['trust.policies.*', Object.keys(policyFields.shape)],
  ['trust.policies.*.attestations[]', Object.keys(demandFields.shape)],
  ['trust.policies.*.attestations[].metrics', ['*']],
  ['trust.policies.*.attestations[].metrics.*', Object.keys(boundFields.shape)],
  ['trust.denied', Object.keys(denied.shape)],
];
