// The entry of a thread that looks at weights. It opens the files that it is told for reading, follows no link, and does what
// search-piece.ts does.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { AirlockError } from '../../core/index.ts';
import type { Piece, PieceStats } from './piece-types.ts';
import { chunkBytes, overlapBytes, searchPiece } from './search-piece.ts';

export interface ThreadJob {
  readonly id: number;
  readonly path: string;
  readonly piece: Piece;
}

/** `stats` is undefined where the part could not be read. */
export interface ThreadAnswer {
  readonly id: number;
  readonly stats: PieceStats | undefined;
}

const buffer = Buffer.from(new ArrayBuffer(chunkBytes + overlapBytes));

function readFully(fd: number, offset: number, length: number): Buffer {
  for (let done = 0; done < length; ) {
    const count = readSync(fd, buffer, done, length - done, offset + done);
    if (count === 0) throw new AirlockError('MODEL_INCOMPLETE', { message: 'A file became shorter' });
    done += count;
  }
  return buffer.subarray(0, length);
}

function answer({ id, path, piece }: ThreadJob): ThreadAnswer {
  let fd: number | undefined;
  try {
    const opened = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    fd = opened;
    return { id, stats: searchPiece(piece, (offset, length) => readFully(opened, offset, length)) };
  } catch {
    // Whoever asked does it again by itself, where what is wrong becomes known.
    return { id, stats: undefined };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function serveWeights(port: MessagePort | null): void {
  port?.on('message', (job: ThreadJob) => port.postMessage(answer(job)));
}

serveWeights(parentPort);
