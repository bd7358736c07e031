// The trust section in force: keys read, and nothing of it in a place where others could change it. Whoever holds one may ask for verdicts, and says
// afterwards what was served; it never reads a model's own files.
import type { SignerConfig, TrustConfig } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import type { TrustedSigner, Verdict } from '../provenance-types.ts';
import { loadSigner } from '../signers/index.ts';
import { assertPrivate } from '../store/index.ts';
import { judge, type TrustRequest } from './judge.ts';
import { type ServedVersion, VersionLedger } from './version-ledger.ts';

export interface TrustOptions {
  /** Where the record of served versions lies; made when the first one is recorded. Default none: then no version is too old. */
  readonly ledgerFolder?: string;
}

export interface Trust {
  /** Never throws; a verdict that does not allow says why in `error`, and in which rule in `decidedBy`. */
  judge(request: TrustRequest): Promise<Verdict>;
  /**
   * To be called when a version has become available, and not before: a version that fails must not keep its predecessor out. Does nothing without
   * a record.
   * @throws TRUST_REFUSED when another server has served the version with another content; TRUST_INVALID, STORE_UNSAFE, STORE_NOT_WRITABLE.
   */
  recordServed(served: Omit<ServedVersion, 'mayReplace'> & { readonly policy?: string }): Promise<void>;
}

/**
 * Reads what the section names.
 * @throws TRUST_INVALID for a key, certificate or list that cannot be used, and for one that others could change; STORE_UNSAFE when others could change
 * the record of served versions.
 */
export async function openTrust(config: TrustConfig, { ledgerFolder }: TrustOptions = {}): Promise<Trust> {
  const signers = new Map<string, TrustedSigner>();
  for (const [name, signer] of Object.entries(config.signers)) {
    for (const [key, file] of filesOf(signer)) await assertOwn(`trust.signers.${name}.${key}`, file);
    signers.set(name, await loadSigner(name, signer));
  }
  for (const [name, { signatures }] of Object.entries(config.policies)) {
    if (signatures !== undefined) await assertOwn(`trust.policies.${name}.signatures`, signatures);
  }
  const ledger = ledgerFolder === undefined ? undefined : await VersionLedger.open(ledgerFolder);
  const state = { config, signers, ledger };
  return {
    judge: (request) => judge(request, state),
    async recordServed({ policy = '', ...served }) {
      const isFree = Object.hasOwn(config.policies, policy) && config.policies[policy].rollback === 'unsafeAllow';
      await ledger?.record({ ...served, mayReplace: isFree });
    },
  };
}

/** Every file that decides whom the signer stands for, by its key in the trust section. */
function filesOf(signer: SignerConfig): (readonly [key: string, file: string])[] {
  if (signer.kind === 'key') return [['key', signer.publicKey]];
  if (signer.kind === 'sigstore') return [['sigstore.trustedRoot', signer.trustedRoot]];
  return (['roots', 'intermediates', 'crls', 'timestampAuthorities'] as const).flatMap((key) =>
    signer[key].map((file, index) => [`certificate.${key}[${index}]`, file] as const),
  );
}

/** What others can change proves nothing about whom the operator trusts. */
async function assertOwn(key: string, path: string): Promise<void> {
  try {
    await assertPrivate(path, 'TRUST_INVALID');
  } catch (cause) {
    const message = `${key}: others could change it, or it cannot be looked at`;
    throw new AirlockError('TRUST_INVALID', { message, cause, detail: String(AirlockError.from(cause).detail) });
  }
}
