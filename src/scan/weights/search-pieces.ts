// Looks at many parts, in threads where that pays. A jail may not allow threads, and a thread may end: whatever they do not
// answer is done here, so that a part is never left out.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';
import type { Piece, PieceStats } from './piece-types.ts';
import { searchPiece } from './search-piece.ts';
import type { ThreadAnswer, ThreadJob } from './weights-thread.ts';

export interface PieceJob {
  readonly source: Source;
  readonly piece: Piece;
}

export interface SearchPiecesOptions {
  /** Default: one per core, at most 4. 0: none. */
  readonly threads?: number;
  /** Below this, starting threads takes longer than it saves. Default 32 MiB. */
  readonly minBytes?: number;
  /** The built entry of a thread. */
  readonly entry?: string;
}

const jobsPerThread = 2;

/** What a piece says, found here. @throws what the source throws. */
export function searchHere({ source, piece }: PieceJob): PieceStats {
  return searchPiece(piece, (offset, length) => {
    const bytes = source.read(offset, length);
    return bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  });
}

/** Answers by the place of the job; missing ones are left to the caller. */
function searchInThreads(jobs: ReadonlyMap<number, ThreadJob>, threads: number, entry: string): Promise<Map<number, PieceStats>> {
  const answers = new Map<number, PieceStats>();
  const waiting = [...jobs.values()];
  const workers = new Set<Worker>();
  return new Promise((resolve) => {
    const end = (worker: Worker) => {
      workers.delete(worker);
      void worker.terminate();
      if (workers.size === 0) resolve(answers);
    };
    for (let index = 0; index < threads; index++) {
      let worker: Worker;
      try {
        worker = new Worker(entry, { name: 'weights', env: {}, execArgv: [] });
      } catch {
        break;
      }
      workers.add(worker);
      let pending = 0;
      const next = () => {
        while (pending < jobsPerThread) {
          const job = waiting.shift();
          if (job === undefined) break;
          pending++;
          worker.postMessage(job);
        }
        if (pending === 0) end(worker);
      };
      worker.on('message', ({ id, stats }: ThreadAnswer) => {
        pending--;
        if (stats !== undefined) answers.set(id, stats);
        next();
      });
      worker.on('error', () => end(worker));
      worker.on('exit', () => {
        if (workers.has(worker)) end(worker);
      });
      next();
    }
    if (workers.size === 0) resolve(answers);
  });
}

/**
 * Hands each job's result to `take`, in the order of the jobs. `take` gets a function that finds it and may throw what the source
 * throws.
 */
export async function searchPieces(
  jobs: readonly PieceJob[],
  take: (job: number, stats: () => PieceStats) => void,
  options: SearchPiecesOptions = {},
): Promise<void> {
  const { threads = Math.min(availableParallelism(), 4), minBytes = 32 * 1024 ** 2 } = options;
  const inThreads = new Map<number, ThreadJob>();
  let bytes = 0;
  for (const [id, { source, piece }] of jobs.entries()) {
    if (source.path === undefined) continue;
    inThreads.set(id, { id, path: source.path, piece });
    bytes += piece.sizeBytes;
  }
  const isWorthIt = threads > 0 && bytes >= minBytes;
  const entry = options.entry ?? builtFile(import.meta.url, 'weights-thread.js');
  const answers = isWorthIt ? await searchInThreads(inThreads, threads, entry) : new Map<number, PieceStats>();
  for (const [id, job] of jobs.entries()) take(id, () => answers.get(id) ?? searchHere(job));
}
