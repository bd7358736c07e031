// The trust of one model that a program or a command opens by itself, where no server has a policy for it: from a public key, or from a policy
// of an airlock.yaml. Same rules, same store, same memory of versions as the server's.
import { basename, join, resolve } from 'node:path';
import { loadConfig, modelNameOf, type TrustConfig, type VersionPolicy } from '../config/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import { assertPrivate, openModelStore, openTrust } from '../provenance/index.ts';
import { Admission } from './admission.ts';

export type ModelTrust =
  | {
      /** A PEM file with the public key whose owner must have signed the model and its release. */
      readonly key: string;
      /** The name that the release must state; default the name of the model's folder. */
      readonly model?: string;
    }
  | {
      /** An airlock.yaml with the model in it, or with a policy for it. */
      readonly config: string;
      /** The name under which the policy knows the model. */
      readonly model: string;
      /** Default: the policy that the file gives to this model. */
      readonly policy?: string;
    };

export interface ModelDoor {
  readonly admission: Admission;
  close(): Promise<void>;
}

export const newest: VersionPolicy = { kind: 'latest', count: 1 };

/**
 * The one policy of a model that is opened with a key. Bound, the key's owner must also have said that these files are the model under that
 * name and version, and older versions are refused; otherwise whose bytes they are is all that is asked.
 */
export function trustOfKey(
  key: string,
  { isBound }: { readonly isBound: boolean },
): { readonly trust: TrustConfig; readonly policy: string } {
  const policy = 'key';
  const signer = { kind: 'key', publicKey: resolve(key), accept: [] } as const;
  const rules = {
    models: ['*'],
    signers: ['key'],
    threshold: 1,
    minVersion: 0n,
    binding: isBound ? 'required' : 'unsafeNone',
    rollback: isBound ? 'refuse' : 'unsafeAllow',
    attestations: [],
  } as const;
  return {
    trust: { signers: { key: signer }, policies: { [policy]: rules }, denied: { signers: [], digests: [], models: [] } },
    policy,
  };
}

/** @throws CONFIG_INVALID, CONFIG_NOT_FOUND, TRUST_INVALID, STORE_UNSAFE, STORE_NOT_WRITABLE. */
export async function openModelDoor(options: {
  readonly trust: ModelTrust;
  readonly path: string;
  readonly store: string;
  readonly contractDigest: string | undefined;
}): Promise<ModelDoor> {
  const { trust, policy, model } = await rulesOf(options.trust, options.path);
  const opened = await openTrust(trust, { ledgerFolder: join(resolve(options.store), 'trust') });
  const store = await openModelStore(join(resolve(options.store), 'models'));
  const { contractDigest } = options;
  return {
    admission: new Admission({ trust: opened, store, policy, model, versions: newest, contractDigest }),
    close: () => store.close(),
  };
}

async function rulesOf(
  trust: ModelTrust,
  path: string,
): Promise<{ readonly trust: TrustConfig; readonly policy: string; readonly model: string }> {
  if ('key' in trust) return { ...trustOfKey(trust.key, { isBound: true }), model: trust.model ?? modelNameOf(resolve(path)) };
  const config = await loadConfig(trust.config);
  // Whoever can write it decides whose signatures count.
  await assertPrivate(resolve(trust.config), 'TRUST_INVALID');
  const policy = trust.policy ?? config.models.find(({ name }) => name === trust.model)?.trust;
  if (config.trust === undefined || policy === undefined) {
    throw new AirlockError('USAGE', {
      message: `${printable(basename(trust.config), 128)} has no trust policy for the model ${printable(trust.model, 128)}`,
    });
  }
  return { trust: config.trust, policy, model: trust.model };
}
