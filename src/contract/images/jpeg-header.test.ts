// Every marker of a JPEG at its edge: what it may say, and the exact reason when it may not.
import { describe, expect, it } from 'vitest';
import { jpeg, jpegFrame, jpegScan, jpegSegment } from '../../../tests/security/images/make-images.ts';
import { readJpegHeader } from './jpeg-header.ts';

const frame = jpegFrame(4, 3);
const scan = jpegScan();
const progressive = jpegFrame(4, 3, { marker: 0xc2 });
const text = (value: string) => Buffer.from(value, 'latin1');
/** A frame byte by byte. */
const raw = (marker: number, ...bytes: number[]) => jpegSegment(marker, Buffer.from(bytes));
const component = (id: number, sampling = 0x11, table = 0) => [id, sampling, table];
const sof = (...components: number[][]) => raw(0xc0, 8, 0, 3, 0, 4, components.length, ...components.flat());
const sos = (...bytes: number[]) => Buffer.concat([raw(0xda, ...bytes), Buffer.from([1, 2, 3])]);
const jfif = Buffer.concat([text('JFIF\0'), Buffer.alloc(9)]);

describe('readJpegHeader() reads', () => {
  it.each<[string, readonly Buffer[], object]>([
    [
      'a baseline frame',
      [frame, scan],
      { width: 4, height: 3, channels: 3, bitDepth: 8, scans: 1, metadataBytes: 0, decodedBytes: 36 },
    ],
    ['an extended frame of 12 bits', [jpegFrame(4, 3, { marker: 0xc1, depth: 12 }), scan], { bitDepth: 12, decodedBytes: 72 }],
    ['grey', [jpegFrame(300, 513, { components: 1 }), scan], { width: 300, height: 513, channels: 1 }],
    ['four inks', [jpegFrame(4, 3, { components: 4 }), scan], { channels: 4, channelsAnew: 3 }],
    ['tables', [raw(0xc4, 1), raw(0xdb, 1), raw(0xdd, 0, 4), frame, scan], { metadataBytes: 0 }],
    ['fill bytes', [Buffer.from([0xff, 0xff, 0xff]), frame, scan], { scans: 1 }],
    ['JFIF without a thumbnail', [jpegSegment(0xe0, jfif), frame, scan], { metadataBytes: 0 }],
    ['JFIF with a thumbnail', [jpegSegment(0xe0, Buffer.concat([jfif, Buffer.alloc(3)])), frame, scan], { metadataBytes: 21 }],
    ['what only looks like JFIF', [jpegSegment(0xe0, Buffer.alloc(14)), frame, scan], { metadataBytes: 18 }],
    ['JFIF’s words in another segment', [jpegSegment(0xe1, jfif), frame, scan], { metadataBytes: 18 }],
    [
      'Adobe’s word on colours',
      [jpegSegment(0xee, Buffer.concat([text('Adobe'), Buffer.alloc(7)])), frame, scan],
      { metadataBytes: 0 },
    ],
    [
      'more than Adobe says',
      [jpegSegment(0xee, Buffer.concat([text('Adobe'), Buffer.alloc(8)])), frame, scan],
      { metadataBytes: 17 },
    ],
    ['the last application’s data', [jpegSegment(0xef, Buffer.alloc(5)), frame, scan], { metadataBytes: 9 }],
    ['a comment', [frame, jpegSegment(0xfe, text('hello')), scan], { metadataBytes: 9 }],
    ['sampling of 4 × 4', [sof(component(1, 0x44, 3), component(2), component(3)), scan], { channels: 3 }],
    ['three components in one scan', [frame, sos(3, 1, 0, 2, 0, 3, 0, 0, 63, 0)], { scans: 1 }],
    ['scans of coefficients', [progressive, jpegScan(1, [0, 0]), jpegScan(1, [1, 63]), jpegScan(2, [5, 5])], { scans: 3 }],
    ['the first coefficient of several components', [progressive, sos(2, 1, 0, 2, 0, 0, 0, 0)], { scans: 1 }],
    ['a scan that says nothing of coefficients in a baseline frame', [frame, jpegScan(1, [9, 3])], { scans: 1 }],
  ])('%s', (_name, parts, expected) => {
    const { header, problem } = readJpegHeader(jpeg(parts));
    expect(problem).toBeUndefined();
    expect(header).toMatchObject({ format: 'jpeg', frames: 1, trailingBytes: 0, ...expected });
    expect(header !== undefined && 'channelsAnew' in header).toBe('channelsAnew' in expected);
  });
});

