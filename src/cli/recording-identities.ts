// Reads the key with which recordings are opened, from a file that nobody else can read.
import { parseIdentities } from '../recording/index.ts';
import { readSecretFile } from '../signing/index.ts';

/** @throws KEY_INVALID when the file cannot be read or others can; RECORDING_INVALID when no identity of age is in it. */
export async function readIdentities(file: string): Promise<readonly string[]> {
  return parseIdentities((await readSecretFile(file, 'key')).toString('utf8'));
}
