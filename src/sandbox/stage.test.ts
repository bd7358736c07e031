import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { Stage } from './stage.ts';

const closed = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-closed-')));
const open = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-open-')));
chmodSync(open, 0o755);
afterAll(() => {
  for (const folder of [closed, open]) rmSync(folder, { recursive: true, force: true });
});

afterEach(() => void vi.unstubAllEnvs());

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

function lacking(detail: RegExp): unknown {
  return expect.objectContaining({ code: 'ENVIRONMENT_LACKING', detail: expect.stringMatching(detail) });
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

  it("copies what others may write or run with its owner's rights, instead of opening a way to it", () => {
    const stage = new Stage();
    for (const mode of [0o646, 0o664, 0o4755]) {
      const place = file(closed, `mode-${mode.toString(8)}`, mode);
      stage.add([{ path: place, access: 'read' }]);
      expect(statSync(stage.pathOf(place)).ino).not.toBe(statSync(place).ino);
      expect(statSync(stage.pathOf(place)).mode & 0o6022).toBe(0);
      expect(readFileSync(stage.pathOf(place), 'utf8')).toBe(path.basename(place));
    }
    stage.remove();
  });

  it('keeps links in a folder, and opens all of it under any umask', () => {
    const umask = process.umask(0o077);
    const stage = new Stage();
    const main = file(closed, 'linked/deep/main.js', 0o644);
    symlinkSync('deep', path.join(closed, 'linked/current'));
    stage.add([{ path: path.join(closed, 'linked'), access: 'folder' }]);
    process.umask(umask);
    const staged = stage.pathOf(path.join(closed, 'linked'));
    expect(readlinkSync(path.join(staged, 'current'))).toBe('deep');
    expect(isOpen(path.join(staged, 'current/main.js'))).toBe(true);
    expect(stage.pathOf(main)).toBe(path.join(staged, 'deep/main.js'));
    stage.remove();
  });

  it('puts back what was cleaned away, but not into what somebody else put there', () => {
    const stage = new Stage();
    const app = path.join(closed, 'cleaned');
    const places = [file(closed, 'cleaned/a.js', 0o644), file(closed, 'cleaned/deep/b.js', 0o600)];
    stage.add([{ path: app, access: 'folder' }]);
    const root = stage.pathOf(app).slice(0, -app.length);
    rmSync(stage.pathOf(places[0]));
    stage.restore();
    expect(places.map((place) => readFileSync(stage.pathOf(place), 'utf8'))).toEqual(['cleaned/a.js', 'cleaned/deep/b.js']);
    rmSync(root, { recursive: true });
    stage.restore();
    expect(places.map((place) => isOpen(stage.pathOf(place)))).toEqual([true, true]);
    rmSync(root, { recursive: true });
    symlinkSync(open, root);
    expect(() => stage.restore()).toThrow(lacking(/is somebody else's; TMPDIR=/));
    expect(readdirSync(open)).not.toContain(closed.split('/')[1]);
    rmSync(root);
    stage.remove();
  });

  it('says which folder does not take the files', () => {
    vi.stubEnv('TMPDIR', '/nowhere');
    const place = file(closed, 'd.js', 0o644);
    expect(() => new Stage().add([{ path: place, access: 'read' }])).toThrow(lacking(/, \/nowhere: ENOENT.*; TMPDIR=/));
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
