// The trust section that one public key stands for, where there is no airlock.yaml: in a program, and on the command line.
import { resolve } from 'node:path';
import type { TrustConfig } from './trust-types.ts';

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
