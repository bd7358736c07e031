// How a scan process and whoever started it talk: the request is an argument, and each answer is a length in four bytes, little-endian, and so
// many bytes of JSON. The process is not trusted: a length beyond the limit ends the talk before anything is allocated.
import { AirlockError } from '../core/index.ts';

/** One answer; a report of thousands of findings has a few megabytes. */
export const maxFrameBytes = 64 * 1024 * 1024;

/** All answers of one scan: a result, and words about progress for longer than a scan may take. Who says more keeps the server busy on purpose. */
const maxTotalBytes = 2 * maxFrameBytes;

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
  #totalBytes = 0;

  /** The messages that this chunk completes. @throws WORKER_PROTOCOL_VIOLATION. */
  push(chunk: Buffer): ScanMessage[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#totalBytes += chunk.length;
    if (this.#totalBytes > maxTotalBytes) throw violation('the answers are too long');
    const messages: ScanMessage[] = [];
    if (this.#length < 4 || this.#length < 4 + this.#peekHead()) return messages;
    let rest: Buffer = Buffer.concat(this.#chunks);
    while (rest.length >= 4) {
      const length = bodyLength(rest);
      if (rest.length < 4 + length) break;
      messages.push(readMessage(rest.subarray(4, 4 + length)));
      rest = rest.subarray(4 + length);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
    return messages;
  }

  #peekHead(): number {
    if (this.#chunks[0].length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    return bodyLength(this.#chunks[0]);
  }
}

function bodyLength(frame: Buffer): number {
  const length = frame.readUInt32LE(0);
  if (length > maxFrameBytes) throw violation('an answer is too long');
  return length;
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
