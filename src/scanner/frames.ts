// How a scan process and whoever started it talk: the request is an argument, and each answer is a length in four bytes, little-endian, and so
// many bytes of JSON. The process is not trusted: a length beyond the limit ends the talk before anything is allocated.
import { AirlockError } from '../core/index.ts';

/** One answer; a report of thousands of findings has a few megabytes. */
export const maxFrameBytes = 64 * 1024 * 1024;

export type ScanMessage =
  | { readonly kind: 'progress'; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly reason: string };

export function encodeScanMessage(message: ScanMessage): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32LE(body.length);
  body.copy(frame, 4);
  return frame;
}

/** Puts messages together from chunks. */
export class ScanMessageReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** The messages that this chunk completes. @throws WORKER_PROTOCOL_VIOLATION. */
  push(chunk: Buffer): ScanMessage[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: ScanMessage[] = [];
    for (;;) {
      if (this.#length < 4) return messages;
      const head = this.#peekHead();
      if (head > maxFrameBytes) throw violation('an answer is too long');
      if (this.#length < 4 + head) return messages;
      const all = Buffer.concat(this.#chunks);
      messages.push(readMessage(all.subarray(4, 4 + head)));
      this.#chunks = [all.subarray(4 + head)];
      this.#length = all.length - 4 - head;
    }
  }

  #peekHead(): number {
    if (this.#chunks[0].length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0].readUInt32LE(0);
  }
}

function readMessage(body: Buffer): ScanMessage {
  let message: unknown;
  try {
    message = JSON.parse(body.toString('utf8'));
  } catch {
    throw violation('an answer is not JSON');
  }
  if (typeof message !== 'object' || message === null) throw violation('an answer is no object');
  const { kind, doneBytes, totalBytes, reason, result } = message as Record<string, unknown>;
  if (kind === 'progress' && typeof doneBytes === 'number' && typeof totalBytes === 'number')
    return { kind, doneBytes, totalBytes };
  if (kind === 'failed' && typeof reason === 'string') return { kind, reason };
  if (kind === 'result') return { kind, result };
  throw violation('an answer is of no known kind');
}

function violation(text: string): AirlockError {
  return new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: `scanner: ${text}` });
}
