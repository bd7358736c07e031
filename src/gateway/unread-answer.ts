// A client that asks and does not read: its answer stays in this process until the connection ends. Such answers count like bodies do,
// and a client has only so long to take one.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyBudget } from './body-budget.ts';
import { clientKey } from './client-key.ts';

/** Smaller answers fit the kernel's own buffer of a connection, so they do not stay here. */
const leastBytes = 64 * 1024;

/**
 * Counts an answer of `bytes` until it is sent or the connection is gone, and ends the connection when that takes longer than `maxMs`.
 * @throws SERVER_OVERLOADED when bodies and answers together hold too much, CLIENT_OVERLOADED when those of the client do.
 */
export function holdUntilSent(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: number,
  budget: BodyBudget,
  maxMs: number,
): void {
  if (bytes < leastBytes) return;
  // Of the request: an answer that waits for the one to an earlier request of its connection has no socket yet.
  const share = budget.open(clientKey(request.socket.remoteAddress));
  share.add(bytes);
  const timer = setTimeout(() => response.destroy(), maxMs);
  response.once('close', () => {
    clearTimeout(timer);
    share.release();
  });
}
