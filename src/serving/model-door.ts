// The trust of one model that a program or a command opens by itself, where no server has a policy for it: from a public key, or from a policy
// of an airlock.yaml. Same rules, same store, same memory of versions as the server's.
import { basename, join, resolve } from 'node:path';
import { loadConfig, modelNameOf, type TrustConfig, trustOfKey, type VersionPolicy } from '../config/index.ts';
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
