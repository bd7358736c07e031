// Which TensorFlow a server starts with, for every state that a store can be found in.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { changeSelection, readHistory, readSelection, recordAsked, recordEnded, type Selection } from '../runtime/index.ts';
import { noCounts } from '../serving/index.ts';
import { startRollout } from './rollout-start.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-rollout-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

const base: Selection = {
  format: 1,
  id: '0123456789abcdef',
  kind: 'promote',
  configured: '2.12.1',
  version: '2.21.0',
  previous: '2.12.1',
  by: 'me',
  at: '2026-06-01T12:00:00.000Z',
  state: 'done',
};

function given(part: Partial<Selection>): void {
  const selection = { ...base, ...part };
  changeSelection(store, () => selection);
  recordAsked(store, selection);
}

const zero = { movedMs: 0, observedMs: 0, moved: 0, counts: noCounts };
const outcome = () => readHistory(store).entries.at(-1)?.ended?.outcome;
const [namespace, pid] = ownerMark().split('-');

describe('startRollout()', () => {
  it('starts with what the configuration names where nothing was ever promoted', () => {
    expect(startRollout(store, '2.12.1')).toEqual({ tensorflow: '2.12.1' });
  });

  it('starts with what was promoted, and says so', () => {
    given({});
    expect(startRollout(store, '2.12.1')).toMatchObject({
      tensorflow: '2.21.0',
      notice: expect.stringContaining('promoted by me'),
    });
  });

  it('follows the configuration where it was changed since, and says so', () => {
    given({});
    expect(startRollout(store, '2.20.0')).toMatchObject({
      tensorflow: '2.20.0',
      notice: expect.stringContaining('the configuration counts'),
    });
    expect(startRollout(store, '2.21.0')).toEqual({ tensorflow: '2.21.0' });
  });

  it('starts with what served before, and leaves a change alone that nobody has begun', () => {
    given({ state: 'pending' });
    expect(startRollout(store, '2.12.1')).toMatchObject({
      tensorflow: '2.12.1',
      notice: expect.stringContaining('moves to 2.21.0'),
    });
    expect(readSelection(store)).toMatchObject({ kind: 'promote', state: 'pending' });
    expect(outcome()).toBeUndefined();
  });

  it.each([
    ['of a server that died', `${namespace}-${pid}-1`],
    ['of a server in another container', '1-2-3'],
    ['of nobody', undefined],
  ])('gives up a change that was begun, with the mark %s', (_what, owner) => {
    given({ state: 'moving', ...(owner === undefined ? {} : { owner }) });
    expect(startRollout(store, '2.12.1')).toMatchObject({
      tensorflow: '2.12.1',
      notice: expect.stringContaining('the server ended'),
    });
    expect(readSelection(store)).toMatchObject({ kind: 'rollback', state: 'done', version: '2.12.1', by: 'airlock' });
    expect(outcome()).toBe('interrupted');
    // And the next start has nothing to say.
    expect(startRollout(store, '2.12.1')).toEqual({ tensorflow: '2.12.1' });
  });

  it.each([
    ['completed', { kind: 'promote', by: 'me' }, 'completed'],
    [
      'gone back from',
      { kind: 'rollback', by: 'airlock', version: '2.12.1', previous: '2.21.0', reason: 'it failed' },
      'interrupted',
    ],
    ['gone back', { kind: 'rollback', by: 'me', version: '2.12.1', previous: '2.21.0' }, 'completed'],
  ] as const)('says once what came of a change that was %s when the server died before it could', (_what, part, wanted) => {
    given(part);
    startRollout(store, '2.12.1');
    expect(outcome()).toBe(wanted);
    const { entries } = readHistory(store);
    recordEnded(store, base.id, { ...zero, outcome: 'rolled back' });
    startRollout(store, '2.12.1');
    expect([entries.length, outcome()]).toEqual([1, 'rolled back']);
  });

  it('says who asked for a change when the command died before it could', () => {
    changeSelection(store, () => ({ ...base, state: 'pending', reason: 'why not' }));
    startRollout(store, '2.12.1');
    expect(readHistory(store).entries).toMatchObject([{ asked: { by: 'me', reason: 'why not' } }]);
    startRollout(store, '2.12.1');
    expect(readHistory(store).entries).toHaveLength(1);
  });

  it('does not take a change away from a server that lives', () => {
    given({ state: 'moving', owner: ownerMark() });
    expect(startRollout(store, '2.12.1')).toMatchObject({ tensorflow: '2.12.1' });
    expect(readSelection(store)).toMatchObject({ kind: 'promote', state: 'moving' });
  });

  it.each(['pending', 'moving'] as const)('goes back at once where that was asked for (%s)', (state) => {
    given({ kind: 'rollback', version: '2.12.1', previous: '2.21.0', state });
    expect(startRollout(store, '2.12.1')).toMatchObject({ tensorflow: '2.12.1', ended: { id: base.id, outcome: 'completed' } });
    expect(readSelection(store)).toMatchObject({ kind: 'rollback', state: 'done' });
    expect(outcome()).toBe('completed');
  });
});
