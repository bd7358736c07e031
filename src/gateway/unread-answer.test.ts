// Answers that a client does not read: counted while they are here, and not for ever.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { BodyBudget } from './body-budget.ts';
import { holdUntilSent } from './unread-answer.ts';

const answerBytes = 16 * 1024 * 1024;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers everything with 16 MiB. */
async function listen(budget: BodyBudget, maxMs: number): Promise<number> {
  const server = createServer((_request, response) => {
    holdUntilSent(response, answerBytes, budget, maxMs);
    response.end(Buffer.alloc(answerBytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(20);
  expect(condition()).toBe(true);
}

it('counts an answer until the client has had its time, and then ends the connection', async () => {
  const budget = new BodyBudget(64 * 1024 * 1024);
  const client = connect(await listen(budget, 400), '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
  client.on('error', () => undefined);
  client.pause();
  closers.push(() => client.destroy());
  await until(() => budget.usedBytes === answerBytes);
  await until(() => budget.usedBytes === 0);
});

it('counts an answer no longer than it is read', async () => {
  const budget = new BodyBudget(64 * 1024 * 1024);
  const port = await listen(budget, 60_000);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect((await response.arrayBuffer()).byteLength).toBe(answerBytes);
  await until(() => budget.usedBytes === 0);
});
