// Tests of what signatures are over: the specification's vector, Python's repr, and that no two pairs of type and payload look
// the same.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { dssePayloadType, preAuthEncoding, preAuthEncodingV02 } from './index.ts';

const text = (buffer: Buffer) => buffer.toString('utf8');

describe('preAuthEncoding', () => {
  test('gives the vector of the DSSE specification', () => {
    expect(text(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')))).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  test('counts bytes, not characters', () => {
    expect(text(preAuthEncoding('é', Buffer.from('ü')))).toBe('DSSEv1 2 é 2 ü');
  });

  test('is different for every different pair, and keeps the payload as it is', () => {
    const pair = fc.tuple(fc.string({ maxLength: 12 }), fc.uint8Array({ maxLength: 12 }));
    fc.assert(
      fc.property(pair, pair, ([type, payload], [otherType, otherPayload]) => {
        const encoded = preAuthEncoding(type, payload);
        expect(encoded.subarray(encoded.length - payload.length)).toEqual(Buffer.from(payload));
        const same = type === otherType && Buffer.compare(payload, otherPayload) === 0;
        // A lone surrogate is written as U+FFFD; the bundle's parser lets none through.
        fc.pre(!/\p{Surrogate}/u.test(type + otherType));
        expect(encoded.equals(preAuthEncoding(otherType, otherPayload))).toBe(same);
      }),
    );
  });
});

describe('preAuthEncodingV02', () => {
  it.each([
    ['text', 'abc', "b'abc'"],
    ['a newline, a tab and a return', 'a\n\t\r', "b'a\\n\\t\\r'"],
    ['a backslash', 'a\\n', "b'a\\\\n'"],
    ['double quotes', '{"a"}', `b'{"a"}'`],
    ['single quotes only', "it's", `b"it's"`],
    ['both quotes', `'"`, `b'\\'"'`],
    ['bytes that are not ASCII', 'é\x7f\0', "b'\\xc3\\xa9\\x7f\\x00'"],
    ['nothing', '', "b''"],
  ])('writes %s as Python does', (_, payload, repr) => {
    const { length } = Buffer.from(payload);
    expect(text(preAuthEncodingV02(dssePayloadType, Buffer.from(payload)))).toBe(
      `DSSEV1 28 ${dssePayloadType} ${length} ${repr}`,
    );
  });

  test('writes every byte as Python does', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const hex = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `\\x${(from + index).toString(16).padStart(2, '0')}`).join('');
    const low = `${hex(0, 9)}\\t\\n${hex(11, 13)}\\r${hex(14, 32)}`;
    const plain = all.subarray(32, 127).toString('latin1').replace('\\', '\\\\').replace("'", "\\'");
    expect(text(preAuthEncodingV02('t', all))).toBe(`DSSEV1 1 t 256 b'${low}${plain}${hex(127, 256)}'`);
  });

  test('never is what the current form is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (payload) => {
        expect(preAuthEncodingV02('t', payload).equals(preAuthEncoding('t', payload))).toBe(false);
      }),
    );
  });
});
