// The entry of a thread of the pool. Does what digest-file.ts does, and nothing else: it opens nothing and knows no names.
import { setPriority } from 'node:os';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type DigestJob, digestFile } from './digest-file.ts';

/** As nice(1) counts. */
const backgroundPriority = 10;

/** Answers every job with its result, under the same number. */
export function serveDigests(port: MessagePort | null): void {
  if (port === null) return;
  try {
    // 0 is the calling thread to Linux, not the process: where cores are few, whoever waits for an answer of a model comes first.
    setPriority(0, backgroundPriority);
  } catch {
    // Some sandbox does not allow it; it is a courtesy.
  }
  port.on('message', async ({ id, job }: { id: number; job: DigestJob }) => {
    const result = await digestFile(job);
    port.postMessage({ id, result });
  });
}

serveDigests(parentPort);
