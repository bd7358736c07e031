// Attacks on and through the network, Unix sockets and other things that processes speak through.
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { addressOf, call, O, open, text, vector } from './native.mjs';

const AF = { UNIX: 1, INET: 2, NETLINK: 16, PACKET: 17, ALG: 38, VSOCK: 40 };
const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 };
const IPPROTO = { ICMP: 1, MPTCP: 262 };
const MSG_FASTOPEN = 0x2000_0000;
const ETH_P_ALL = 0x0300; // In network order.

/** struct sockaddr_in of this machine. */
function loopback(port) {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF.INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set([127, 0, 0, 1], 4);
  return bytes;
}

/** struct sockaddr_un; an abstract name begins with a zero byte. */
function unixAddress(name) {
  return Buffer.concat([Buffer.of(AF.UNIX, 0), Buffer.from(name)]);
}

const socket = (family, type, protocol = 0) => call('socket', family, type, protocol);

function connectTo(family, type, address, protocol) {
  return call('connect', socket(family, type, protocol), address, address.length);
}

function sendDatagram(port) {
  const address = loopback(port);
  return call('sendto', socket(AF.INET, SOCK.DGRAM), text('x'), 1, 0, address, address.length);
}

export const networkAttacks = [
  { name: 'tcp-connect', shows: 'connects by TCP', attempt: (t) => connectTo(AF.INET, SOCK.STREAM, loopback(t.tcpPort)) },
  {
    name: 'tcp-connect-by-node',
    shows: 'connects with node:net',
    attempt: (t) =>
      new Promise((resolve, reject) => {
        connect(t.tcpPort, '127.0.0.1', resolve).on('error', reject);
      }),
  },
  {
    name: 'tcp-fast-open',
    shows: 'connects by sending, without connect()',
    needs: 'a kernel with TCP Fast Open',
    attempt: (t) => call('sendto', socket(AF.INET, SOCK.STREAM), text('x'), 1, MSG_FASTOPEN, loopback(t.tcpPort), 16),
  },
  {
    name: 'multipath-tcp',
    shows: 'connects by another protocol of the same shape, which a rule for TCP may miss',
    needs: 'a kernel with MPTCP',
    attempt: (t) => connectTo(AF.INET, SOCK.STREAM, loopback(t.tcpPort), IPPROTO.MPTCP),
  },
  { name: 'tcp-listen', shows: 'opens a port', attempt: listen },
  { name: 'udp-send', shows: 'sends by UDP', attempt: (t) => sendDatagram(t.udpPort) },
  { name: 'dns-query', shows: 'carries data out in questions to a name server', attempt: () => sendDatagram(53) },
  { name: 'resolve-name', shows: 'resolves a name with node:dns', attempt: () => lookup('localhost') },
  {
    name: 'abstract-socket',
    shows: 'connects to a Unix socket without a file',
    attempt: connectToAbstractName,
  },
  {
    name: 'path-socket',
    shows: "connects to a Unix socket, as Docker's is",
    attempt: (t) => connectTo(AF.UNIX, SOCK.STREAM, unixAddress(`${t.socketPath}\0`)),
  },
  {
    name: 'netlink-socket',
    shows: "speaks with the kernel's network configuration",
    attempt: () => socket(AF.NETLINK, SOCK.RAW),
  },
  {
    name: 'vsock-socket',
    shows: "speaks with the virtual machine's host: network namespaces don't hold it",
    needs: 'a kernel with vsock',
    attempt: () => socket(AF.VSOCK, SOCK.STREAM),
  },
  {
    name: 'raw-socket',
    shows: 'sends packets of its own making',
    needs: 'root',
    attempt: () => socket(AF.INET, SOCK.RAW, IPPROTO.ICMP),
  },
  {
    name: 'packet-socket',
    shows: 'listens to all traffic',
    needs: 'root',
    attempt: () => socket(AF.PACKET, SOCK.RAW, ETH_P_ALL),
  },
  {
    name: 'crypto-socket',
    shows: "reaches the kernel's cryptography, old and rarely used code",
    needs: 'a kernel with AF_ALG',
    attempt: () => socket(AF.ALG, SOCK.SEQPACKET),
  },
  { name: 'send-descriptor', shows: 'hands the server a file descriptor that it did not ask for', attempt: sendDescriptor },
  {
    name: 'message-queue',
    shows: 'speaks with others by a POSIX message queue',
    needs: 'a kernel with message queues',
    attempt: (t) => {
      call('mq_open', text(t.uniqueName), O.RDWR | O.CREAT, 0o600, 0);
      return call('mq_unlink', text(t.uniqueName));
    },
  },
  {
    name: 'system-v-memory',
    shows: 'shares memory with others',
    attempt: () => call('shmctl', call('shmget', 0, 4096, 0o1600), 0),
  },
  { name: 'system-v-queue', shows: 'speaks by a System V queue', attempt: () => call('msgctl', call('msgget', 0, 0o1600), 0) },
  {
    name: 'system-v-semaphore',
    shows: 'signals by a semaphore',
    attempt: () => call('semctl', call('semget', 0, 1, 0o1600), 0, 0),
  },
  { name: 'open-terminal', shows: 'opens a terminal', needs: '/dev/ptmx', attempt: () => open('/dev/ptmx', O.RDWR | O.NOCTTY) },
  {
    name: 'type-into-terminal',
    shows: 'types into the terminal that the server was started from (TIOCSTI)',
    apart: 'a worker has no terminal on its descriptors at any level',
    attempt: () => call('ioctl', 2, 0x5412, text('x')),
  },
];

/** Node 20 pads a name with zeros, which then belong to it; newer ones do not. */
function connectToAbstractName(targets) {
  const address = unixAddress(`\0${targets.abstractName}`);
  try {
    return connectTo(AF.UNIX, SOCK.STREAM, address);
  } catch {
    return connectTo(AF.UNIX, SOCK.STREAM, Buffer.concat([address], 110));
  }
}

function listen() {
  const descriptor = socket(AF.INET, SOCK.STREAM);
  call('bind', descriptor, loopback(0), 16);
  return call('listen', descriptor, 1);
}

/** One blank line for the other end to read, and descriptor 0 along with it. */
function sendDescriptor() {
  const line = Buffer.from('\n');
  const data = vector(addressOf(line), line.length);
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeUInt32LE(1, 8); // SOL_SOCKET
  control.writeUInt32LE(1, 12); // SCM_RIGHTS
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(addressOf(data), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(addressOf(control), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  return call('sendmsg', 3, message, 0) === line.length;
}
