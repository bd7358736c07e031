// Names of files that travel to a worker: what one side writes the other reads, and nothing that leads elsewhere passes either side.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFileHead, isPlainRelativeName, maxChunkBytes, maxNameBytes, readFileName } from './file-frame.ts';
import { frameHeaderBytes, frameKinds, readFrameHeader } from './frame.ts';

function readBack(head: Buffer): string {
  return readFileName(readFrameHeader(head, 0, 2 ** 40), head.subarray(frameHeaderBytes));
}

const violation = expect.objectContaining({ code: 'WORKER_PROTOCOL_VIOLATION' });

describe('a FILE frame', () => {
  it('carries any plain name', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => isPlainRelativeName(`${text}/a`));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.nat(maxChunkBytes), (parts, bytes) => {
        const head = encodeFileHead(parts.join('/'), bytes);
        expect(readFrameHeader(head, 0, maxChunkBytes)).toMatchObject({ kind: frameKinds.file, bodyBytes: bytes });
        expect(readBack(head)).toBe(parts.join('/'));
      }),
    );
  });

  it.each(['', '/', '/etc/passwd', '..', '../x', 'a/../../x', 'a//b', './a', 'a/.', 'a/', 'a\0b', 'a'.repeat(maxNameBytes + 1)])(
    'is refused on both sides for the name %j',
    (name) => {
      expect(() => encodeFileHead(name, 0)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
      const meta = Buffer.from(name);
      const header = readFrameHeader(encodeFileHead('plain', 0), 0, 0);
      expect(() => readFileName({ ...header, metaBytes: meta.length }, meta)).toThrow(violation);
    },
  );

  it('is refused with more bytes than a chunk has', () => {
    expect(() => readBack(encodeFileHead('a', maxChunkBytes + 1))).toThrow(violation);
  });
});
