// A decoder whose process an attacker owns can fail the image that it was given, and nothing else: every lie ends it, the next image gets a
// new one, and no byte that was not asked for reaches a model.
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ImageJob } from '../../../src/contract/index.ts';
import { ImageDecoder, type ImageDecoderLimits } from '../../../src/serving/images/image-decoder.ts';
import { plainJail } from '../../support/plain-jail.ts';
import { png } from './make-images.ts';

const entry = path.join(import.meta.dirname, 'fake-decoder.mjs');
const source = png({ width: 100, height: 100 });

const turn = { owner: {}, timeoutMs: 60_000 };

const open: ImageDecoder[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((decoder) => decoder.close()));
});

function make(limits: Partial<ImageDecoderLimits> = {}) {
  const causes: string[] = [];
  const decoder = new ImageDecoder({ jail: plainJail(), entry, limits, onBroken: ({ code }) => causes.push(code) });
  open.push(decoder);
  return { decoder, causes };
}

/** The fake decoder does what the width that is asked for says; 17, 19 and more are honest. */
function job(misdeed: number): ImageJob {
  const resultWidth = misdeed;
  return {
    tensorIndex: 0,
    elementIndex: 0,
    path: 'images[0]',
    width: 100,
    height: 100,
    resultWidth,
    resultHeight: misdeed,
    firstFrameOnly: true,
  };
}

const lies: [string, number, string][] = [
  ['a wrong magic number', 1, 'WORKER_PROTOCOL_VIOLATION'],
  ['an answer of a kind that there is not', 2, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image of 4 GiB', 3, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image that is too large', 4, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image that is too small', 18, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image with text in it', 5, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image with something behind it', 6, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image that inflates to more', 7, 'WORKER_PROTOCOL_VIOLATION'],
  ['another format', 8, 'WORKER_PROTOCOL_VIOLATION'],
  ['that it is ready, again', 13, 'WORKER_PROTOCOL_VIOLATION'],
  ['that it cannot, with words of its own', 14, 'WORKER_PROTOCOL_VIOLATION'],
  ['an image with a wrong checksum', 16, 'WORKER_PROTOCOL_VIOLATION'],
  ['its exit', 10, 'IMAGE_UNDECODABLE'],
  ['a crash', 11, 'IMAGE_UNDECODABLE'],
  ['half an image and its exit', 15, 'IMAGE_UNDECODABLE'],
];

describe('a decoder that answers with', () => {
  it.each(lies)('%s: fails that image and is replaced', async (_name, misdeed, code) => {
    const { decoder, causes } = make();
    await expect(decoder.decode(job(misdeed), source, turn)).rejects.toMatchObject({ code });
    expect((await decoder.decode(job(20), source, turn)).length).toBeGreaterThan(60);
    expect(causes).toEqual([code]);
  });

  it('bytes after its answer: gives the next image to another process', async () => {
    const { decoder } = make();
    await decoder.decode(job(9), source, turn);
    const first = decoder.processId;
    // The answer before was right; what came after it is seen at the latest with the next one.
    await decoder.decode(job(20), source, turn).catch(() => decoder.decode(job(20), source, turn));
    expect(decoder.processId).not.toBe(first);
  });

  it('nothing at all: is ended at the deadline, and only that image fails', async () => {
    const { decoder, causes } = make({ timeoutMs: 300 });
    const [hung, next] = await Promise.allSettled([decoder.decode(job(12), source, turn), decoder.decode(job(20), source, turn)]);
    expect(hung).toMatchObject({ status: 'rejected', reason: { code: 'IMAGE_UNDECODABLE' } });
    expect(next.status).toBe('fulfilled');
    expect(causes).toEqual(['IMAGE_UNDECODABLE']);
  });
});

it('says nothing of this machine to a client', async () => {
  const { decoder } = make();
  const error = await decoder.decode(job(11), source, turn).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: 'An image cannot be decoded at images[0]: expected an image that can be decoded, got one that stops the decoder',
  });
});
