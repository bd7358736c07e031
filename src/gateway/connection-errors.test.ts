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
