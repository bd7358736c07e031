// From files to statements that somebody of the trust section has signed. Everything else among the files is left out with a note: whoever can put
// a file there can also take one away, and must not be able to do more by the one than by the other.
import type { AttestationType } from '../../config/index.ts';
import { AirlockError, printable, violationError } from '../../core/index.ts';
import { attestationTypeOf } from '../attestations/index.ts';
import { parseBundle, parseStatement, readManifest } from '../format/index.ts';
import type { Manifest, SignedEnvelope, SignerEvidence, Statement, TrustedSigner } from '../provenance-types.ts';
import type { Decision } from './decision.ts';
import type { SignatureFile } from './signature-set.ts';

interface Signed {
  /** The file, printable. */
  readonly file: string;
  /** All of the asked signers whose signature it is; at least one. */
  readonly evidence: readonly SignerEvidence[];
}

export interface SignedManifest extends Signed {
  readonly manifest: Manifest;
}

export interface SignedAttestation extends Signed {
  readonly type: AttestationType;
  readonly statement: Statement;
}

export interface Statements {
  readonly manifests: readonly SignedManifest[];
  readonly attestations: readonly SignedAttestation[];
  /** What to say when no manifest is there: the reason of the file that came nearest; undefined when there was no file. */
  readonly problem: AirlockError | undefined;
}

/** How near a file came to being the signature of the model. */
type Nearness = 'unreadable' | 'untrusted' | 'old form' | 'signed nonsense';
const nearness: readonly Nearness[] = ['unreadable', 'untrusted', 'old form', 'signed nonsense'];

interface CollectOptions {
  /** Those whose signatures are looked for: of the policy, and of the statements that it demands. */
  readonly signers: readonly TrustedSigner[];
  /** Key identities that count never. */
  readonly deniedKeys: ReadonlySet<string>;
  readonly nowMs: number;
  readonly decision: Decision;
}

export async function collectStatements(files: AsyncIterable<SignatureFile>, options: CollectOptions): Promise<Statements> {
  const { decision } = options;
  const manifests: SignedManifest[] = [];
  const attestations: SignedAttestation[] = [];
  const problems = new Map<Nearness, AirlockError>();
  for await (const { name: file, content } of files) {
    let near: Nearness = 'unreadable';
    try {
      if (typeof content === 'string') throw new AirlockError('BUNDLE_INVALID', { message: content });
      const envelope = parseBundle(content);
      decision.bundles.push(envelope.sha256);
      near = 'untrusted';
      const evidence = evidenceOf(envelope, file, options);
      near = 'signed nonsense';
      const statement = parseStatement(envelope.payload);
      const type = attestationTypeOf(statement.predicateType);
      const isOld = evidence.some(({ legacy }) => legacy === 'v0.2');
      if (type !== undefined && !isOld) attestations.push({ file, evidence, type, statement });
      else manifests.push({ file, evidence, manifest: readManifest(statement, isOld ? 'v0.2' : undefined) });
      decision.begin('signer');
      decision.pass(`${file}: ${type ?? 'model signature'} of ${evidence.map(describe).join(' and ')}`);
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (near === 'untrusted' && error.code === 'BUNDLE_UNSUPPORTED') near = 'old form';
      if (!problems.has(near)) problems.set(near, error);
      const why = error.code === 'SIGNER_UNTRUSTED' ? error.violations[0].got : error.message;
      decision.skip(`${file}: ${why}`, near === 'unreadable' ? 'bundle' : 'signer');
    }
  }
  const nearest = nearness.findLast((each) => problems.has(each));
  return { manifests, attestations, problem: nearest && problems.get(nearest) };
}

/** @throws SIGNER_UNTRUSTED, or BUNDLE_UNSUPPORTED when an old form was all that one of them found wrong. */
function evidenceOf(
  envelope: SignedEnvelope,
  file: string,
  { signers, deniedKeys, nowMs }: CollectOptions,
): readonly SignerEvidence[] {
  const evidence: SignerEvidence[] = [];
  const reasons: string[] = [];
  let unsupported: AirlockError | undefined;
  for (const signer of signers) {
    try {
      const found = signer.verify(envelope, nowMs);
      if (deniedKeys.has(found.keyId)) reasons.push(`the key ${found.keyId.slice(0, 12)} of ${signer.name} is denied`);
      else evidence.push(found);
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      reasons.push(error.message);
      if (error.code === 'BUNDLE_UNSUPPORTED') unsupported ??= error;
    }
  }
  if (evidence.length > 0) return evidence;
  if (unsupported !== undefined) throw unsupported;
  const expected = `a signature of ${signers.map(({ name }) => name).join(' or ') || 'somebody whom the policy does not deny'}`;
  throw violationError('SIGNER_UNTRUSTED', {
    path: file,
    rule: 'signer',
    expected: printable(expected, 512),
    got: printable(reasons.join('; ') || 'nobody to compare it with', 1_024),
  });
}

function describe({ signer, kind, keyId, subject, legacy }: SignerEvidence): string {
  const who = subject === undefined ? '' : `, ${printable(subject, 256)}`;
  const form = legacy === undefined ? '' : `, in the old form ${legacy}`;
  return `${signer} (${kind} ${keyId.slice(0, 12)}${who}${form})`;
}
