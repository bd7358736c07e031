// Reads a request's body into a decoder chunk by chunk, undoing gzip on the way. Nothing is gathered here: the decoder sees every byte
// once and stops the reading at the first thing that is wrong, also in the middle of a compressed bomb.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { AirlockError } from '../core/index.ts';
import type { TurnShare } from './turn-share.ts';

/** A chunk up to this size waits for nobody: all of an ordinary request. */
export const smallChunkBytes = 8 * 1024;

export interface BodySink {
  /** Told of compressed bytes as they arrive, whatever they inflate to. @throws AirlockError to stop. */
  readonly onCompressed?: (bytes: number) => void;
  /** Told of bytes as soon as they are here; they are pushed then or in a later turn. @throws AirlockError to stop. */
  readonly onArrived?: (bytes: number) => void;
  /** @throws AirlockError to stop. */
  push(chunk: Uint8Array): void;
  /** True while there is work left from earlier chunks; `catchUp` does a slice of it. @throws as `push`. */
  readonly behind: boolean;
  catchUp(): void;
}

/** The Content-Length, or 0 when there is none; only ever a hint. */
export function contentLength(request: IncomingMessage): number {
  const length = Number(request.headers['content-length'] ?? 0);
  return Number.isSafeInteger(length) && length > 0 ? length : 0;
}

/**
 * Feeds the body of `request` to `sink` until its end; what is large waits for its turn.
 * Compressed bytes count against `maxBodyBytes` too: a body of empty gzip members inflates to nothing and would go on for ever.
 * Throws or rejects with what `sink` throws; REQUEST_ENCODING_UNSUPPORTED, REQUEST_ENCODING_INVALID; REQUEST_INCOMPLETE when the client goes away;
 * REQUEST_TOO_LARGE before the first byte when the declared length is over the limit.
 */
export function readBody(request: IncomingMessage, sink: BodySink, maxBodyBytes: number, turns: TurnShare): Promise<void> {
  const declared = contentLength(request);
  if (declared > maxBodyBytes) throw tooLarge(maxBodyBytes, `${declared}`);
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') throw new AirlockError('REQUEST_ENCODING_UNSUPPORTED');
  return encoding === 'gzip' ? pumpGzip(request, sink, maxBodyBytes, turns) : pump(request, sink, turns);
}

function tooLarge(limit: number, got: string): AirlockError {
  return new AirlockError('REQUEST_TOO_LARGE', {
    violations: [{ path: '', rule: 'maxBodyBytes', expected: `at most ${limit} bytes`, got }],
  });
}

/** Plain events: an async iterator would cost several promises per request. */
function pump(source: Readable, sink: BodySink, turns: TurnShare): Promise<void> {
  return new Promise((resolve, reject) => {
    // A chunk that waits for its turn; the source brings no other one meanwhile.
    let held: Buffer | undefined;
    let isBusy = false;
    let isOver = false;
    const fail = (error: unknown): void => {
      isOver = true;
      held = undefined;
      source.off('data', onData);
      reject(error);
    };
    const wait = (): void => {
      isBusy = true;
      turns.wait(step);
    };
    const onData = (chunk: Buffer): void => {
      try {
        sink.onArrived?.(chunk.length);
        if (chunk.length <= smallChunkBytes) sink.push(chunk);
        else if (turns.isFree) turns.go(() => sink.push(chunk));
        else held = chunk;
      } catch (thrown) {
        fail(thrown);
        return;
      }
      if (held === undefined && !sink.behind) return;
      source.pause();
      wait();
    };
    // One slice per turn, so that other clients are served in between.
    const step = (): void => {
      if (isOver) return;
      const chunk = held;
      held = undefined;
      try {
        if (chunk === undefined) sink.catchUp();
        else sink.push(chunk);
      } catch (thrown) {
        fail(thrown);
        return;
      }
      if (sink.behind) wait();
      else {
        isBusy = false;
        if (source.readableEnded) resolve();
        else source.resume();
      }
    };
    // Each of the last three comes once; `once` would make an object for each of them.
    source.on('data', onData);
    // It comes even to a paused stream when the last chunk has been handed out.
    source.on('end', () => {
      if (!isBusy) resolve();
    });
    source.on('error', (cause) => fail(new AirlockError('REQUEST_INCOMPLETE', { cause })));
    source.on('close', () => {
      // Also comes after every complete body, ten thousand times a second: no error is made for that.
      if (!source.readableEnded) fail(new AirlockError('REQUEST_INCOMPLETE'));
    });
  });
}

async function pumpGzip(request: IncomingMessage, sink: BodySink, maxBodyBytes: number, turns: TurnShare): Promise<void> {
  const gunzip: Gunzip = createGunzip();
  let compressed = 0;
  request.on('data', (chunk: Buffer) => {
    compressed += chunk.length;
    if (compressed > maxBodyBytes) gunzip.destroy(tooLarge(maxBodyBytes, 'more compressed bytes'));
    if (gunzip.destroyed) return;
    try {
      sink.onCompressed?.(chunk.length);
    } catch (thrown) {
      gunzip.destroy(AirlockError.from(thrown));
    }
  });
  request.once('close', () => {
    if (!request.complete) gunzip.destroy(new AirlockError('REQUEST_INCOMPLETE'));
  });
  request.pipe(gunzip);
  try {
    await pump(gunzip, sink, turns);
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    // zlib's own errors have a code such as Z_DATA_ERROR; those of ours arrive as the cause.
    throw error.code === 'REQUEST_INCOMPLETE' && error.cause !== undefined ? decodingError(error.cause) : error;
  } finally {
    request.unpipe(gunzip);
    gunzip.destroy();
  }
}

function decodingError(cause: unknown): AirlockError {
  const error = AirlockError.from(cause);
  return error.code === 'INTERNAL' ? new AirlockError('REQUEST_ENCODING_INVALID', { cause }) : error;
}
