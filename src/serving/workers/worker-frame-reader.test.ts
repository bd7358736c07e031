// However a stream is cut into chunks, the same frames come out; whatever is in it, nothing is kept that was not accepted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { encodeJsonFrame, encodeTensorFrame, type FrameHeader, frameKinds } from '../../tensor/index.ts';
import { WorkerFrameReader } from './worker-frame-reader.ts';

function collect(maxBodyBytes = 1000) {
  const frames: string[] = [];
  const started: number[] = [];
  const reader = new WorkerFrameReader<string>({
    acceptStart: () => started.push(frames.length),
    acceptHeader: ({ metaBytes, bodyBytes }: FrameHeader) => {
      if (metaBytes > 500 || bodyBytes > maxBodyBytes) throw new AirlockError('WORKER_PROTOCOL_VIOLATION');
    },
    acceptMeta: (_header, meta) => meta.toString('hex'),
    receive: ({ id }, meta, body) => frames.push(`${id} ${meta} ${body.toString('hex')}`),
  });
  return { reader, frames, started };
}

const frames = fc.oneof(
  fc
    .uint8Array({ maxLength: 100 })
    .map((bytes) =>
      Buffer.concat(
        encodeTensorFrame({ kind: frameKinds.result, id: 5 }, [
          { index: 0, tensor: { dtype: 'DT_UINT8', shape: [bytes.length], bytes } },
        ]),
      ),
    ),
  fc.constant(Buffer.concat(encodeTensorFrame({ kind: frameKinds.result, id: 6 }, []))),
  fc.string({ maxLength: 40 }).map((text) => encodeJsonFrame(frameKinds.error, 7, { text })),
);

function cutInto(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => stream.subarray(places[i], end));
}

describe('WorkerFrameReader', () => {
  it('gives the same frames for every way to cut the stream', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (list, cuts) => {
        const stream = Buffer.concat(list);
        const whole = collect();
        whole.reader.push(stream);
        expect(whole.frames).toHaveLength(list.length);
        expect(whole.started).toEqual([...list.keys()]);
        const pieces = collect();
        for (const chunk of cutInto(stream, cuts)) pieces.reader.push(chunk);
        expect(pieces).toMatchObject({ frames: whole.frames, started: whole.started });
        const bytes = collect();
        for (const byte of stream) bytes.reader.push(Buffer.of(byte));
        expect(bytes).toMatchObject({ frames: whole.frames, started: whole.started });
      }),
    );
  });

  it('refuses any garbage, and nothing but garbage, with a violation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 200 }), (bytes) => {
        const { reader, frames: got } = collect();
        try {
          reader.push(Buffer.from(bytes));
          expect.unreachable();
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('WORKER_PROTOCOL_VIOLATION');
        }
        expect(got).toEqual([]);
      }),
    );
  });

  it('refuses a long description before any byte of it has come', () => {
    const frame = encodeJsonFrame(frameKinds.error, 1, 'x'.repeat(600));
    const { reader } = collect();
    expect(() => reader.push(frame.subarray(0, 32))).toThrow(expect.objectContaining({ code: 'WORKER_PROTOCOL_VIOLATION' }));
  });
});
