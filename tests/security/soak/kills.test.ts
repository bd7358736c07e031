// The short form of kills.mjs: it exits with 1 when an answer was lost or mixed up, or anything was left behind.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { examineJail } from '../../../src/sandbox/index.ts';
import { needsRuntime, slot } from '../../support/runtime.ts';

const level = slot === undefined ? 'none' : (await examineJail()).level;
const isHeld = level === 'full' || level === 'process';
const missing = needsRuntime || (isHeld ? '' : ` (skipped: this machine holds a worker at level ${level} only)`);

it.skipIf(missing !== '')(
  `loses, mixes up and leaks nothing in 30 kills under load${missing}`,
  async () => {
    const command = path.join(import.meta.dirname, 'kills.mjs');
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, '--kills', '30', '--level', level]);
    expect(stderr).toBe('');
    expect(stdout).toContain(`| ${level} | 30 |`);
  },
  240_000,
);
