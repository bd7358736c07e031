// What holds the decoder: from outside, by what the kernel says; from inside, by what whoever takes it over can do before it gets the first
// image, which is nothing but compute and talk to the server.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoderEntry, decoderExecArgv, decoderFiles, sealArgument } from '../../../src/decoder/index.ts';
import { type Jail, openJail } from '../../../src/sandbox/index.ts';
import { lacksLevel, optionsFor } from '../../support/jail-level.ts';

const notBuilt = existsSync(decoderEntry) ? '' : ' (skipped: not built, run `npm run build`)';
const fixture = path.join(import.meta.dirname, 'inside-decoder.mjs');

describe.each(['full', 'process'] as const)('at level %s', (level) => {
  const why = notBuilt || lacksLevel(level);
  let jail: Jail;
  beforeAll(async () => {
    if (why === '') jail = await openJail(optionsFor(level));
  });
  afterAll(async () => {
    await jail?.close();
  });

  const limits = { memoryBytes: 512 * 1024 * 1024, maxTasks: 64 };

  it.skipIf(why !== '')(`the kernel confirms every layer before the first image${why}`, async () => {
    const process = jail.start({
      entry: decoderEntry,
      args: [sealArgument],
      execArgv: decoderExecArgv,
      readable: decoderFiles(),
      limits,
      onLog: () => undefined,
    });
    try {
      await new Promise((resolve) => process.socket.once('data', resolve));
      const attestation = await process.attest();
      expect(jail.missing(attestation, 2)).toEqual([]);
      expect(attestation.filters).toBe(2);
      // It would see one that is missing.
      expect(jail.missing({ ...attestation, filters: 1 }, 2)).not.toEqual([]);
    } finally {
      process.kill();
      await process.exited;
    }
  });

  it.skipIf(why !== '')(`it can open nothing, not even its own code, and dies of a forbidden call${why}`, async () => {
    const log: string[] = [];
    const process = jail.start({
      entry: fixture,
      args: [sealArgument, decoderEntry],
      execArgv: decoderExecArgv,
      readable: [fixture, ...decoderFiles()],
      limits,
      onLog: ({ text }) => log.push(text),
    });
    process.socket.resume();
    const exit = await process.exited;
    expect(log.filter((line) => !line.startsWith('Warning'))).toEqual([
      'read what it was loaded from: EACCES',
      'read the accounts: EACCES',
      'list the root: EACCES',
      'write a file: EACCES',
    ]);
    expect(exit.signal).toBe('SIGSYS');
  });
});
