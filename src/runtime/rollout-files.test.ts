// The files by which a change of TensorFlow is asked for and recorded: what is written is read back, what others could have written is refused, and what is damaged
// changes nothing.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { askPromotion, askRollback, readStoreState } from './ask-rollout.ts';
import { assertRehearsed } from './check-rehearsal.ts';
import { type RolloutEnd, readHistory, recordAsked, recordEnded } from './history.ts';
import { builtInPins } from './pin.ts';
import { parseRehearsal, type RehearsalRecord, readRehearsals, rehearsalsOf, writeRehearsal } from './rehearsal-record.ts';
import { removeSlot } from './remove-slot.ts';
import { changeSelection, chosenVersion, readSelection, rolloutOf, type Selection, selectedVersion } from './selection.ts';
import { readServingNote, writeServingNote } from './serving-note.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-rollout-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

const now = new Date('2026-06-01T12:00:00.000Z');
const daysAgo = (days: number): string => new Date(now.getTime() - days * 24 * 3_600_000).toISOString();

const promoted: Selection = {
  format: 1,
  id: '0123456789abcdef',
  kind: 'promote',
  configured: '2.12.1',
  version: '2.21.0',
  previous: '2.12.1',
  by: 'me',
  at: now.toISOString(),
  state: 'done',
};

const record: RehearsalRecord = {
  format: 1,
  id: 'r1',
  from: '2.12.1',
  to: '2.21.0',
  startedAt: daysAgo(1),
  endedAt: daysAgo(1),
  verdict: 'same',
  reasons: [],
  models: [
    { name: 'm', version: '1', identity: 'abc', verdict: 'same', requests: 3, maxAbsolute: 0, maxRelative: 0, classFlips: 0 },
  ],
};

const end: RolloutEnd = {
  outcome: 'completed',
  movedMs: 1,
  observedMs: 2,
  moved: 1,
  counts: { requests: 1, failed: 0, saved: 0, compared: 0, drifted: 0, unstable: 0, maxAbsolute: -1, maxRelative: 0 },
};

