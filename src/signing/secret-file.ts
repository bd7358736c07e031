// Reads what a signer has in files. Keys and passphrases only from files that nobody else can read: a key that others could copy proves
// nothing about who signed.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AirlockError } from '../core/index.ts';

/** No key, passphrase or chain is larger. */
const maxFileBytes = 65_536;
const readableByOthers = 0o066;

/**
 * The content of a file with a secret, at most 64 KiB; a pipe will do, as `<(…)` of a shell makes one.
 * @param what what it should hold, in our own words: `key`
 * @throws KEY_INVALID when it cannot be read, is larger, or its mode lets the group or others read or write it
 */
export async function readSecretFile(path: string, what: string): Promise<Buffer> {
  return withFile(path, what, async (file) => {
    const { mode } = await file.stat();
    if ((mode & readableByOthers) !== 0)
      throw refusal(`Others can read or write the ${what} file; \`chmod 600\` it, and think about a new one`, path);
    return readBounded(file.createReadStream(), what, path);
  });
}

/** The content of a file with a public key or certificates, at most 64 KiB. @throws KEY_INVALID */
export async function readPublicFile(path: string, what: string): Promise<Buffer> {
  return withFile(path, what, (file) => readBounded(file.createReadStream(), what, path));
}

/** What comes from `chunks`, at most 64 KiB. `path` is for the operator. @throws KEY_INVALID */
export async function readBounded(chunks: AsyncIterable<Buffer>, what: string, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxFileBytes) throw refusal(`The ${what} file is larger than ${maxFileBytes} bytes`, path);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

async function withFile<T>(path: string, what: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    // A link is followed: secrets that Kubernetes mounts are links.
    file = await open(path, constants.O_RDONLY | constants.O_NOCTTY);
  } catch (cause) {
    throw refusal(`The ${what} file cannot be opened`, path, cause);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() && !stats.isFIFO()) throw refusal(`The ${what} file is neither a file nor a pipe`, path);
    return await read(file);
  } finally {
    await file.close();
  }
}

function refusal(message: string, path: string, cause?: unknown): AirlockError {
  return new AirlockError('KEY_INVALID', { message, detail: path, cause });
}
