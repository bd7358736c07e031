// The short form of tools/soak/soak.js: it exits with 1 when an answer was wrong, a request vanished, counts differ, or something was left behind.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { lacksLevel } from '../../../support/jail-level.ts';
import { needsRuntime } from '../../../support/runtime.ts';
import { root } from '../../../support/server.ts';

const missing = needsRuntime || lacksLevel('process');

it.skipIf(missing !== '')(
  `every request is answered rightly or accounted for while workers die and the disk is full${missing}`,
  async () => {
    const command = path.join(root, 'tools/soak/soak.js');
    const { stdout } = await promisify(execFile)(process.execPath, [command, '--seconds', '6', '--seed', '9']);
    expect(stdout).toContain('all of it holds');
    expect(stdout).toContain('wrong answers 0');
  },
  120_000,
);
