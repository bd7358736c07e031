import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeScanMessage, maxFrameBytes, type ScanMessage, ScanMessageReader } from './frames.ts';

const violation = expect.objectContaining({ code: 'WORKER_PROTOCOL_VIOLATION' });
const progress: ScanMessage = { kind: 'progress', doneBytes: 1, totalBytes: 2 };

describe('ScanMessageReader', () => {
  it('puts messages together, wherever they are cut', () => {
    const messages: readonly ScanMessage[] = [progress, { kind: 'failed', reason: 'é' }, { kind: 'result', result: { a: [1] } }];
    const bytes = Buffer.concat(messages.map(encodeScanMessage));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (cuts) => {
        const reader = new ScanMessageReader();
        const read: ScanMessage[] = [];
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const end = at + cuts[index % cuts.length];
          read.push(...reader.push(bytes.subarray(at, end)));
          at = end;
        }
        expect(read).toEqual(messages);
      }),
    );
  });

  it('refuses any bytes or reads them, and throws nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const reader = new ScanMessageReader();
        try {
          for (const chunk of chunks) reader.push(Buffer.from(chunk));
        } catch (thrown) {
          expect(thrown).toEqual(violation);
        }
      }),
    );
  });

  it('waits for no answer that is longer than it may be', () => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(maxFrameBytes + 1);
    expect(() => new ScanMessageReader().push(head)).toThrow(violation);
    expect(() => new ScanMessageReader().push(Buffer.concat([encodeScanMessage(progress), head]))).toThrow(violation);
  });

  it('does not listen for ever to one who only talks', () => {
    const reader = new ScanMessageReader();
    const chunk = encodeScanMessage({ kind: 'failed', reason: 'x'.repeat(8_000_000) });
    expect(() => {
      for (let count = 0; count < 20; count++) reader.push(chunk);
    }).toThrow(violation);
  });
});
