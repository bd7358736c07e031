// Answers that a client does not read: counted while they are here, and not for ever.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
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
  const server = createServer((request, response) => {
    holdUntilSent(request, response, answerBytes, budget, maxMs);
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

it('counts answers that wait for an earlier one on their connection for their client', async () => {
  const budget = new BodyBudget(64 * 1024 * 1024, 20);
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    held.push(response);
    if (held.length === 2) holdUntilSent(request, response, answerBytes, budget, 60_000);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  closers.push(() => client.destroy());
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(2));
  await until(() => held.length === 2);
  expect(held[1].socket).toBeNull();
  // 48 MiB are free, and a quarter of them is for one client.
  expect(() => budget.open('127.0.0.1').add(5 * 1024 * 1024)).toThrow(expect.objectContaining({ code: 'CLIENT_OVERLOADED' }));
  expect(() => budget.open('127.0.0.2').add(5 * 1024 * 1024)).not.toThrow();
});

it('counts an answer no longer than it is read', async () => {
  const budget = new BodyBudget(64 * 1024 * 1024);
  const port = await listen(budget, 60_000);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect((await response.arrayBuffer()).byteLength).toBe(answerBytes);
  await until(() => budget.usedBytes === 0);
});
