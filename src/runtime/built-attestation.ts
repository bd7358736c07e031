// Checks who built libraries from source: SLSA build provenance, signed by keys that the operator names, about the very files. Several builders that
// state the same digests show that the build is reproducible, and that no single build machine decides what TensorFlow is.
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { predicateTypes, readPredicate } from '../provenance/attestations/index.ts';
import { parseBundle } from '../provenance/format/index.ts';
import { keySigner, readPublicKey } from '../provenance/signers/index.ts';
import { readFileStatement } from './file-statement.ts';
import { slotFileNames } from './pin.ts';
import type { Builder } from './pin-types.ts';

export interface BuildEvidence {
  readonly builders: readonly Builder[];
  /** SHA-256 of each file of the slot, by name; the same in every attestation. */
  readonly digests: ReadonlyMap<string, string>;
}

export interface BuildRules {
  /** PEM of the public keys of those whose builds count. */
  readonly keys: readonly Buffer[];
  /** How many different ones must have stated it. */
  readonly threshold: number;
  /** The exact `builder.id` that is wanted. Default any. */
  readonly builder?: string | undefined;
}

const maxIdChars = 512;

function refuse(why: string, cause?: unknown): AirlockError {
  return new AirlockError('RUNTIME_ATTESTATION_INVALID', {
    message: `The attestation of the build does not verify: ${why}`,
    cause,
  });
}

interface One {
  readonly builder: Builder;
  readonly digests: ReadonlyMap<string, string>;
}

function checkOne(bundle: Buffer, { keys, builder: wanted }: BuildRules): One {
  const envelope = parseBundle(bundle);
  const signers = keys.map((pem, index) => keySigner(`key ${index + 1}`, { accept: [] }, readPublicKey(pem)));
  let keyId: string | undefined;
  for (const signer of signers) {
    try {
      keyId = signer.verify(envelope, Date.now()).keyId;
      break;
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code !== 'SIGNER_UNTRUSTED') throw thrown;
    }
  }
  if (keyId === undefined) throw refuse('none of the given keys has signed it');
  const { predicateType, digests, predicate } = readFileStatement(envelope.payloadType, envelope.payload);
  if (predicateType !== predicateTypes.slsa) throw refuse(`it is ${printable(predicateType, 200)}, not ${predicateTypes.slsa}`);
  const reading = readPredicate('slsa', predicate);
  if (reading.violations !== undefined) {
    const [{ path, expected, got }] = reading.violations;
    throw refuse(`its predicate is no SLSA provenance at ${path}: expected ${expected}, got ${got}`);
  }
  const { id } = reading.predicate.runDetails.builder;
  if (wanted !== undefined && id !== wanted) throw refuse(`it was built by ${printable(id, 200)}`);
  const mine = new Map(Array.from(digests).filter(([name]) => slotFileNames.includes(name)));
  return { builder: { id: printable(id, maxIdChars - 1), keyId, attestation: envelope.sha256 }, digests: mine };
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && Array.from(a).every(([name, digest]) => b.get(name) === digest);
}

/**
 * What the attestations say together. Each has to verify, and all have to name the same files with the same digests.
 * @throws RUNTIME_ATTESTATION_INVALID; BUNDLE_INVALID, BUNDLE_UNSUPPORTED for what is no bundle; KEY_INVALID
 */
export function checkBuild(bundles: readonly Buffer[], rules: BuildRules): BuildEvidence {
  const [first, ...others] = bundles.map((bundle) => checkOne(bundle, rules));
  if (first === undefined) throw refuse('there is none');
  if (others.some((other) => !isSame(first.digests, other.digests)))
    throw refuse('the builders state different files: the build is not reproducible, or one of them was tampered with');
  const byKey = new Map([first, ...others].map(({ builder }) => [builder.keyId, builder]));
  if (byKey.size < rules.threshold)
    throw refuse(`${byKey.size} of the ${rules.threshold} different builders that are asked for have stated it`);
  return { builders: Array.from(byKey.values()), digests: first.digests };
}
