// Which level a server finds inside of containers, and that its processes really have it: Docker's default profile, a restricted pod of
// Kubernetes, and kernels without Landlock, each imitated by filters and capabilities on this machine. Nothing here is a real container.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { OpenJailOptions } from '../../../src/sandbox/index.ts';
import { isRoot, lacksLevel, nobody, notForOthers, notRoot } from '../../support/jail-level.ts';

interface Container {
  /** Undefined: root. */
  readonly userId?: number;
  readonly refuseNamespaces?: boolean;
  readonly hideLandlock?: boolean;
  /** Undefined: as they are. */
  readonly keptCapabilities?: readonly number[];
  /** Default false: no_new_privs is set. */
  readonly newPrivileges?: boolean;
}

interface Answer {
  readonly level?: string;
  readonly listing?: string;
  readonly missing?: readonly string[];
  readonly signal?: string;
  readonly userId?: number;
  readonly code?: string;
  readonly detail?: string;
}

async function serveIn(container: Container, options: OpenJailOptions = { require: 'process' }): Promise<Answer> {
  const { userId, ...settings } = container;
  const file = (name: string): string => path.join(import.meta.dirname, name);
  const args = [
    file('enter-container.mjs'),
    JSON.stringify(settings),
    process.execPath,
    file('server.mjs'),
    JSON.stringify(options),
  ];
  const user = userId === undefined || !isRoot ? {} : { uid: userId, gid: userId };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/', ...user });
  return JSON.parse(await text(child.stdout)) as Answer;
}

// Things are taken away from what this machine has: where namespaces are refused anyway, bubblewrap is not needed to see that.
const noRoot = notRoot || lacksLevel('process');
const noUser = (isRoot ? notForOthers : '') || lacksLevel('process');
const noNamespaces = noUser || lacksLevel('full');

// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap
const dockerCapabilities = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];
const docker: Container = { refuseNamespaces: true, keptCapabilities: dockerCapabilities, newPrivileges: true };
const pod: Container = { userId: nobody, refuseNamespaces: true, keptCapabilities: [] };

const held = { listing: 'EACCES', missing: [], signal: 'SIGKILL', withoutCapabilities: true, noNewPrivileges: true, filters: 1 };

describe("Docker's default profile", () => {
  it.skipIf(noRoot !== '')(`gives a server that is root the level process${noRoot}`, async () => {
    const answer = await serveIn(docker);
    expect(answer).toMatchObject({ ...held, level: 'process' });
    expect(answer.userId).toBeGreaterThanOrEqual(61184);
  });

  it.skipIf(noRoot !== '')(`refuses a root that cannot give itself up, and says what would help${noRoot}`, async () => {
    const answer = await serveIn({ ...docker, keptCapabilities: [] });
    expect(answer.code).toBe('ENVIRONMENT_LACKING');
    expect(answer.detail).toMatch(
      /level process is required and this machine has seccomp-only: user: .*unprivileged user, or give it CAP_SETUID/,
    );
  });

  it.skipIf(noRoot !== '')(`is not enough where full is required${noRoot}`, async () => {
    const answer = await serveIn(docker, { require: 'full' });
    expect(answer.code).toBe('ENVIRONMENT_LACKING');
    expect(answer.detail).toMatch(/level full is required and this machine has process: namespaces: .*user namespaces/);
  });
});

describe('a restricted pod of Kubernetes', () => {
  it.skipIf(noUser !== '')(
    `gives the level process with the runtime's default filter, as Docker does for a user who is not root${noUser}`,
    async () => {
      expect(await serveIn(pod)).toMatchObject({ ...held, level: 'process' });
    },
  );

  it.skipIf(noNamespaces !== '')(
    `gives the level full without a filter, where bubblewrap is in the image${noNamespaces}`,
    async () => {
      const answer = await serveIn({ userId: nobody });
      expect(answer).toMatchObject({ ...held, level: 'full' });
    },
  );
});

describe('a kernel without Landlock', () => {
  const kernel: Container = { userId: nobody, hideLandlock: true };

  it.skipIf(noUser !== '')(`is refused by default${noUser}`, async () => {
    const answer = await serveIn(kernel);
    expect(answer.code).toBe('ENVIRONMENT_LACKING');
    expect(answer.detail).toMatch(/this machine has seccomp-only: landlock: .*needs Linux 5\.13/);
  });

  it.skipIf(noNamespaces !== '')(`is served at an unsafe level that is asked for, with namespaces${noNamespaces}`, async () => {
    // They are kept, although they make no level by themselves: the root that is listed is an empty tree.
    const unsafe = await serveIn(kernel, { unsafeLevel: 'seccomp-only' });
    expect(unsafe).toMatchObject({ ...held, level: 'seccomp-only', listing: 'worked' });
    expect(unsafe).toMatchObject({ ownNamespaces: expect.arrayContaining(['mnt', 'net', 'pid', 'user']) });
  });

  it.skipIf(noUser !== '')(`has seccomp only where namespaces are refused too${noUser}`, async () => {
    const unsafe = await serveIn({ ...pod, hideLandlock: true }, { unsafeLevel: 'seccomp-only' });
    expect(unsafe).toMatchObject({ ...held, level: 'seccomp-only', listing: 'worked' });
    // Of a process that is undumpable and in the server's own namespaces, the kernel shows them to root alone.
    expect(unsafe).not.toHaveProperty('ownNamespaces');
  });
});
