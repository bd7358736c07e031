// The order in which a version of a model is judged by its policy, before any of its files is read. The first rule that does not let it pass decides;
// a failure to find something out does not let it pass either.
import type { PolicyConfig, TrustConfig, VersionPolicy } from '../../config/index.ts';
import { policyFits } from '../../config/index.ts';
import { printable } from '../../core/index.ts';
import type { TrustedSigner, Verdict } from '../provenance-types.ts';
import { checkBinding, checkDemands } from './check-attestations.ts';
import { chooseManifest } from './choose-manifest.ts';
import { collectStatements } from './collect-statements.ts';
import { Decision } from './decision.ts';
import { readSignatureSet } from './signature-set.ts';
import type { VersionLedger } from './version-ledger.ts';
import { checkVersion } from './version-rules.ts';

/** What is to be judged. */
export interface TrustRequest {
  /** A name of `trust.policies`. */
  readonly policy: string;
  /** What the model is called by those who use it. */
  readonly model: string;
  /** Undefined where nobody knows it: then every rule that needs it refuses. */
  readonly version: bigint | undefined;
  /** The folder of the version, or the one file; the caller has resolved links of the operator's. */
  readonly modelPath: string;
  /** A bundle that counts instead of those at the usual places; beside it, the folder of its name with `.d`. */
  readonly signatureFile?: string;
  /** Which versions the model's configuration asks for; default the newest. */
  readonly versions?: VersionPolicy;
  /** SHA-256 of the contract that the model is served with, hex. */
  readonly contractDigest?: string;
  /** Milliseconds since 1970; default now. */
  readonly nowMs?: number;
}

export interface TrustState {
  readonly config: TrustConfig;
  readonly signers: ReadonlyMap<string, TrustedSigner>;
  readonly ledger: VersionLedger | undefined;
}

/** Never throws: what goes wrong on the way is the verdict's `error`. */
export async function judge(request: TrustRequest, state: TrustState): Promise<Verdict> {
  const decision = new Decision(printable(request.policy));
  try {
    await decide(request, state, decision);
    return decision.allowed();
  } catch (thrown) {
    return decision.refused(thrown);
  }
}

async function decide(request: TrustRequest, state: TrustState, decision: Decision): Promise<void> {
  const { model, version, contractDigest, nowMs = Date.now() } = request;
  const { denied } = state.config;
  const policy = checkModel(request, state.config, decision);
  const place = { modelPath: request.modelPath, model, version, folder: policy.signatures, file: request.signatureFile };
  decision.begin('bundle');
  const signers = signersOf(policy, state, decision);
  const statements = await collectStatements(readSignatureSet(place), {
    signers,
    deniedKeys: new Set(denied.signers),
    nowMs,
    decision,
  });
  const content = chooseManifest(statements, { policyName: request.policy, policy, denied }, decision);
  const { attestations } = statements;
  const question = { policyName: request.policy, policy, model, version, contractDigest, nowMs, content, attestations };
  checkBinding(question, decision);
  checkDemands(question, decision);
  await checkRollback(request, policy, content.manifests[0].identity, state, decision);
}

/** The rules about names and numbers, for which no file is needed. */
function checkModel(request: TrustRequest, { policies, denied }: TrustConfig, decision: Decision): PolicyConfig {
  const { model, version } = request;
  const shownModel = printable(model, 128);
  const policyName = printable(request.policy);
  decision.begin('policy');
  if (!Object.hasOwn(policies, request.policy)) {
    decision.refuse({ code: 'TRUST_REFUSED', path: 'trust.policies', expected: 'a policy that exists', got: policyName });
  }
  const policy = policies[request.policy];
  decision.pass(policyName);
  decision.begin('denied.models');
  // Of a model whose version nobody knows, a denied version is as good as all.
  const hit = denied.models.find((entry) =>
    version === undefined
      ? entry.replace(/@\d+$/, '') === model || entry === model
      : [model, `${model}@${version}`].includes(entry),
  );
  if (hit !== undefined) {
    const got = printable(hit, 160);
    decision.refuse({ code: 'TRUST_REFUSED', path: 'trust.denied.models', expected: 'a model that is not denied', got });
  }
  decision.pass(`${shownModel} is not denied`);
  const path = `trust.policies.${policyName}`;
  decision.begin('models');
  if (!policyFits(policy, model)) {
    const expected = `one of ${printable(policy.models.join(', '), 256)}`;
    decision.refuse({ code: 'TRUST_REFUSED', path: `${path}.models`, expected, got: shownModel });
  }
  decision.pass(shownModel);
  decision.begin('versions');
  const { minVersion, maxVersion } = policy;
  const isUnlimited = minVersion === 0n && maxVersion === undefined;
  const isWithin = version !== undefined && version >= minVersion && (maxVersion === undefined || version <= maxVersion);
  if (!isUnlimited && !isWithin) {
    const expected = `a version from ${minVersion}${maxVersion === undefined ? ' on' : ` to ${maxVersion}`}`;
    const key = version !== undefined && version >= minVersion ? 'maxVersion' : 'minVersion';
    decision.refuse({ code: 'TRUST_REFUSED', path: `${path}.${key}`, expected, got: String(version ?? 'no version') });
  }
  decision.pass(`version ${version ?? 'unknown'}`);
  return policy;
}

/** Those whose signatures are looked for, the denied ones left out with a note. */
function signersOf(policy: PolicyConfig, { config, signers }: TrustState, decision: Decision): TrustedSigner[] {
  const names = new Set([policy.signers, ...policy.attestations.map((demand) => demand.signers ?? [])].flat());
  return [...names].flatMap((name) => {
    if (config.denied.signers.includes(name)) decision.skip(`${name} does not count`, 'denied.signers');
    const signer = config.denied.signers.includes(name) ? undefined : signers.get(name);
    return signer === undefined ? [] : [signer];
  });
}

async function checkRollback(
  { model, version, versions = { kind: 'latest', count: 1 } }: TrustRequest,
  { rollback }: PolicyConfig,
  identity: string,
  { ledger }: TrustState,
  decision: Decision,
): Promise<void> {
  decision.begin('rollback');
  if (rollback === 'unsafeAllow') return decision.skip('versions that were served before are not looked at');
  if (ledger === undefined) return decision.skip('there is no record of versions that were served');
  if (version === undefined) return decision.skip('the version is not known');
  const served = await ledger.served(model);
  const refusal = checkVersion(served, { version, identity, versions });
  if (refusal !== undefined) decision.refuse({ path: `models.${printable(model, 128)}.version`, ...refusal });
  decision.pass(served.size === 0 ? 'no version was served yet' : `version ${version} after ${served.size} recorded`);
}
