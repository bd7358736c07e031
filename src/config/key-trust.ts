// The trust section that one public key stands for, where there is no airlock.yaml: in a program, and on the command line. Its defaults are those of
// the schema.
import { resolve } from 'node:path';
import { resolveTrust, trustSchema } from './trust-schema.ts';
import type { TrustConfig } from './trust-types.ts';

/** The name of the only policy. */
export const keyPolicy = 'key';

/** The section as airlock.yaml would have it. */
export function keyTrustValues(publicKey: string, more: object = {}): object {
  return { signers: { key: { key: publicKey } }, policies: { [keyPolicy]: { models: ['*'], signers: ['key'], ...more } } };
}

/**
 * The one policy of a model that is opened with a key. Bound, the key's owner must also have said that these files are the model under that
 * name and version, and older versions are refused; otherwise whose bytes they are is all that is asked.
 */
export function trustOfKey(
  publicKey: string,
  { isBound }: { readonly isBound: boolean },
): { readonly trust: TrustConfig; readonly policy: string } {
  const more = isBound ? {} : { binding: 'unsafeNone', rollback: 'unsafeAllow' };
  const trust = trustSchema.parse(keyTrustValues('the key', more));
  // It is the only path in it, and any name of a file will do: nobody wrote it into a configuration.
  return { trust: resolveTrust(trust, () => resolve(publicKey)), policy: keyPolicy };
}
