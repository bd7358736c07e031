// A program that stands in for `python3 -m pip` where pip is not what is tested: it says the settings that it was given, and hands over files without
// looking at them. Python takes a second to start; and the real pip refuses by itself what Airlock has to refuse too.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakePip {
  /** The whole environment to run it with. */
  readonly env: Readonly<Record<string, string>>;
  /** A file that every download leaves, whatever it was asked for; in place of those before. */
  offer(name: string, content: Buffer): void;
  /** The arguments of each call so far, without `-m pip`. */
  asked(): readonly string[];
}

/**
 * @param folder A new folder for it; its parent exists.
 * @param settings What `pip config list` says, as from the environment: `{ 'no-index': '1' }`.
 */
export function makeFakePip(folder: string, settings: Readonly<Record<string, string>>): FakePip {
  const [bin, wheels, log] = [join(folder, 'bin'), join(folder, 'wheels'), join(folder, 'asked')];
  mkdirSync(bin, { recursive: true });
  mkdirSync(wheels);
  writeFileSync(log, '');
  const listed = Object.entries(settings).map(([key, value]) => `:env:.${key}='${value}'\n`);
  writeFileSync(join(folder, 'settings'), listed.join(''));
  const script = [
    '#!/bin/sh',
    `shift 2; echo "$*" >> '${log}'`,
    `case "$*" in "config list"*) cat '${folder}/settings'; exit 0;; esac`,
    'for last; do :; done',
    `cp '${wheels}'/* "\${last#--dest=}/"`,
  ];
  writeFileSync(join(bin, 'python3'), `${script.join('\n')}\n`, { mode: 0o755 });
  return {
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder },
    offer(name, content) {
      rmSync(wheels, { recursive: true });
      mkdirSync(wheels);
      writeFileSync(join(wheels, name), content);
    },
    asked: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
  };
}
