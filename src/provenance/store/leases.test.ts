import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../tests/support/model-folder.ts';
import { ownerMark } from '../../core/index.ts';
import { Heartbeat, heartbeatMs, isAbandoned, silentAfterMs } from './heartbeat.ts';
import { Leases } from './leases.ts';

const identity = 'a'.repeat(64);
const other = 'b'.repeat(64);
/** Of a process that lived here and is gone. */
const deadMark = `${ownerMark()}1`;
/** Of some process in another container. */
const foreignMark = '1-2-3';

let temporary = temporaryFolder();
let folder = '';
beforeEach(() => {
  temporary = temporaryFolder();
  folder = join(temporary.path, 'leases');
});
afterEach(() => {
  vi.useRealTimers();
  temporary.remove();
});

function setAge(place: string, ageMs: number): void {
  const time = new Date(Date.now() - ageMs);
  utimesSync(place, time, time);
}

function leave(name: string, ageMs = 0): string {
  mkdirSync(folder, { recursive: true });
  const place = join(folder, name);
  writeFileSync(place, '');
  setAge(place, ageMs);
  return place;
}

describe('Leases', () => {
  it('say nothing when they cannot be listed, which must not look like nobody', async () => {
    writeFileSync(folder, 'not a folder');
    await expect(new Leases(folder, new Heartbeat()).living()).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('hold an identity from take to release, each for itself', async () => {
    const leases = new Leases(folder, new Heartbeat());
    expect(await leases.living()).toEqual(new Set());
    const [first, second] = [await leases.take(identity), await leases.take(identity)];
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await leases.release(first);
    await leases.release(first);
    expect(await leases.living()).toEqual(new Set([identity]));
    await leases.release(second);
    expect(await leases.living()).toEqual(new Set());
  });

  it('release only their own when all are released', async () => {
    const [leases, others] = [new Leases(folder, new Heartbeat()), new Leases(folder, new Heartbeat())];
    await leases.take(identity);
    await leases.take(identity);
    await others.take(other);
    await leases.releaseAll();
    expect(await leases.living()).toEqual(new Set([other]));
    await others.releaseAll();
  });

  it('are kept alive from take to release', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const leases = new Leases(folder, new Heartbeat());
    const lease = await leases.take(identity);
    expect(vi.getTimerCount()).toBe(1);
    await leases.release(lease);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('void those of dead processes, and leave what is none', async () => {
    const leases = new Leases(folder, new Heartbeat());
    const dead = leave(`${identity}.${deadMark}.0a`);
    leave(`${other}.${ownerMark()}.0a`);
    leave('something else');
    expect(await leases.living()).toEqual(new Set([other]));
    expect(existsSync(dead)).toBe(false);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('void those of other machines after an hour of silence', async () => {
    const leases = new Leases(folder, new Heartbeat());
    leave(`${identity}.${foreignMark}.0a`, silentAfterMs - 60_000);
    const silent = leave(`${other}.${foreignMark}.0b`, silentAfterMs + 60_000);
    expect(await leases.living()).toEqual(new Set([identity]));
    expect(existsSync(silent)).toBe(false);
  });
});

describe('Heartbeat', () => {
  it('renews the times of what it holds, and survives that something is gone', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const heartbeat = new Heartbeat();
    const [kept, gone] = [leave('kept', silentAfterMs), join(folder, 'gone')];
    heartbeat.add(kept);
    heartbeat.add(gone);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(heartbeatMs);
    await expect.poll(() => Date.now() - statSync(kept).mtimeMs).toBeLessThan(60_000);
    heartbeat.delete(gone);
    setAge(kept, silentAfterMs);
    vi.advanceTimersByTime(heartbeatMs);
    await expect.poll(() => Date.now() - statSync(kept).mtimeMs).toBeLessThan(60_000);
    heartbeat.delete(kept);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('isAbandoned', () => {
  it('goes by the process where that can be seen, and else by time', async () => {
    const old = leave('old', 2 * silentAfterMs);
    expect(await isAbandoned(ownerMark(), old)).toBe(false);
    expect(await isAbandoned(deadMark, old)).toBe(true);
    expect(await isAbandoned(foreignMark, old)).toBe(true);
    expect(await isAbandoned(foreignMark, leave('new'))).toBe(false);
    expect(await isAbandoned('no mark', old)).toBe(true);
    expect(await isAbandoned(foreignMark, join(folder, 'gone'))).toBe(false);
  });
});
