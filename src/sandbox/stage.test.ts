import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ownerMark } from './owner-mark.ts';
import { removeStaleStages, Stage } from './stage.ts';

const closed = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-closed-')));
const open = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-open-')));
chmodSync(open, 0o755);
afterAll(() => {
  for (const folder of [closed, open]) rmSync(folder, { recursive: true, force: true });
});

function file(folder: string, name: string, mode: number): string {
  const place = path.join(folder, name);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, name);
  chmodSync(place, mode);
  return place;
}

/** Whether others can walk to it and read it. */
function isOpen(place: string): boolean {
  for (let folder = path.dirname(place); folder !== '/'; folder = path.dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return (statSync(place).mode & 0o004) !== 0;
}

describe('Stage', () => {
  it('leaves alone what everybody can read', () => {
    const stage = new Stage();
    const place = file(open, 'a/b.js', 0o644);
    stage.add([{ path: place, access: 'read' }]);
    stage.add([{ path: path.dirname(place), access: 'folder' }]);
    expect(stage.pathOf(place)).toBe(place);
    stage.remove();
  });

  it('brings a closed folder into the open as it is, and keeps links working', () => {
    const stage = new Stage();
    const main = file(closed, 'app/dist/main.js', 0o644);
    const secret = file(closed, 'app/dist/deep/private.js', 0o600);
    const program = file(closed, 'app/program', 0o700);
    symlinkSync('dist', path.join(closed, 'app/current'));
    stage.add([
      { path: path.join(closed, 'app/current'), access: 'folder' },
      { path: program, access: 'execute' },
    ]);
    const staged = stage.pathOf(path.join(closed, 'app/current/main.js'));
    expect(staged).not.toBe(main);
    expect(isOpen(staged)).toBe(true);
    expect(readFileSync(staged, 'utf8')).toBe('app/dist/main.js');
    expect(statSync(staged).ino).toBe(statSync(main).ino);
    // A mode belongs to a file and not to its name: this one had to be copied, and the original stays closed.
    expect(isOpen(stage.pathOf(secret))).toBe(true);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(statSync(stage.pathOf(program)).mode & 0o777).toBe(0o755);
    expect(path.relative(stage.pathOf(secret), stage.pathOf(program))).toBe(path.relative(secret, program));
    stage.remove();
    expect(existsSync(staged)).toBe(false);
    expect(readFileSync(main, 'utf8')).toBe('app/dist/main.js');
  });

  it('stages all of a group when one of it is closed', () => {
    const stage = new Stage();
    const inOpen = file(open, 'c.js', 0o644);
    const inClosed = file(closed, 'c.js', 0o644);
    stage.add([
      { path: inOpen, access: 'read' },
      { path: inClosed, access: 'read' },
    ]);
    expect(stage.pathOf(inOpen)).not.toBe(inOpen);
    stage.remove();
  });
});

describe('removeStaleStages', () => {
  it('removes what dead servers left, and nothing else', () => {
    const make = (name: string): string => {
      const folder = path.join(tmpdir(), name);
      mkdirSync(folder);
      return folder;
    };
    const dead = make(`airlock-stage-${ownerMark()}1-abcdef`);
    const alive = make(`airlock-stage-${ownerMark()}-abcdef`);
    const elsewhere = make(`airlock-stage-1${ownerMark()}1-abcdef`);
    writeFileSync(path.join(dead, 'file'), '');
    removeStaleStages();
    expect([dead, alive, elsewhere].map((folder) => existsSync(folder))).toEqual([false, true, true]);
    for (const folder of [alive, elsewhere]) rmSync(folder, { recursive: true });
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`airlock-stage-${ownerMark()}`))).toEqual([]);
  });
});
