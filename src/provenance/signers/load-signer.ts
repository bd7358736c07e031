// Makes a signer of its entry in the trust section: reads its files, refuses what cannot be used. After this no file is opened.
import type { SignerConfig } from '../../config/index.ts';
import type { TrustedSigner } from '../provenance-types.ts';
import { keySigner } from './key-signer.ts';
import { readPublicKey } from './public-key.ts';
import { readSignerFile } from './signer-file.ts';

/** The signer `name`. TRUST_INVALID names the key of airlock.yaml whose file cannot be used. */
export async function loadSigner(name: string, config: SignerConfig): Promise<TrustedSigner> {
  const place = `trust.signers.${name}`;
  switch (config.kind) {
    case 'key':
      return keySigner(name, config, await readSignerFile(`${place}.key`, config.publicKey, readPublicKey));
  }
}
