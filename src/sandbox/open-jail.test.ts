// Opening a jail on this very machine, whatever it has: what is found is compared with what processes in it really get.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lacksLevel, machine, nobody, notBuilt, notForOthers, notRoot } from '../../tests/support/jail-level.ts';
import { examineJail, openJail } from './index.ts';

const noProcess = lacksLevel('process');
const noFull = lacksLevel('full');

const noBubblewrap = { bubblewrap: '/nonexistent/bwrap' };

describe('examineJail', () => {
  it.skipIf(notBuilt !== '')(`reports on every layer${notBuilt}`, () => {
    const names = ['namespaces', 'landlock', 'seccomp', 'user', 'limits', 'cgroup-memory', 'cgroup-cpu', 'cgroup-tasks'];
    expect(machine?.layers.map((layer) => layer.layer)).toEqual(names);
    for (const { detail } of machine?.layers ?? []) expect(detail).not.toBe('');
  });

  it.skipIf(notBuilt !== '')(`finds no namespaces without bubblewrap, and says what would help${notBuilt}`, async () => {
    const { level, layers } = await examineJail({ ...noBubblewrap, cgroups: false });
    expect(level).not.toBe('full');
    expect(layers[0]).toMatchObject({ layer: 'namespaces', works: false });
    expect(layers[0].detail).toMatch(/bwrap.* is not in PATH; install bubblewrap/);
  });

  it.skipIf(notBuilt !== '')(`tells a bubblewrap that fails from one that works${notBuilt}`, async () => {
    const { level, layers } = await examineJail({ bubblewrap: '/bin/false', cgroups: false });
    expect(level).not.toBe('full');
    expect(layers[0]).toMatchObject({ works: false, detail: expect.stringMatching(/^exit code 1; /) });
    // The others are found all the same.
    for (const [index, layer] of (machine?.layers ?? []).entries()) {
      if (index > 0 && !layer.layer.startsWith('cgroup')) expect(layers[index].works).toBe(layer.works);
    }
  });
});

describe('openJail', () => {
  it.skipIf(noFull !== '')(`opens the best level there is${noFull}`, async () => {
    const jail = await openJail({ require: 'process', cgroups: false });
    expect(jail.level).toBe('full');
    await jail.close();
  });

  it.skipIf(noProcess !== '')(`opens process where there is no bubblewrap${noProcess}`, async () => {
    const jail = await openJail({ require: 'process', cgroups: false, ...noBubblewrap });
    expect(jail.level).toBe('process');
    await jail.close();
  });

  it.skipIf(notBuilt !== '')(`refuses less than what is required${notBuilt}`, async () => {
    const refused = openJail({ require: 'full', cgroups: false, ...noBubblewrap });
    await expect(refused).rejects.toMatchObject({
      code: 'ENVIRONMENT_LACKING',
      detail: expect.stringMatching(/^isolation level full is required and this machine has .*: namespaces: bubblewrap.*install/),
    });
  });

  it.skipIf(noProcess !== '')(`opens less only when an unsafe level says so, and then exactly that${noProcess}`, async () => {
    for (const unsafeLevel of ['seccomp-only', 'none'] as const) {
      const jail = await openJail({ unsafeLevel, cgroups: false });
      expect(jail.level).toBe(unsafeLevel);
      expect(jail.layers.find((layer) => layer.layer === 'landlock')?.works).toBe(false);
      await jail.close();
    }
  });

  it.skipIf(noProcess !== '')(`finds a level quickly${noProcess}`, async () => {
    const start = performance.now();
    await (await openJail({ require: 'process' })).close();
    // Usually 0.2 s. As long as this takes a machine on which a try runs into its limit.
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

/** Runs as nobody, in a /proc of its own that shows nobody what is not theirs. */
function withHiddenProcesses(program: string, args: readonly string[]): string {
  const steps = `mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid ${nobody} --regid ${nobody} --clear-groups "$@"`;
  return spawnSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', steps, 'sh', program, ...args], { encoding: 'utf8' })
    .stdout;
}

const notHidden = withHiddenProcesses('echo', ['works']) === 'works\n' ? '' : ' (skipped: needs unshare, setpriv and hidepid)';

describe('where /proc hides a process that is undumpable', () => {
  const whyNot = notRoot || noProcess || notForOthers || notHidden;
  it.skipIf(whyNot !== '')(`an unprivileged server does not open what it could not check later${whyNot}`, () => {
    const script = `import { openJail } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../dist/sandbox/index.js'))};
      const opened = openJail({ require: 'process', cgroups: false, bubblewrap: '/nonexistent' });
      console.log(await opened.then((jail) => jail.level, (error) => error.code + ' ' + error.detail));`;
    const said = withHiddenProcesses(process.execPath, ['--input-type=module', '-e', script]);
    expect(said).toMatch(/^ENVIRONMENT_LACKING .*seccomp: \/proc does not show it \(hidepid, ProtectProc=\); mount/);
  });
});
