// What an image's rules say in words, and what several of them make of one image together.
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bmp, gif, jpeg, jpegFrame, jpegScan, png, pngChunk } from '../../../tests/security/images/make-images.ts';
import type { Action, ImageRules } from '../contract-types.ts';
import { checkImageBytes, type ImageRuleName } from './image-checks.ts';

const open: ImageRules = {
  formats: ['png', 'jpeg', 'gif'],
  reencode: [],
  maxDecodedBytes: 1e9,
  maxRatio: 1e9,
  inflatedSize: 'check',
  trailingData: 'reject',
  maxMetadataBytes: 1e6,
  maxScans: 1000,
  checksums: 'check',
};

interface Judged {
  readonly off?: readonly ImageRuleName[];
  readonly watching?: readonly ImageRuleName[];
  readonly actions?: Partial<Record<ImageRuleName, Action>>;
}

function check(bytes: Uint8Array, rules: Partial<ImageRules> = {}, { off = [], watching = [], actions = {} }: Judged = {}) {
  const found: string[] = [];
  const verdict = checkImageBytes(
    bytes,
    { ...open, ...rules },
    {
      isOn: (rule) => !off.includes(rule),
      enforces: (rule) => !off.includes(rule) && !watching.includes(rule),
      report(rule, expected, got, isMendable) {
        found.push(`${rule}: ${expected}, ${got()}`);
        return isMendable && !watching.includes(rule) ? actions[rule] : undefined;
      },
    },
  );
  return { found, ...verdict };
}

const note = (length: number): Buffer => pngChunk('tEXt', Buffer.alloc(length, 'a'));
const shrink = (maxWidth: number, maxHeight: number): Action => ({ kind: 'downsample', maxWidth, maxHeight });

describe('each rule says', () => {
  const scans = jpeg([jpegFrame(4, 3, { marker: 0xc2 }), jpegScan(1, [1, 5]), jpegScan(1, [1, 5])]);
  it.each<[string, Uint8Array, Partial<ImageRules>]>([
    ['image.format: png, jpeg, gif, bmp', bmp(), {}],
    ['image.format: gif, jpeg, png', png(), { formats: ['gif'], reencode: ['jpeg'] }],
    ['image.format: no image, png', png(), { formats: [] }],
    ['image.format: png, another format', Buffer.from('GIF90a'), { formats: ['png'] }],
    ['image.structure: a header of 13 bytes, 6 bytes', Buffer.from('GIF89a'), {}],
    ['image.width: at most 3 pixels, 4', png(), { width: { max: 3 } }],
    ['image.width: at least 5 pixels, 4', png(), { width: { min: 5 } }],
    ['image.height: at most 2 pixels, 3', png(), { height: { max: 2 } }],
    ['image.height: at least 4 pixels, 3', png(), { height: { min: 4 } }],
    ['image.maxPixels: at most 11 pixels, 4 × 3', png(), { maxPixels: 11 }],
    ['image.channels: 1, 4 channels, 3', png(), { channels: [1, 4] }],
    ['image.bitDepth: 1, 16 bits per sample, 8', png(), { bitDepth: [1, 16] }],
    ['image.maxFrames: at most 1 frames, 2', gif({ frames: 2 }), { maxFrames: 1 }],
    ['image.maxDecodedBytes: at most 35 bytes, 36', png(), { maxDecodedBytes: 35 }],
    ['image.maxMetadataBytes: at most 20 bytes, 21', png({ before: [note(9)] }), { maxMetadataBytes: 20 }],
    ['image.maxScans: at most 1 scans, 2', scans, { maxScans: 1 }],
    ['image.trailingData: nothing, 2 bytes', png({ tail: Buffer.alloc(2) }), {}],
    ['image.checksums: right ones, a wrong one: IHDR at 8', Buffer.from(png()).fill(0, 30, 31), {}],
  ])('%s', (text, bytes, rules) => {
    const [expected, got] = [text.slice(0, text.lastIndexOf(', ')), text.slice(text.lastIndexOf(', ') + 2)];
    expect(check(bytes, rules).found).toEqual([`${expected}, ${got}`]);
  });

  it('how much larger an image becomes than its file', () => {
    const bytes = png({ width: 100, height: 100 });
    const ratio = 30_000 / bytes.length;
    expect(check(bytes, { maxRatio: 2 }).found).toEqual([`image.maxRatio: at most 2 × its size, ${ratio.toFixed(1)} ×`]);
    expect(check(bytes, { maxRatio: ratio }).found).toEqual([]);
  });
});

