// One policy of the trust section: who must have signed a model, how many of them, and what must be stated beside the signature. Only checks
// the words; src/provenance/policy decides by them. Whether the names of signers exist is looked at in trust-schema.ts.

import { z } from 'zod';
import { severities } from '../core/index.ts';
import { plainText, versionNumber, wholeNumber } from './fields.ts';
import { distinct, duration, finiteNumber, identifier, namedMap, namePattern, refuse, sha256Hex } from './trust-fields.ts';
import type { AttestationDemand, PolicyConfig } from './trust-types.ts';

const maxNames = 100;
const maxDemands = 32;
const maxPatterns = 1_000;
const maxMaterials = 1_000;
const maxMetrics = 100;

export const boundFields = z.strictObject({ min: finiteNumber().exactOptional(), max: finiteNumber().exactOptional() });

const bounds = boundFields.superRefine(({ min, max }, context) => {
  if (min === undefined && max === undefined) {
    refuse(context, [], 'required', 'min, max or both', 'neither');
  } else if (min !== undefined && max !== undefined && min > max) {
    refuse(context, ['max'], 'order', `at least min, ${min}`, String(max));
  }
});

const threshold = () => wholeNumber(1, maxNames).default(1);

export const demandFields = z.strictObject({
  type: z.enum(['slsa', 'training', 'scan', 'contract', 'evaluation']),
  signers: distinct(identifier('a name of a signer'), 1, maxNames).exactOptional(),
  threshold: threshold(),
  maxAge: duration().exactOptional(),
  builder: plainText('a builder', 2_048).exactOptional(),
  buildType: plainText('a build type', 2_048).exactOptional(),
  materials: distinct(sha256Hex(), 1, maxMaterials).exactOptional(),
  maxSeverity: z.enum(severities).exactOptional(),
  metrics: namedMap(plainText('a name of a metric', 128), bounds, maxMetrics).exactOptional(),
});

/** Of the keys that not every type has. A contract's statement carries no time, so it has no age. */
const keysOfTypes: Readonly<Record<AttestationDemand['type'], readonly string[]>> = {
  slsa: ['maxAge', 'builder', 'buildType', 'materials'],
  training: ['maxAge', 'materials'],
  scan: ['maxAge', 'maxSeverity'],
  contract: [],
  evaluation: ['maxAge', 'metrics'],
};
const typedKeys: ReadonlySet<string> = new Set(Object.values(keysOfTypes).flat());

const demand = demandFields
  .superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      // Where it is ignored, whoever wrote it believes in a check that is not made.
      if (!typedKeys.has(key) || keysOfTypes[value.type].includes(key)) continue;
      refuse(
        context,
        [key],
        'unknownKey',
        `this key to be left out: statements of type ${value.type} have no use for it`,
        `\`${key}\``,
      );
    }
  })
  .transform(({ maxAge, ...value }): AttestationDemand => {
    const severity = value.type === 'scan' ? { maxSeverity: value.maxSeverity ?? 'low' } : {};
    return { ...value, ...severity, ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }) };
  });

export const policyFields = z.strictObject({
  models: distinct(namePattern(), 1, maxPatterns),
  signers: distinct(identifier('a name of a signer'), 1, maxNames),
  threshold: threshold(),
  minVersion: versionNumber().default(0n),
  maxVersion: versionNumber().exactOptional(),
  binding: z.enum(['required', 'unsafeNone']).default('required'),
  rollback: z.enum(['refuse', 'unsafeAllow']).default('refuse'),
  signatures: plainText('a path', 4_096).exactOptional(),
  attestations: z.array(demand).max(maxDemands).default([]),
});

/** A policy as airlock.yaml has it, made into ours; paths still relative. */
export const policy = policyFields
  .superRefine((value, context) => {
    assertThreshold(context, [], value.threshold, value.signers);
    for (const [index, { threshold: wanted, signers }] of value.attestations.entries()) {
      assertThreshold(context, ['attestations', index], wanted, signers ?? value.signers);
    }
    const { minVersion, maxVersion } = value;
    if (maxVersion !== undefined && maxVersion < minVersion) {
      refuse(context, ['maxVersion'], 'order', `at least minVersion, ${minVersion}`, String(maxVersion));
    }
  })
  .transform((value): PolicyConfig => value);

/** A threshold that nobody can reach is a slip; it would refuse every model without saying why. */
function assertThreshold(context: z.RefinementCtx, path: PropertyKey[], wanted: number, signers: readonly string[]): void {
  if (wanted <= signers.length) return;
  refuse(context, [...path, 'threshold'], 'threshold', `at most the number of signers, ${signers.length}`, String(wanted));
}
