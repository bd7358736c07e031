// A process in the place of the server, for attacks to be made on: it holds a secret in memory, in its environment and in an open
// file, listens everywhere, and counts what reaches it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import koffi from 'koffi';

const { secretFile, socketPath, abstractName } = JSON.parse(process.argv[2]);
const reached = { tcp: 0, udp: 0, abstract: 0, path: 0, signals: 0 };

const secret = Buffer.from('the server’s secret');
const count = (way) => () => {
  reached[way]++;
};

process.on('SIGUSR2', count('signals'));
const listening = (way, address) => {
  const server = createServer(count(way)).listen(address);
  return once(server, 'listening').then(() => server);
};
const tcp = await listening('tcp', { host: '127.0.0.1', port: 0 });
await listening('abstract', { path: `\0${abstractName}` });
await listening('path', { path: socketPath, writableAll: true });
const udp = createSocket('udp4', count('udp')).bind(0, '127.0.0.1');
await once(udp, 'listening');

process.on('message', () => process.send({ ...reached, secret: secret.toString() }));
process.send({
  server: process.pid,
  secretAddress: String(koffi.address(secret)),
  serverDescriptor: openSync(secretFile, 'r'),
  tcpPort: tcp.address().port,
  udpPort: udp.address().port,
});