describe('readJpegHeader() refuses', () => {
  const markers = 'markers as the JPEG specification has them';
  const kinds = 'a baseline, extended or progressive JPEG';
  const frames = 'a frame that can be decoded';
  const length = 'a scan header of a wrong length';
  it.each<[string, readonly Buffer[], expected: string, got: string]>([
    ['bytes between segments', [Buffer.from([0]), frame, scan], markers, 'bytes between segments at 2'],
    ['a second image', [Buffer.from([0xff, 0xd8]), frame, scan], markers, 'a second image (SOI) at 2'],
    ['a marker of no meaning', [raw(0x42, 1), frame, scan], markers, 'the marker 66 at 2'],
    ['JPEG 2000’s marker', [raw(0xf0), frame, scan], markers, 'the marker 240 at 2'],
    ['the marker before the applications', [raw(0xdf), frame, scan], kinds, 'a hierarchical image (EXP)'],
    ['an empty segment', [Buffer.from([0xff, 0xe1, 0, 1]), frame, scan], markers, 'a segment that is not whole at 2'],
    ['DRI of a wrong length', [raw(0xdd, 0, 4, 0), frame, scan], markers, 'DRI with 5 bytes at 2'],
    ['a lossless frame', [jpegFrame(4, 3, { marker: 0xc3 }), scan], kinds, 'a lossless frame (SOF3)'],
    ['arithmetic coding', [raw(0xcc, 1), frame, scan], kinds, 'arithmetic coding (DAC)'],
    ['a hierarchical image', [raw(0xde, 1), frame, scan], kinds, 'a hierarchical image (DHP)'],
    ['a second frame', [frame, frame, scan], markers, 'a second frame at 21'],
    ['a scan without a frame', [scan, frame], markers, 'a scan without a frame at 2'],
    ['no scan', [frame], 'a frame and a scan', 'an end (EOI) without'],
    ['nothing', [], 'a frame and a scan', 'an end (EOI) without'],
    ['a short frame', [raw(0xc0, 8, 0, 3, 0, 4), scan], frames, 'a header of 7 bytes'],
    ['16 bits', [jpegFrame(4, 3, { depth: 16 }), scan], frames, '16 bits per sample'],
    ['no height', [jpegFrame(4, 0), scan], frames, 'a height that comes later (DNL)'],
    ['no width', [jpegFrame(0, 3), scan], frames, 'a width of 0'],
    ['two components', [jpegFrame(4, 3, { components: 2 }), scan], frames, '2 components'],
    ['five components', [jpegFrame(4, 3, { components: 5 }), scan], frames, '5 components'],
    [
      'a frame with more than its components',
      [raw(0xc0, 8, 0, 3, 0, 4, 1, 1, 0x11, 0, 0), scan],
      frames,
      'a header of 12 bytes for 1 components',
    ],
    [
      'a frame with fewer components than it says',
      [raw(0xc0, 8, 0, 3, 0, 4, 3, 1, 0x11, 0), scan],
      frames,
      'a header of 11 bytes for 3 components',
    ],
    ['sampling across of 0', [sof(component(1, 0x01)), scan], frames, 'sampling 0 × 1'],
    ['sampling across of 5', [sof(component(1, 0x51)), scan], frames, 'sampling 5 × 1'],
    ['sampling down of 0', [sof(component(1, 0x10)), scan], frames, 'sampling 1 × 0'],
    ['sampling down of 5', [sof(component(1, 0x15)), scan], frames, 'sampling 1 × 5'],
    ['a table that is not there', [sof(component(1, 0x11, 4)), scan], frames, 'quantization table 4'],
    ['two components of one name', [sof(component(1), component(1), component(3)), scan], frames, 'two components of one name'],
    ['a scan of nothing', [frame, sos(0, 0, 63, 0)], markers, `${length} at 21`],
    [
      'a scan of too many components',
      [jpegFrame(4, 3, { components: 1 }), sos(2, 1, 0, 1, 0, 0, 63, 0)],
      markers,
      `${length} at 15`,
    ],
    ['a scan with more than its components', [frame, sos(1, 1, 0, 0, 63, 0, 0)], markers, `${length} at 21`],
    ['a scan with too little', [frame, sos(1, 1, 0)], markers, `${length} at 21`],
    ['a scan of another component', [frame, jpegScan(9)], markers, 'a scan of a component that is not there at 21'],
    [
      'the second of a scan’s components',
      [frame, sos(2, 1, 0, 9, 0, 0, 63, 0)],
      markers,
      'a scan of a component that is not there at 21',
    ],
    [
      'all coefficients at once in a progressive frame',
      [progressive, jpegScan(1, [0, 63])],
      markers,
      'a scan of coefficients 0 to 63 at 21',
    ],
    ['coefficients that fall', [progressive, jpegScan(1, [5, 4])], markers, 'a scan of coefficients 5 to 4 at 21'],
    ['coefficients that do not exist', [progressive, jpegScan(1, [1, 64])], markers, 'a scan of coefficients 1 to 64 at 21'],
    [
      'other coefficients of two components',
      [progressive, sos(2, 1, 0, 2, 0, 1, 5, 0)],
      markers,
      'a scan of coefficients 1 to 5 at 21',
    ],
  ])('%s', (_name, parts, expected, got) => {
    expect(readJpegHeader(jpeg(parts)).problem).toEqual({ rule: 'image.structure', expected, got });
  });

  it('every start of a frame that is not taken, by its name', () => {
    for (let marker = 0xc0; marker <= 0xcf; marker++) {
      // Tables are no frame, and a progressive scan has its coefficients in parts.
      const expected = marker < 0xc2 ? undefined : marker === 0xc2 || marker === 0xc4 ? markers : kinds;
      expect(readJpegHeader(jpeg([jpegFrame(4, 3, { marker }), scan])).problem?.expected).toBe(expected);
    }
  });

  it('a file that ends before its end, wherever that is', () => {
    const whole = jpeg([jpegSegment(0xe1, Buffer.alloc(4)), frame, scan]);
    for (let size = 2; size < whole.length; size++) expect(readJpegHeader(whole.subarray(0, size)).problem).toBeDefined();
    const cut = whole.subarray(0, whole.length - 2);
    expect(readJpegHeader(cut).problem).toMatchObject({
      expected: 'an image up to its end (EOI)',
      got: `no end in ${cut.length} bytes`,
    });
    expect(readJpegHeader(Buffer.concat([whole, Buffer.alloc(3)])).header?.trailingBytes).toBe(3);
  });
});
