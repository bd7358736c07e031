// A writer races the loading of a signed model. What is staged, or watched on its way, is what was signed, every time; who verifies a path
// and then loads that path gives the other model to TensorFlow. A load here is all of it but TensorFlow: every byte that a worker would get.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAirlockError } from '../../../src/core/index.ts';
import { type ModelChunk, readModelContent } from '../../../src/model/index.ts';
import { compareTree, openModelStore, verifiedContent } from '../../../src/provenance/store/index.ts';
import { manifestOf, savedModel, temporaryFolder, writeContents } from '../../support/model-folder.ts';

const signed = { ...savedModel, 'saved_model.pb': 'signed graph '.repeat(5_000) };
/** As long as the signed one in every file: nothing but the content tells. */
const evil = { ...savedModel, 'saved_model.pb': 'other  graph '.repeat(5_000), 'variables/variables.index': 'xedni' };
const manifest = manifestOf(signed);

/** A quiet machine needs 5 s. */
const timeLimitMs = 50_000;

let temporary = temporaryFolder();
let model = '';
let stopWriter = async (): Promise<number> => 0;
beforeEach(async () => {
  temporary = temporaryFolder();
  model = path.join(temporary.path, 'model');
  for (const name of ['model', 'good']) writeContents(path.join(temporary.path, name), signed);
  writeContents(path.join(temporary.path, 'evil'), evil);
  stopWriter = await startWriter();
});
afterEach(async () => {
  await stopWriter();
  temporary.remove();
});

/** The answer ends it and says how often it swapped. */
async function startWriter(): Promise<() => Promise<number>> {
  const script = path.join(import.meta.dirname, 'swapping-writer.js');
  const graphs = [signed['saved_model.pb'], evil['saved_model.pb']];
  const writer = spawn(process.execPath, [script, temporary.path, ...graphs], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(writer.stdout, 'data');
  const ended = once(writer, 'close');
  return async () => {
    writer.stdin.end();
    await ended;
    return Number(output.split('\n')[1]);
  };
}

interface Outcome {
  loads: number;
  refusals: number;
  /** Loads in which something was delivered that was not signed, whether or not they came to their end. */
  losses: number;
}

/** Loads again and again until it succeeded `wanted` times, or lost `enoughLosses` times, or time is up. */
async function race(
  load: (deliver: (chunk: ModelChunk) => void) => Promise<void>,
  isBad: (files: Readonly<Record<string, Buffer>>, isWhole: boolean) => boolean,
  wanted: number,
  enoughLosses = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const outcome: Outcome = { loads: 0, refusals: 0, losses: 0 };
  const endAt = performance.now() + timeLimitMs;
  while (outcome.loads < wanted && outcome.losses < enoughLosses && performance.now() < endAt) {
    const files: Record<string, Buffer> = {};
    let isWhole = false;
    try {
      await load(({ name, chunk }) => {
        files[name] = Buffer.concat([files[name] ?? Buffer.alloc(0), chunk]);
      });
      isWhole = true;
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
    }
    outcome[isWhole ? 'loads' : 'refusals']++;
    if (isBad(files, isWhole)) outcome.losses++;
  }
  return outcome;
}

const isSigned = (name: string, content: Buffer): boolean => {
  const expected: string | Buffer | undefined = new Map<string, string | Buffer>(Object.entries(signed)).get(name);
  return expected !== undefined && content.equals(Buffer.from(expected));
};

/** No file at all that was not signed, and all of them where the load came to its end. */
const hasUnsigned = (files: Readonly<Record<string, Buffer>>, isWhole: boolean): boolean =>
  Object.entries(files).some(([name, content]) => !isSigned(name, content)) ||
  (isWhole && Object.keys(files).length !== Object.keys(signed).length);

describe('a writer who exchanges the model while it is loaded', { timeout: 90_000 }, () => {
  it('never gets a byte of his into 500 loads from staged copies', async () => {
    const store = await openModelStore(path.join(temporary.path, 'store', 'models'));
    const outcome = await race(
      async (deliver) => {
        const staged = await store.stage(model, manifest);
        try {
          for await (const chunk of verifiedContent(readModelContent(staged.directory), manifest)) deliver(chunk);
        } finally {
          await staged.release();
          // So that the next one is copied again.
          await store.collect();
        }
      },
      hasUnsigned,
      500,
    );
    const swaps = await stopWriter();
    expect(outcome.losses).toBe(0);
    expect(outcome.loads).toBe(500);
    // He did race: often enough, and some loads saw it.
    expect(swaps).toBeGreaterThan(50);
    expect(outcome.refusals).toBeGreaterThan(5);
  });

  it('never gets a whole file of his past the watch on the contents, also without a copy', async () => {
    const outcome = await race(
      async (deliver) => {
        for await (const chunk of verifiedContent(readModelContent(model), manifest)) deliver(chunk);
      },
      hasUnsigned,
      500,
    );
    expect(outcome.losses).toBe(0);
    expect(outcome.loads).toBe(500);
    expect(outcome.refusals).toBeGreaterThan(5);
  });

  it('wins against whoever verifies a path and then loads the path', async () => {
    const outcome = await race(
      async (deliver) => {
        const { differences } = await compareTree(model, manifest);
        if (differences.length > 0) return;
        for await (const chunk of readModelContent(model)) deliver(chunk);
      },
      (files, isWhole) => isWhole && Object.entries(files).some(([name, content]) => !isSigned(name, content)),
      Number.POSITIVE_INFINITY,
      1,
    );
    expect(outcome.losses).toBe(1);
  });
});
