// Connections of one client: bounded by what is free, answered when refused, and counted down again. Linux lets a test come from all of 127.0.0.0/8.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { checkConfig } from '../config/load-config.ts';
import type { AirlockError } from '../core/index.ts';
import { ConnectionShares } from './connection-shares.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function listen(maxConnections: number, maxClientPercent: number) {
  const { limits } = checkConfig({ models: [{ name: 'm', path: 'm', unsafeUnsigned: true }] }, '.');
  const refused: { readonly error: AirlockError; readonly status: number }[] = [];
  const http = { ...limits.http, maxConnections, maxClientPercent };
  const shares = new ConnectionShares(http, (error, status) => refused.push({ error, status }));
  const server = createServer((_request, response) => response.end('served'));
  server.maxConnections = maxConnections;
  shares.guard(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = async (localAddress: string): Promise<{ readonly socket: Socket; readonly text: () => string }> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', () => undefined);
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    return { socket, text: () => received };
  };
  return { shares, refused, open };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

it('lets one client have its part of the connections and others the rest', async () => {
  const { shares, refused, open } = await listen(20, 50);
  const greedy = [];
  for (let i = 0; i < 15; i++) greedy.push(await open('127.0.0.1'));
  await until(() => refused.length === 5);
  expect([shares.open, shares.clients]).toEqual([10, 1]);
  expect([refused[0].status, refused[0].error.code, refused[0].error.violations[0].rule]).toEqual([
    429,
    'CLIENT_OVERLOADED',
    'maxClientPercent',
  ]);
  const last = greedy[14];
  if (!last.socket.closed) await once(last.socket, 'close');
  expect(last.text()).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n/);
  expect(last.text()).toMatch(/\r\nretry-after: \d+\r\n/);
  expect(last.text()).toContain('"code":"CLIENT_OVERLOADED"');
  const honest = await open('127.0.0.2');
  honest.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await once(honest.socket, 'close');
  expect(honest.text()).toContain('served');
  for (const { socket } of greedy) socket.destroy();
  await until(() => shares.open === 0);
  expect(shares.clients).toBe(0);
});

it('leaves room for a 21st client beside 20 that take all they can', async () => {
  const { shares, refused, open } = await listen(210, 50);
  for (let round = 0; round < 15; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => open(`127.0.1.${index + 1}`)));
  }
  await until(() => shares.open + refused.length === 300);
  expect(shares.open).toBeGreaterThan(190);
  expect(shares.open).toBeLessThan(210);
  const honest = await open('127.0.2.1');
  honest.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await once(honest.socket, 'close');
  expect(honest.text()).toContain('served');
});

it('bounds nobody where the whole is allowed', async () => {
  const { shares, refused, open } = await listen(10, 100);
  for (let i = 0; i < 10; i++) await open('127.0.0.1');
  await until(() => shares.open === 10);
  expect(refused).toEqual([]);
});
