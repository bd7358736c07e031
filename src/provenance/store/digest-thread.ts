// The entry of a thread of the pool. Does what digest-file.ts does, and nothing else: it opens nothing and knows no names.
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type DigestJob, digestFile } from './digest-file.ts';

/** Answers every job with its result, under the same number. */
export function serveDigests(port: MessagePort | null): void {
  port?.on('message', async ({ id, job }: { id: number; job: DigestJob }) => {
    const result = await digestFile(job);
    port.postMessage({ id, result });
  });
}

serveDigests(parentPort);
