// Tries, inside the jail, a few things that must be refused there. It is a check of the jail by an honest worker, done before anything
// hostile is in the process; what holds the process is read from the kernel by the server, which does not rely on this.
import { hostArchitecture } from '../jail/index.ts';
import { cString, errnoName, tryCall } from '../kernel/index.ts';
import { type SelfTestName, type SelfTestResult, selfTestNames } from './worker-messages.ts';

const currentFolder = -100;
const readOnly = 0;
// O_TMPFILE | O_WRONLY: a file without a name, which is gone when it is closed.
const temporaryFile = { x86_64: 0o20200001, aarch64: 0o20040001 } as const;
const families = { unix: 1, ipv4: 2, netlink: 16 } as const;
const kinds = { stream: 1, datagram: 2 } as const;

// SAFETY: the paths end with 0 and are only read; everything else is numbers.
/** Each gives a new file descriptor, 0 or an error number below 0. */
const attempts: Readonly<Record<SelfTestName, () => bigint>> = {
  'list-root': () => tryCall('openat', currentFolder, cString('/'), readOnly, 0),
  'read-accounts': () => tryCall('openat', currentFolder, cString('/etc/passwd'), readOnly, 0),
  'create-file': () => tryCall('openat', currentFolder, cString('/tmp'), temporaryFile[hostArchitecture()], 0o600),
  'tcp-socket': () => tryCall('socket', families.ipv4, kinds.stream, 0),
  'udp-socket': () => tryCall('socket', families.ipv4, kinds.datagram, 0),
  'unix-socket': () => tryCall('socket', families.unix, kinds.stream, 0),
  'netlink-socket': () => tryCall('socket', families.netlink, kinds.datagram, 0),
  'signal-parent': () => tryCall('kill', process.ppid, 0),
  unshare: () => tryCall('unshare', 0),
  'memory-file': () => tryCall('memfd_create', cString('self-test'), 0),
};

/** Tries everything; leaves nothing open. */
export function selfTest(): SelfTestResult[] {
  return selfTestNames.map((name) => {
    const result = attempts[name]();
    if (result < 0n) return { name, outcome: 'refused', errno: errnoName(Number(-result)) };
    if (result > 0n) tryCall('close', result);
    return { name, outcome: 'worked' };
  });
}
