// A server that stops, and clients that would keep it: one that sends nothing, one that is idle, one that sends a byte now and then, and one whose request is answered late.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { RawConnection } from '../../tests/support/raw-connection.ts';
import { until } from '../../tests/support/server.ts';
import { LastConnections } from './last-connections.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function listen() {
  const held: ServerResponse[] = [];
  const server = createServer({ requestTimeout: 100, headersTimeout: 100, keepAliveTimeout: 60_000 }, (request, response) => {
    if (request.url === '/late') held.push(response);
    else response.end('answered');
  });
  const last = new LastConnections(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = async (text: string): Promise<RawConnection> => {
    const connection = new RawConnection(port);
    closers.push(() => connection.socket.destroy());
    await once(connection.socket, 'connect');
    if (text !== '') connection.send(text);
    return connection;
  };
  const stop = (maxMs: number): Promise<void> =>
    new Promise((resolve) => {
      last.end(maxMs);
      server.close(() => resolve());
    });
  return { held, open, stop };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

it('does not wait for who has sent nothing, or has been answered', async () => {
  const { open, stop, held } = await listen();
  await open('');
  const idle = await open(get('/'));
  await until('the idle one has its answer', () => idle.received.includes('answered'));
  const late = await open(get('/late'));
  await until('the late one has asked', () => held.length === 1);
  const stopped = stop(60_000);
  held[0].end('at last');
  await stopped;
  expect(late.received).toContain('at last');
});

it('waits for a client that sends a byte now and then no longer than it is told to', async () => {
  const { open, stop, held } = await listen();
  const slow = await open('POST /late HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n');
  await until('its headers are here', () => held.length === 1);
  const trickle = setInterval(() => slow.send(' '), 20);
  closers.push(() => clearInterval(trickle));
  const startMs = performance.now();
  await stop(400);
  expect(performance.now() - startMs).toBeGreaterThan(300);
});
