// Makes a key pair for signing, in files that were not there before; the private one is readable by its owner alone from its first byte on.
import { generateKeyPairSync } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { type PublicKey, readPublicKey } from '../provenance/signers/index.ts';

export interface GenerateKeysOptions {
  /** Where the private key goes. The public one goes beside it: `.key` or `.pem` at the end becomes `.pub`, otherwise `.pub` is added. */
  readonly file: string;
  /** Default P-256. */
  readonly curve?: PublicKey['curve'];
  /** Encrypts the private key; undefined leaves it readable to whoever gets the file. */
  readonly passphrase: Buffer | undefined;
}

export interface GeneratedKeys {
  readonly publicKey: PublicKey;
  readonly privateFile: string;
  readonly publicFile: string;
}

/** @throws USAGE when one of the files is there already or cannot be written; then neither is left */
export async function generateKeys({ file, curve = 'P-256', passphrase }: GenerateKeysOptions): Promise<GeneratedKeys> {
  const pair = generateKeyPairSync('ec', { namedCurve: curve });
  // PBES2 with AES-256; OpenSSL gives its PBKDF2 2,048 rounds, so the passphrase itself has to be long.
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const secret = pair.privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption });
  const spki = pair.publicKey.export({ type: 'spki', format: 'pem' });
  const publicFile = `${file.replace(/\.(?:key|pem)$/, '')}.pub`;
  await writeNew(file, secret, 0o600);
  try {
    await writeNew(publicFile, spki, 0o644);
  } catch (thrown) {
    await rm(file);
    throw thrown;
  }
  return { publicKey: readPublicKey(Buffer.from(spki)), privateFile: file, publicFile };
}

async function writeNew(file: string, content: string | Buffer, mode: number): Promise<void> {
  try {
    const handle = await open(file, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (thrown) {
      await rm(file);
      throw thrown;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const name = printable(basename(file), 200);
    const message = exists ? `${name} exists already: a key is never written over` : `${name} could not be written`;
    throw new AirlockError('USAGE', { message, detail: file, cause });
  }
}
