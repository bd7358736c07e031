// What attacks are made on: files, a stand-in for the server, a descriptor that leaked. All of it is made here and removed again, and
// `observe` says what attacks have changed of it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { getPriority, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { callByNumber } from './inside/native.mjs';

const folder = import.meta.dirname;
const fcntl = { x64: 72, arm64: 25 }[process.arch];
const duplicate = 0;
/** Far from the descriptors in use: libuv closes the first ones of a child, up to a gap, whether they are marked or not. */
const leakAt = 200;

/** Makes everything; `close` removes it. */
export async function makeTargets() {
  const root = mkdtempSync(path.join(tmpdir(), 'airlock-escape-'));
  const at = (...names) => path.join(root, ...names);
  const uniqueName = path.basename(root);
  mkdirSync(at('models'));
  mkdirSync(at('open'));
  mkdirSync(at('open', 'mount'));
  for (const name of ['public', 'removable', 'renamable']) writeFileSync(at('open', name), name);
  writeFileSync(at('secret'), 'the store’s secret', { mode: 0o600 });
  writeFileSync(at('models', 'other'), 'the other model');
  // Open to every user, as /tmp is: what is left to the jail must not be refused by the modes of files.
  for (const name of ['', 'models']) chmodSync(at(name), 0o755);
  for (const name of ['open', 'open/mount', 'open/public', 'open/removable', 'open/renamable']) chmodSync(at(name), 0o777);

  const files = { secretFile: at('secret'), socketPath: at('open', 'socket'), abstractName: uniqueName };
  const server = fork(path.join(folder, 'stand-in.mjs'), [JSON.stringify(files)], { env: { SECRET: 'x' }, execArgv: [] });
  const [addresses] = await once(server, 'message');
  const secret = openSync(at('secret'), 'r');
  // Native code forgets to mark descriptors as not to be inherited; Node never does.
  const leakedDescriptor = callByNumber(fcntl, [secret, duplicate, leakAt], 'fcntl');

  const targets = {
    ...files,
    ...addresses,
    uniqueName,
    leakedDescriptor,
    openFolder: at('open'),
    modelsFolder: at('models'),
    otherModelFile: at('models', 'other'),
    publicFile: at('open', 'public'),
    removableFile: at('open', 'removable'),
    renamableFile: at('open', 'renamable'),
    mountPoint: at('open', 'mount'),
    ownCode: path.join(folder, 'inside', 'runner.mjs'),
    otherUser: 61_183,
    machineName: hostname(),
  };

  return {
    targets,
    /** What attacks can have changed: of the server, what reached it and what it is held to; of the files, all. */
    async observe() {
      server.send('report');
      const [reached] = await once(server, 'message');
      return { ...reached, ...heldTo(addresses.server), files: describe(root) };
    },
    async close() {
      closeSync(secret);
      closeSync(leakedDescriptor);
      server.kill('SIGKILL');
      await once(server, 'exit');
      rmSync(root, { recursive: true, force: true });
      rmSync(`/dev/shm/${uniqueName}`, { force: true });
    },
  };
}

function heldTo(processId) {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  const limits = readFileSync(`/proc/${processId}/limits`, 'utf8');
  return {
    priority: getPriority(processId),
    cores: /^Cpus_allowed:\s*(.*)$/m.exec(status)[1],
    tracer: /^TracerPid:\s*(.*)$/m.exec(status)[1],
    pendingSignals: /^Max pending signals\s*(\S+)/m.exec(limits)[1],
  };
}

function describe(root) {
  return readdirSync(root, { recursive: true })
    .sort()
    .map((name) => {
      const { mode, uid, size, mtimeMs } = statSync(path.join(root, name));
      return [name, mode.toString(8), uid, size, mtimeMs].join(' ');
    });
}