describe('an image that cannot be read', () => {
  const broken = Buffer.from('GIF89a');
  it('breaks every rule that is enforced, when the one that says so only watches or is off', () => {
    const rest = check(broken, { width: { max: 3 } }, { watching: ['image.structure'] }).found;
    expect(rest[0]).toBe('image.structure: a header of 13 bytes, 6 bytes');
    expect(rest.slice(1).every((line) => line.endsWith(': an image that can be read, 6 bytes'))).toBe(true);
    expect(rest.map((line) => line.split(':')[0])).toContain('image.width');
    expect(rest.map((line) => line.split(':')[0])).not.toContain('image.height');
    expect(check(broken, {}, { off: ['image.structure'] }).found).not.toContain('image.structure: a header of 13 bytes, 6 bytes');
    expect(check(broken).found).toHaveLength(1);
  });

  it('is of no format that anybody knows: the same', () => {
    const { found } = check(Buffer.from('nothing'), {}, { watching: ['image.format'] });
    expect(found[0]).toBe('image.format: png, jpeg, gif, another format');
    expect(found.length).toBeGreaterThan(3);
    expect(check(Buffer.from('nothing')).found).toHaveLength(1);
  });

  it('is still looked at where only its format is wrong, and that rule watches', () => {
    const { found, header } = check(bmp(), { width: { max: 3 } }, { watching: ['image.format'] });
    expect(found).toEqual(['image.format: png, jpeg, gif, bmp', 'image.width: at most 3 pixels, 4']);
    expect(header).toMatchObject({ format: 'bmp', width: 4 });
  });
});

describe('what is done', () => {
  it('is nothing for an image that keeps to the rules', () => {
    const verdict = check(png());
    expect(verdict.found).toEqual([]);
    expect('task' in verdict).toBe(false);
    expect(verdict.header).toMatchObject({ width: 4, height: 3 });
  });

  it('makes the image fit the smallest box of all rules that ask for one', () => {
    const rules = { width: { max: 50 }, height: { max: 50 } };
    const image = png({ width: 100, height: 100 });
    const of = (width: Action, height: Action) =>
      check(image, rules, { actions: { 'image.width': width, 'image.height': height } }).task;
    expect(of(shrink(40, 40), shrink(20, 50))).toMatchObject({ width: 100, height: 100, resultWidth: 20, resultHeight: 20 });
    expect(of(shrink(20, 50), shrink(40, 40))).toMatchObject({ resultWidth: 20, resultHeight: 20 });
    expect(of(shrink(50, 10), shrink(40, 40))).toMatchObject({ resultWidth: 10, resultHeight: 10 });
    expect(of(shrink(40, 40), shrink(50, 10))).toMatchObject({ resultWidth: 10, resultHeight: 10 });
  });

  it('is no use when the image becomes smaller than a rule allows', () => {
    const actions = { 'image.width': shrink(10, 10) } as const;
    const wide = png({ width: 100, height: 10 });
    expect(check(wide, { width: { max: 50 }, height: { min: 2 } }, { actions }).found).toEqual([
      'image.width: at most 50 pixels, 100',
      expect.stringMatching(/^image\.height: at least 2 pixels, .*1/),
    ]);
    expect(check(wide, { width: { max: 50 }, height: { min: 1 } }, { actions }).found).toHaveLength(1);
    const high = png({ width: 10, height: 100 });
    expect(
      check(high, { height: { max: 50 }, width: { min: 2 } }, { actions: { 'image.height': shrink(10, 10) } }).found,
    ).toEqual(['image.height: at most 50 pixels, 100', expect.stringMatching(/^image\.width: at least 2 pixels, .*1/)]);
  });

  it('keeps the frames of an animation unless the contract says otherwise', () => {
    const animation = gif({ frames: 2 });
    expect(check(animation).task).toBeUndefined();
    const truncate = { 'image.maxFrames': { kind: 'truncate', side: 'right' } } as const;
    expect(check(animation, { maxFrames: 1 }, { actions: truncate }).task).toMatchObject({
      firstFrameOnly: true,
      resultWidth: 4,
    });
    expect(check(animation, { maxFrames: 2 }, { actions: truncate }).task).toBeUndefined();
  });

  it('inflates no pixels of other formats, nor when nobody asks', () => {
    const lying = png({ data: [pngChunk('IDAT', deflateSync(Buffer.alloc(40)))] });
    expect(check(lying).found).toEqual([expect.stringMatching(/^image\.inflatedSize: /)]);
    expect(check(lying, { inflatedSize: 'ignore' }).found).toEqual([]);
    expect(check(lying, {}, { off: ['image.inflatedSize'] }).found).toEqual([]);
    expect(check(gif()).found).toEqual([]);
  });
});
