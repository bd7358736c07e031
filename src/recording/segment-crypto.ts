// Encrypts segments to recipients of age (X25519, ChaCha20-Poly1305) and opens them with an identity. What records holds recipients only, so a server that is taken
// over shows the requests of that moment, and none that it recorded before.
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { AirlockError, printable } from '../core/index.ts';

/** Bytes of one chunk of age's stream; enciphering one takes some 5 ms of the server's only thread. */
const chunkBytes = 64 * 1024;

export interface RecordingKey {
  /** `AGE-SECRET-KEY-1…`: opens what was recorded for its recipient. */
  readonly identity: string;
  /** `age1…`: for `recording.recipients`. */
  readonly recipient: string;
}

/** A new key, from the system's random numbers. */
export async function makeRecordingKey(): Promise<RecordingKey> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** @throws CONFIG_INVALID for a recipient that has the right form and is none: its checksum is wrong. */
export function assertRecipients(recipients: readonly string[]): void {
  for (const recipient of recipients) encrypterFor([recipient]);
}

function encrypterFor(recipients: readonly string[]): Encrypter {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new AirlockError('CONFIG_INVALID', { message: `${printable(recipient, 80)} is no recipient of age`, cause });
    }
  }
  return encrypter;
}

/** Encrypts a segment. Others get a turn between its chunks. */
export async function sealSegment(plain: Uint8Array, recipients: readonly string[]): Promise<Buffer> {
  let at = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await new Promise(setImmediate);
        // An empty chunk would not end the pull.
        if (at >= plain.length) return controller.close();
        controller.enqueue(plain.subarray(at, at + chunkBytes));
        at += chunkBytes;
      },
    },
    { highWaterMark: 0 },
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of await encrypterFor(recipients).encrypt(source)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Opens a segment. @throws RECORDING_INVALID when none of the identities opens it, or it was changed or cut. */
export async function openSegment(sealed: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
    return await decrypter.decrypt(sealed);
  } catch (cause) {
    const reason = cause instanceof Error ? printable(cause.message, 200) : 'unknown reason';
    throw new AirlockError('RECORDING_INVALID', {
      message: 'A segment of the recording cannot be opened with this identity, or was changed',
      detail: reason,
      cause,
    });
  }
}

/**
 * The identities in the text of a key file as `airlock record keys` and `age-keygen` write it: lines that begin with # are comments.
 * @throws RECORDING_INVALID when there is none, or a line is no X25519 identity. No part of the text is in the error.
 */
export function parseIdentities(text: string): readonly string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const decrypter = new Decrypter();
  for (const [index, line] of lines.entries()) {
    try {
      if (!line.startsWith('AGE-SECRET-KEY-1')) throw new TypeError('not an X25519 identity');
      decrypter.addIdentity(line);
    } catch {
      throw new AirlockError('RECORDING_INVALID', {
        message: `Line ${index + 1} of the key file, comments left out, is no identity of age`,
      });
    }
  }
  if (lines.length === 0) throw new AirlockError('RECORDING_INVALID', { message: 'The key file has no identity in it' });
  return lines;
}
