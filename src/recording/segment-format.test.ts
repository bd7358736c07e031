// What is written reads back the same, and whatever else is read is refused with one code, never with another error and never with more memory than the bytes justify.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { tensorFromValue } from '../tensor/index.ts';
import { decodeSegment, encodeRecord, encodeSegmentHead, maxSegmentBytes, type RecordedRequest } from './segment-format.ts';

const meta = { model: 'digits', version: '3', at: '2026-01-02T03:04:05.678Z' };
const float = (value: number[][]) => tensorFromValue({ alias: 'x', tensorName: 'x', dtype: 'DT_FLOAT', shape: null }, value);
const text = (value: string[]) => tensorFromValue({ alias: 's', tensorName: 's', dtype: 'DT_STRING', shape: null }, value);
const request: RecordedRequest = {
  signature: 'serving_default',
  inputs: new Map([
    ['x', float([[1, 2.5]])],
    ['s', text(['a', '', 'ünï'])],
  ]),
};
const segment = (...requests: RecordedRequest[]) => Buffer.concat([encodeSegmentHead(meta), ...requests.map(encodeRecord)]);

function codeOf(bytes: Uint8Array): string {
  try {
    decodeSegment(bytes);
    return 'read';
  } catch (thrown) {
    return isAirlockError(thrown) ? thrown.code : String(thrown);
  }
}

describe('decodeSegment()', () => {
  it('gives back what was encoded, whatever its names and values', () => {
    const names = fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.string({ maxLength: 30 }),
        names,
        fc.array(fc.string({ maxLength: 9 }), { maxLength: 5 }),
        (signature, keys, values) => {
          // Half a surrogate pair is no text, and becomes U+FFFD.
          fc.pre([signature, ...keys, ...values].every((one) => Buffer.from(one).toString() === one));
          const made = { signature, inputs: new Map(keys.map((key, at) => [key, at % 2 === 0 ? text(values) : float([[at]])])) };
          const read = decodeSegment(segment(made, request));
          expect(read.meta).toEqual(meta);
          expect(read.requests).toHaveLength(2);
          expect(read.requests[0].signature).toBe(signature);
          expect([...read.requests[0].inputs.keys()]).toEqual(keys);
          for (const [key, tensor] of made.inputs) {
            const found = read.requests[0].inputs.get(key);
            expect(found?.shape).toEqual(tensor.shape);
            expect(Buffer.from(found?.bytes ?? [])).toEqual(Buffer.from(tensor.bytes));
          }
        },
      ),
    );
  });

  it('refuses every cut but the one between records', () => {
    const whole = segment(request, request);
    const one = segment(request).length;
    const head = encodeSegmentHead(meta).length;
    for (let end = 0; end < whole.length; end++)
      expect(codeOf(whole.subarray(0, end)), String(end)).toBe(end === one || end === head ? 'read' : 'RECORDING_INVALID');
  });

  it('refuses or reads, and never throws anything else, whatever byte is changed', () => {
    const whole = segment(request);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = Buffer.from(whole);
        changed[at] = value;
        expect(['read', 'RECORDING_INVALID']).toContain(codeOf(changed));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['read', 'RECORDING_INVALID']).toContain(codeOf(Buffer.concat([encodeSegmentHead(meta), bytes])));
      }),
    );
    expect(codeOf(Buffer.alloc(maxSegmentBytes + 1))).toBe('RECORDING_INVALID');
  });
});
