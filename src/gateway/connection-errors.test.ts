// Two requests on one connection, of which the second breaks: its refusal must not be taken for the answer to the first.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { RawConnection } from '../../tests/support/raw-connection.ts';
import { until } from '../../tests/support/server.ts';
import { ConnectionErrors } from './connection-errors.ts';

it('refuses a body that breaks after the answer to the request before it', async () => {
  const errors = new ConnectionErrors(() => undefined);
  const held: ServerResponse[] = [];
  let isRefused = false;
  const server = createServer((request, response) => {
    errors.begin(request, response);
    held.push(response);
  });
  server.on('clientError', (error, socket) => {
    errors.answer(error, socket as Socket);
    isRefused = true;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new RawConnection((server.address() as AddressInfo).port);
  client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\nPOST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
  await until('the second is refused', () => isRefused);
  held[0].end('the first');
  await client.closed;
  expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*the first[\s\S]*HTTP\/1\.1 400 [\s\S]*REQUEST_MALFORMED/);
  server.close();
});

it('answers many that are too slow in several turns, with others in between, and each of them once', async () => {
  const count = 40;
  const answered: number[] = [];
  let turn = 0;
  let isOver = false;
  const countTurns = (): void => {
    turn++;
    if (!isOver) setImmediate(countTurns);
  };
  const errors = new ConnectionErrors((error, status) => {
    expect([error.code, status]).toEqual(['REQUEST_TIMEOUT', 408]);
    answered.push(turn);
    // As long as answering and closing a connection takes, and a line in the log.
    for (const endMs = performance.now() + 0.3; performance.now() < endMs; );
  });
  const cause = Object.assign(new Error('too slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  const texts: string[] = [];
  const sockets = Array.from({ length: count }, () => ({
    destroyed: false,
    writable: true,
    write: (text: string) => texts.push(text),
    destroy() {
      this.destroyed = true;
    },
  }));
  for (const socket of sockets) {
    errors.answer(cause, socket as unknown as Socket);
    errors.answer(cause, socket as unknown as Socket);
  }
  expect(answered).toEqual([]);
  setImmediate(countTurns);
  await until('all are answered', () => answered.length === count);
  isOver = true;
  expect(new Set(answered).size).toBeGreaterThan(5);
  expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  expect(texts).toHaveLength(count);
  expect(texts[0]).toMatch(/^HTTP\/1\.1 408 /);
});
