import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contents, manifestOf, savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { type ModelChunk, readModelContent } from '../../model/index.ts';
import { makeManifest } from '../format/index.ts';
import { verifiedContent } from './verified-content.ts';

async function* pieces(contents: Contents, length = 1_000): AsyncGenerator<ModelChunk> {
  for (const [name, content] of Object.entries(contents)) {
    const bytes = Buffer.from(content);
    let position = 0;
    do {
      yield { name, chunk: bytes.subarray(position, position + length) };
      position += length;
    } while (position < bytes.length);
  }
}

/** What came through, also when it ends with an error. */
async function pass(chunks: AsyncIterable<ModelChunk>, manifest = manifestOf(savedModel)) {
  const delivered: Record<string, Buffer> = {};
  let thrown: unknown;
  try {
    for await (const { name, chunk } of verifiedContent(chunks, manifest)) {
      delivered[name] = Buffer.concat([delivered[name] ?? Buffer.alloc(0), chunk]);
    }
  } catch (error) {
    thrown = error;
  }
  return { delivered, thrown };
}

const tampered = (text: string) => expect.objectContaining({ code: 'MODEL_TAMPERED', message: expect.stringContaining(text) });
const asBuffers = (contents: Contents) =>
  Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, Buffer.from(content)]));

describe('verifiedContent', () => {
  it('passes on what was signed, in pieces of any length', async () => {
    const length = fc.integer({ min: 1, max: 4_000 });
    await fc.assert(
      fc.asyncProperty(length, async (pieceLength) => {
        expect(await pass(pieces(savedModel, pieceLength))).toEqual({ delivered: asBuffers(savedModel), thrown: undefined });
      }),
      { numRuns: 30 },
    );
  });

  it('passes on what the reader of models gives, also where files are not for TensorFlow', async () => {
    const temporary = temporaryFolder();
    const contents = { ...savedModel, 'assets.extra/warmup': 'x' };
    writeContents(join(temporary.path, 'model'), contents);
    const chunks = readModelContent(join(temporary.path, 'model'));
    expect(await pass(chunks, manifestOf(contents))).toEqual({ delivered: asBuffers(savedModel), thrown: undefined });
    temporary.remove();
  });

  it('never delivers a changed file whole', async () => {
    const index = fc.integer({ min: 0, max: 2_999 });
    await fc.assert(
      fc.asyncProperty(index, fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 3_500 }), async (at, flip, length) => {
        const name = 'variables/variables.data-00000-of-00001';
        const bytes = Buffer.from(savedModel[name]);
        bytes[at] ^= flip;
        const { delivered, thrown } = await pass(pieces({ ...savedModel, [name]: bytes }, length));
        expect(thrown).toEqual(tampered(`${name}: other content`));
        expect(delivered[name]?.length ?? 0).toBeLessThan(bytes.length);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a changed file that is not the last', async () => {
    const { delivered, thrown } = await pass(pieces({ ...savedModel, 'saved_model.pb': 'evil' }));
    expect(thrown).toEqual(tampered('saved_model.pb: other content'));
    expect(delivered).toEqual({});
  });

  it('refuses a file that was not signed, before any of it', async () => {
    const { delivered, thrown } = await pass(pieces({ ...savedModel, 'assets/planted': '' }));
    expect(thrown).toEqual(tampered('assets/planted: a file that was not signed'));
    expect(delivered).not.toHaveProperty('assets/planted');
  });

  it('refuses a file that comes twice', async () => {
    async function* twice() {
      yield* pieces(savedModel);
      yield* pieces({ 'saved_model.pb': 'graph' });
    }
    expect((await pass(twice())).thrown).toEqual(tampered('saved_model.pb'));
  });

  it.each(['saved_model.pb', 'fingerprint.pb', 'variables/variables.index'])('misses %s', async (name) => {
    const { [name]: _, ...rest } = savedModel;
    expect((await pass(pieces(rest))).thrown).toEqual(tampered(`${name}: no such file`));
    expect((await pass(pieces({}))).thrown).toEqual(tampered('no such file'));
  });

  it('knows BLAKE2b', async () => {
    const { createHash } = await import('node:crypto');
    const files = Object.entries(savedModel).map(([name, content]) => {
      return { name, digest: createHash('blake2b512').update(content).digest('hex') };
    });
    const manifest = makeManifest(files, { hashType: 'blake2b', ignored: [] });
    expect((await pass(pieces(savedModel), manifest)).thrown).toBeUndefined();
    expect((await pass(pieces({ ...savedModel, 'saved_model.pb': 'evil' }), manifest)).thrown).toEqual(
      tampered('saved_model.pb'),
    );
  });
});
