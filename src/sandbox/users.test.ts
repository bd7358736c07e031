import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { UserPool } from './users.ts';

const isRoot = process.getuid?.() === 0;

describe('UserPool', () => {
  it('gives each id once until it is given back', () => {
    const pool = new UserPool(65530, 65532);
    expect([pool.take(), pool.take(), pool.take()].sort()).toEqual([65530, 65531, 65532]);
    pool.giveBack(65531);
    expect(pool.take()).toBe(65531);
  });

  it.skipIf(!isRoot)(
    `keeps off the ids of processes${isRoot ? '' : ' (skipped: needs root to start one as another user)'}`,
    async () => {
      const id = 65519;
      const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
        uid: id,
        gid: id,
        cwd: '/',
      });
      await once(child.stdout, 'data');
      const pool = new UserPool(id, id + 2);
      expect([pool.take(), pool.take()].sort()).toEqual([id + 1, id + 2]);
      expect(() => pool.take()).toThrow(expect.objectContaining({ code: 'WORKER_START_FAILED' }));
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(pool.take()).toBe(id);
    },
  );
});