const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe('the selection', () => {
  it('is the configuration until something is promoted, and again when the configuration changes', () => {
    expect(selectedVersion(store, '2.12.1')).toBe('2.12.1');
    changeSelection(store, () => promoted);
    expect(selectedVersion(store, '2.12.1')).toBe('2.21.0');
    expect(selectedVersion(store, '2.20.0')).toBe('2.20.0');
    expect(readSelection(store)).toEqual(promoted);
  });

  it.each([
    [{ kind: 'promote', state: 'pending' }, '2.12.1', '2.21.0'],
    [{ kind: 'promote', state: 'moving' }, '2.12.1', '2.21.0'],
    [{ kind: 'promote', state: 'done' }, '2.21.0', '2.12.1'],
    [{ kind: 'rollback', state: 'pending' }, '2.21.0', undefined],
    [{ kind: 'rollback', state: 'done' }, '2.21.0', undefined],
  ] as const)('means with %j that %s serves and %s is kept', (part, version, kept) => {
    expect(chosenVersion({ ...promoted, ...part }, '2.12.1')).toEqual({ version, kept });
  });

  it('is private, and refused when it is not', () => {
    changeSelection(store, () => promoted);
    const file = join(rolloutOf(store), 'selection.json');
    expect([statSync(rolloutOf(store)).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    chmodSync(file, 0o622);
    expect(() => readSelection(store)).toThrow(code('STORE_UNSAFE'));
    chmodSync(file, 0o600);
    chmodSync(rolloutOf(store), 0o777);
    expect(() => selectedVersion(store, '2.12.1')).toThrow(code('STORE_UNSAFE'));
    chmodSync(rolloutOf(store), 0o700);
    rmSync(file);
    writeFileSync(join(store, 'elsewhere'), JSON.stringify(promoted), { mode: 0o600 });
    symlinkSync(join(store, 'elsewhere'), file);
    expect(() => readSelection(store)).toThrow(code('STORE_UNSAFE'));
  });

  it('is what was written or refused, whatever is done to its bytes', () => {
    changeSelection(store, () => promoted);
    const file = join(rolloutOf(store), 'selection.json');
    const honest = readFileSync(file);
    const change = fc.record({ at: fc.nat(honest.length - 1), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    fc.assert(
      fc.property(change, ({ at, byte, cut }) => {
        const bytes = cut ? honest.subarray(0, at) : Buffer.from(honest);
        if (!cut) bytes[at] = byte;
        writeFileSync(file, bytes, { mode: 0o600 });
        try {
          const read = readSelection(store);
          expect(read?.version).toMatch(/^\d+\.\d+\.\d+$/);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'STORE_UNSAFE' });
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is too large, or no plain file: refused', () => {
    mkdirSync(rolloutOf(store), { mode: 0o700 });
    const file = join(rolloutOf(store), 'selection.json');
    writeFileSync(file, ' '.repeat(70_000), { mode: 0o600 });
    expect(() => readSelection(store)).toThrow(code('STORE_UNSAFE'));
    rmSync(file);
    mkdirSync(file, { mode: 0o700 });
    expect(() => readSelection(store)).toThrow(code('STORE_UNSAFE'));
  });
});

describe('rehearsals', () => {
  it('are kept by their id, and read back the newest first', () => {
    writeRehearsal(store, { ...record, id: 'older', endedAt: daysAgo(3) });
    const file = writeRehearsal(store, record);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readRehearsals(store)).toMatchObject({ records: [{ id: 'r1' }, { id: 'older' }], unreadable: [] });
    expect(() => writeRehearsal(store, { ...record, id: '../x' })).toThrow(code('INTERNAL'));
  });

  it('go with their reports 90 days after they ended, and nothing else goes', () => {
    const folder = rehearsalsOf(store);
    const kept = ['days-90.html', 'notes.txt'];
    for (const days of [89, 90, 91, 400]) {
      writeRehearsal(store, { ...record, id: `days-${days}`, endedAt: daysAgo(days) });
      writeFileSync(join(folder, `days-${days}.html`), '');
    }
    writeFileSync(join(folder, 'notes.txt'), '');
    writeRehearsal(store, { ...record, endedAt: daysAgo(0) });
    const names = readdirSync(folder).sort();
    expect(names).toEqual(['days-89.html', 'days-89.json', 'days-90.json', ...kept, 'r1.json'].sort());
  });

  it('count for nothing when they are damaged, copied or open to others', () => {
    writeRehearsal(store, record);
    const folder = rehearsalsOf(store);
    writeFileSync(join(folder, 'copy.json'), readFileSync(join(folder, 'r1.json')), { mode: 0o600 });
    writeFileSync(join(folder, 'more.json'), JSON.stringify({ ...record, id: 'more', extra: 1 }), { mode: 0o600 });
    writeFileSync(join(folder, 'open.json'), JSON.stringify({ ...record, id: 'open' }), { mode: 0o600 });
    chmodSync(join(folder, 'open.json'), 0o666);
    const { records, unreadable } = readRehearsals(store);
    expect([records.map(({ id }) => id), unreadable]).toEqual([['r1'], ['copy.json', 'more.json', 'open.json']]);
  });

  it('are parsed from any text without an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseRehearsal(text)).toBeUndefined();
      }),
    );
  });
});

describe('assertRehearsed()', () => {
  const question = {
    from: '2.12.1',
    to: '2.21.0',
    served: [{ name: 'm', version: '1', identity: 'abc' }],
    acceptChanges: false,
    now,
  };

  it('takes a rehearsal of exactly what is served', () => {
    writeRehearsal(store, record);
    expect(assertRehearsed(store, question)).toEqual({ verdict: 'same', rehearsals: ['r1'] });
    expect(assertRehearsed(store, { ...question, served: undefined })).toEqual({ verdict: 'same', rehearsals: ['r1'] });
  });

  it('asks the newest rehearsal where nothing is served', () => {
    expect(() => assertRehearsed(store, { ...question, served: [] })).toThrow(code('REHEARSAL_MISSING'));
    writeRehearsal(store, record);
    expect(assertRehearsed(store, { ...question, served: [] })).toEqual({ verdict: 'same', rehearsals: ['r1'] });
    writeRehearsal(store, { ...record, verdict: 'failed' });
    expect(() => assertRehearsed(store, { ...question, served: [] })).toThrow(code('REHEARSAL_DIFFERS'));
  });

  it.each([
    ['of other bytes', { served: [{ name: 'm', version: '1', identity: 'other' }] }],
    ['of another version', { served: [{ name: 'm', version: '2', identity: 'abc' }] }],
    ['of another model too', { served: [...question.served, { name: 'n', version: '1', identity: 'abc' }] }],
    ['from another TensorFlow', { from: '2.20.0' }],
    ['to another TensorFlow', { to: '2.20.0' }],
    ['that is too old', { now: new Date(now.getTime() + 30 * 24 * 3_600_000) }],
    ['that is from the future', { now: new Date(now.getTime() - 3 * 24 * 3_600_000) }],
  ])('misses one %s', (_what, part) => {
    writeRehearsal(store, record);
    expect(() => assertRehearsed(store, { ...question, ...part })).toThrow(code('REHEARSAL_MISSING'));
  });

  it('lets a person decide about changed answers, and nobody about a failure', () => {
    const [model] = record.models;
    writeRehearsal(store, { ...record, verdict: 'changed', models: [{ ...model, verdict: 'changed' }] });
    expect(() => assertRehearsed(store, question)).toThrow(code('REHEARSAL_DIFFERS'));
    expect(assertRehearsed(store, { ...question, acceptChanges: true })).toMatchObject({ verdict: 'changed' });
    writeRehearsal(store, { ...record, verdict: 'failed', models: [{ ...model, verdict: 'failed' }] });
    expect(() => assertRehearsed(store, { ...question, acceptChanges: true })).toThrow(code('REHEARSAL_DIFFERS'));
    // A record that is worse than its models is believed.
    writeRehearsal(store, { ...record, verdict: 'failed' });
    expect(() => assertRehearsed(store, { ...question, acceptChanges: true })).toThrow(code('REHEARSAL_DIFFERS'));
  });

  it('believes the newest about each model, also when they were rehearsed one by one', () => {
    const [model] = record.models;
    writeRehearsal(store, { ...record, id: 'a', endedAt: daysAgo(5), models: [{ ...model, name: 'n' }] });
    writeRehearsal(store, {
      ...record,
      id: 'b',
      endedAt: daysAgo(4),
      verdict: 'changed',
      models: [{ ...model, verdict: 'changed' }],
    });
    const served = [...question.served, { name: 'n', version: '1', identity: 'abc' }];
    expect(() => assertRehearsed(store, { ...question, served })).toThrow(code('REHEARSAL_DIFFERS'));
    writeRehearsal(store, record);
    expect(assertRehearsed(store, { ...question, served })).toEqual({ verdict: 'same', rehearsals: ['r1', 'a'] });
  });
});

describe('asking', () => {
  const ask = (over: object = {}) =>
    askPromotion(store, readStoreState(store, '2.12.1', '2.21.0'), {
      version: '2.21.0',
      by: 'me',
      unsafeUnrehearsed: true,
      now,
      ...over,
    });

  it('is written down, and is one at a time', () => {
    const asked = ask({ reason: 'why not' });
    expect(asked).toMatchObject({ state: 'pending', verdict: 'unrehearsed', previous: '2.12.1' });
    expect(readSelection(store)).toEqual(asked);
    expect(readHistory(store).entries).toMatchObject([{ asked: { id: asked.id, reason: 'why not' } }]);
    expect(() => ask()).toThrow(code('PROMOTION_BUSY'));
    // Nothing moves before a server has moved it.
    expect(selectedVersion(store, '2.12.1')).toBe('2.12.1');
  });

  it('needs a rehearsal, and another version than serves', () => {
    expect(() => ask({ unsafeUnrehearsed: false })).toThrow(code('REHEARSAL_MISSING'));
    expect(() => ask({ version: '2.12.1' })).toThrow(code('USAGE'));
    writeRehearsal(store, record);
    expect(ask({ unsafeUnrehearsed: false })).toMatchObject({ verdict: 'same', rehearsal: 'r1' });
  });

  it('can be taken back, once', () => {
    expect(() => askRollback(store, '2.12.1', { by: 'me' })).toThrow(code('USAGE'));
    ask();
    expect(askRollback(store, '2.12.1', { by: 'me' })).toMatchObject({ kind: 'rollback', version: '2.12.1', state: 'pending' });
    expect(selectedVersion(store, '2.12.1')).toBe('2.12.1');
    expect(() => askRollback(store, '2.12.1', { by: 'me' })).toThrow(code('USAGE'));
  });

  it('believes a server that runs, and not one that ended', () => {
    const note = {
      format: 1,
      configured: '2.12.1',
      tensorflow: '2.12.1',
      models: [{ name: 'm', version: '1', identity: 'abc' }],
    } as const;
    writeServingNote(store, { ...note, owner: ownerMark() });
    expect(readStoreState(store, undefined, '2.21.0')).toMatchObject({ configured: '2.12.1', served: note.models });
    expect(() => readStoreState(store, '2.20.0', '2.21.0')).toThrow(code('USAGE'));
    const [namespace, pid] = ownerMark().split('-');
    writeServingNote(store, { ...note, owner: `${namespace}-${pid}-1` });
    expect(readServingNote(store)).toBeUndefined();
    expect(readStoreState(store, undefined, '2.21.0')).toMatchObject({ configured: '2.21.0', served: undefined });
    changeSelection(store, () => promoted);
    expect(readStoreState(store, undefined, '2.20.0')).toMatchObject({
      configured: '2.12.1',
      tensorflow: '2.21.0',
      kept: '2.12.1',
    });
  });
});

describe('what must stay installed', () => {
  it.each([
    ['promotion', { kind: 'promote', state: 'moving' }, '2.21.0'],
    ['way back', { kind: 'rollback', state: 'pending', version: '2.12.1', previous: '2.21.0' }, '2.21.0'],
  ] as const)('is both while a %s is under way, whatever the server said last', async (_what, part, tensorflow) => {
    changeSelection(store, () => ({ ...promoted, configured: '2.9.1', ...part }));
    writeServingNote(store, { format: 1, owner: ownerMark(), configured: '2.9.1', tensorflow, models: [] });
    const state = readStoreState(store, undefined, '2.9.1');
    expect(state).toMatchObject({ tensorflow, kept: '2.12.1' });
    for (const version of ['2.12.1', '2.21.0'])
      await expect(removeSlot(store, state, version, builtInPins)).rejects.toThrow(code('USAGE'));
  });
});

describe('the history', () => {
  it('joins who asked with what came of it, in any order, and minds no line that was cut', () => {
    recordEnded(store, promoted.id, end, now);
    recordAsked(store, promoted);
    const file = join(rolloutOf(store), 'history.jsonl');
    writeFileSync(file, '{"event":"ask', { flag: 'a' });
    recordAsked(store, { ...promoted, id: 'fedcba9876543210' });
    const { entries, unreadable } = readHistory(store);
    expect(unreadable).toBe(1);
    expect(entries.map(({ asked, ended }) => [asked.id, ended?.outcome])).toEqual([
      [promoted.id, 'completed'],
      ['fedcba9876543210', undefined],
    ]);
    expect(entries[0]).toMatchObject({ ended: { ...end, at: now.toISOString() } });
  });

  it('is empty where nothing ever changed, and refused when others may write it', () => {
    expect(readHistory(store)).toEqual({ entries: [], unreadable: 0 });
    recordAsked(store, promoted);
    chmodSync(join(rolloutOf(store), 'history.jsonl'), 0o666);
    expect(() => readHistory(store)).toThrow(code('STORE_UNSAFE'));
  });
});
