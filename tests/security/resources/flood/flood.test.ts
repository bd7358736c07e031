// The short form of bench/flood.js: the honest client loses nothing. Its times are for a quiet machine to judge.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { lacksLevel } from '../../../support/jail-level.ts';
import { needsRuntime } from '../../../support/runtime.ts';
import { root } from '../../../support/server.ts';

const missing = needsRuntime || lacksLevel('process');

it.skipIf(missing !== '')(
  `an honest client gets every answer while 20 attackers send what is dear${missing}`,
  async () => {
    const command = path.join(root, 'bench/flood.js');
    const args = ['--only', 'airlock', '--built', '--greedy', '--seconds', '2', '--rounds', '1', '--max-ratio', '1000000'];
    // It fails where one request was lost, or the server ended.
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...args]);
    expect(stdout).toContain('100.00 %');
    expect(stdout).toMatch(/4\d\d: \d+/);
  },
  120_000,
);
