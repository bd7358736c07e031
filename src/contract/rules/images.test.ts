// Every rule of images: an image drawn inside the contract passes, one step outside breaks just that rule; and what the actions lead to.
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as make from '../../../tests/security/images/make-images.ts';
import type { CheckContext, ImageJob } from '../check-types.ts';
import type { Action, ImageRules, Mode, TensorRules } from '../contract-types.ts';
import { Findings } from '../findings.ts';
import type { ImageRuleName } from '../images/index.ts';
import type { RuleName } from '../rule-table.ts';
import { compileImageRules, imageViolations } from './images.ts';

const { png, pngChunk, gif, jpeg, jpegFrame, jpegScan } = make;

const open: ImageRules = {
  formats: ['png', 'jpeg', 'gif', 'bmp', 'webp'],
  reencode: [],
  maxDecodedBytes: 1e9,
  maxRatio: 1e9,
  inflatedSize: 'check',
  trailingData: 'reject',
  maxMetadataBytes: 1e6,
  maxScans: 1000,
  checksums: 'check',
};

const rulesBrokenBy = (bytes: Buffer, rules: Partial<ImageRules>): string[] =>
  imageViolations(bytes, { ...open, ...rules }).map(({ rule }) => rule);

const side = fc.integer({ min: 2, max: 300 });
const text = (length: number) => pngChunk('tEXt', Buffer.alloc(length, 'a'));
const scans = (count: number) => jpeg([jpegFrame(4, 3, { marker: 0xc2 }), ...new Array<Buffer>(count).fill(jpegScan(1, [1, 5]))]);
const damaged = (bytes: Buffer) => Buffer.from(bytes).fill(bytes[40] ^ 1, 40, 41);

/** The ratio has a test of its own. */
type SteppedRule = Exclude<ImageRuleName, 'image.maxRatio'>;

/** Per rule, for a number: an image that just keeps to a contract, the contract, and an image or a contract one step further. */
const steps: Readonly<Record<SteppedRule, (size: number) => [inside: Buffer, rules: Partial<ImageRules>, outside: Buffer]>> = {
  'image.format': () => [gif(), { formats: ['gif', 'bmp'] }, png()],
  'image.structure': (size) => [jpeg([jpegFrame(size, 3), jpegScan()]), {}, jpeg([jpegFrame(size, 0), jpegScan()])],
  'image.width': (size) => [
    png({ width: size }),
    { width: { min: size, max: size } },
    png({ width: size + (size % 2 === 0 ? 1 : -1) }),
  ],
  'image.height': (size) => [
    png({ height: size }),
    { height: { min: size, max: size } },
    png({ height: size + (size % 2 === 0 ? 1 : -1) }),
  ],
  'image.maxPixels': (size) => [png({ width: size, height: 5 }), { maxPixels: size * 5 }, png({ width: size + 1, height: 5 })],
  'image.channels': () => [png({ colourType: 0 }), { channels: [1, 4] }, png({ colourType: 2 })],
  'image.bitDepth': () => [png({ depth: 16 }), { bitDepth: [16] }, png({ depth: 8 })],
  'image.maxFrames': (size) => [gif({ frames: size }), { maxFrames: size }, gif({ frames: size + 1 })],
  'image.maxDecodedBytes': (size) => [png({ width: size }), { maxDecodedBytes: size * 9 }, png({ width: size + 1 })],
  'image.inflatedSize': (size) => [
    png({ width: size }),
    {},
    png({ width: size, data: [pngChunk('IDAT', deflateSync(Buffer.alloc(size * 9 + 4)))] }),
  ],
  'image.trailingData': (size) => [png(), {}, png({ tail: Buffer.alloc(size) })],
  'image.maxMetadataBytes': (size) => [
    png({ before: [text(size)] }),
    { maxMetadataBytes: size + 12 },
    png({ before: [text(size + 1)] }),
  ],
  'image.maxScans': (size) => [scans(size), { maxScans: size }, scans(size + 1)],
  'image.checksums': (size) => [png({ before: [text(size)] }), {}, damaged(png({ before: [text(size)] }))],
};

describe('each rule', () => {
  it.each(Object.keys(steps) as SteppedRule[])('%s: passes inside, and breaks alone one step outside', (name) => {
    fc.assert(
      fc.property(side, (size) => {
        const [inside, rules, outside] = steps[name](size);
        expect(rulesBrokenBy(inside, rules)).toEqual([]);
        expect(rulesBrokenBy(outside, rules)).toEqual([name]);
      }),
      { numRuns: 25 },
    );
  });

  it('image.maxRatio: counts the bytes of the image, and not those behind it', () => {
    const bytes = png({ width: 500, height: 500 });
    const ratio = 750_000 / bytes.length;
    expect(rulesBrokenBy(bytes, { maxRatio: ratio })).toEqual([]);
    expect(rulesBrokenBy(bytes, { maxRatio: ratio * 0.999 })).toEqual(['image.maxRatio']);
    const padded = Buffer.concat([bytes, Buffer.alloc(100_000)]);
    expect(rulesBrokenBy(padded, { maxRatio: ratio * 0.999, trailingData: 'allow' })).toEqual(['image.maxRatio']);
  });

  it.each([
    ['trailingData', { trailingData: 'allow' }, 'image.trailingData'],
    ['checksums', { checksums: 'ignore' }, 'image.checksums'],
    ['inflatedSize', { inflatedSize: 'ignore' }, 'image.inflatedSize'],
  ] as const)('%s can be turned off', (_name, rules, rule) => {
    expect(rulesBrokenBy(steps[rule](9)[2], rules)).toEqual([]);
  });

  it('does not inflate an image that is refused anyway', () => {
    const [, , outside] = steps['image.inflatedSize'](9);
    expect(rulesBrokenBy(outside, { channels: [1] })).toEqual(['image.channels']);
  });
});

interface Setting {
  readonly image?: Partial<ImageRules>;
  readonly actions?: Partial<Record<RuleName, Action>>;
  readonly modes?: Partial<Record<RuleName, Mode>>;
}

/** Runs the compiled check over a tensor of images. */
function run(images: readonly Buffer[], { image = {}, actions = {}, modes = {} }: Setting) {
  const rules: TensorRules = {
    dtype: 'DT_STRING',
    image: { ...open, ...image },
    onViolation: new Map(),
    modes: new Map(),
    derivedFrom: new Map(),
  };
  const check = compileImageRules({
    rules,
    bind(name) {
      const mode = modes[name] ?? 'enforce';
      return mode === 'off' ? undefined : { id: `x/${name}`, name, mode, action: actions[name] ?? { kind: 'reject' } };
    },
  });
  const findings = new Findings({ limit: 10, draw: 0.5, sampleFraction: 0 });
  const imageJobs: ImageJob[] = [];
  const measure = { pixels: 0, patternWork: 0, patternMs: 0 };
  const context: CheckContext = { path: (index) => `images[${index}]`, findings, dims: new Map(), imageJobs, measure };
  const offsets = new Uint32Array([
    0,
    ...images.map((_, index) => images.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0)),
  ]);
  const tensor = { dtype: 'DT_STRING', shape: [images.length], bytes: Buffer.concat(images), offsets } as const;
  expect(check?.(tensor, context)).toBe(tensor);
  const kept = findings.kept.map(({ violation, outcome }) => `${violation.path} ${violation.rule} ${outcome}`);
  return { kept, imageJobs, pixels: measure.pixels, refused: findings.refused };
}

const shrink = (maxWidth: number, maxHeight: number): Action => ({ kind: 'downsample', maxWidth, maxHeight });

describe('compileImageRules', () => {
  it('says nothing where a contract does not', () => {
    const rules: TensorRules = { dtype: 'DT_STRING', onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };
    expect(compileImageRules({ rules, bind: () => undefined })).toBeUndefined();
  });

  it('names the image, and counts the pixels of all', () => {
    const { kept, pixels, refused } = run([png(), gif({ frames: 4 }), png()], { image: { maxFrames: 1 } });
    expect(kept).toEqual(['images[1] image.maxFrames reject']);
    expect(refused).toBe(true);
    expect(pixels).toBe(12 + 48 + 12);
  });

  it('has images made smaller, in their own proportions', () => {
    const setting = { image: { maxPixels: 5000 }, actions: { 'image.maxPixels': shrink(64, 64) } } as const;
    const { kept, imageJobs, refused } = run([png({ width: 10, height: 10 }), png({ width: 400, height: 100 })], setting);
    expect(kept).toEqual(['images[1] image.maxPixels downsample']);
    expect(refused).toBe(false);
    expect(imageJobs).toMatchObject([
      { elementIndex: 1, path: 'images[1]', width: 400, height: 100, resultWidth: 64, resultHeight: 16 },
    ]);
  });

  it('never asks for a size that the contract would refuse', () => {
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 5000 }),
        (width, height, boxWidth, boxHeight, maxPixels) => {
          const image = { maxPixels, width: { max: 200 }, height: { max: 150 } };
          const action = shrink(boxWidth, boxHeight);
          const actions = { 'image.maxPixels': action, 'image.width': action, 'image.height': action };
          const { imageJobs, refused } = run([png({ width, height })], { image, actions });
          expect(refused).toBe(false);
          for (const { resultWidth, resultHeight } of imageJobs) {
            expect(resultWidth).toBeLessThanOrEqual(Math.min(boxWidth, 200, width));
            expect(resultHeight).toBeLessThanOrEqual(Math.min(boxHeight, 150, height));
            expect(resultWidth * resultHeight).toBeLessThanOrEqual(maxPixels);
            expect(Math.min(resultWidth, resultHeight)).toBeGreaterThan(0);
          }
          expect(imageJobs.length).toBe(Number(width * height > maxPixels || width > 200 || height > 150));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses an image that becomes too small in its box, or is too small before', () => {
    const setting = { image: { width: { min: 10, max: 100 } }, actions: { 'image.width': shrink(100, 100) } } as const;
    expect(run([png({ width: 9 })], setting).kept).toEqual(['images[0] image.width reject']);
    const narrow = { image: { height: { min: 10 }, width: { max: 100 } }, actions: { 'image.width': shrink(100, 100) } } as const;
    expect(run([png({ width: 500, height: 10 })], narrow)).toMatchObject({
      kept: ['images[0] image.width downsample', 'images[0] image.height reject'],
      imageJobs: [],
    });
  });

  it('has formats made anew that may not go on as they are', () => {
    const setting = { image: { formats: ['png'], reencode: ['jpeg', 'gif'] } } as const;
    expect(run([jpeg(), png()], setting).imageJobs).toMatchObject([{ elementIndex: 0, resultWidth: 4, resultHeight: 3 }]);
    // Frames would be lost.
    expect(run([gif({ frames: 2 })], setting)).toMatchObject({ kept: ['images[0] image.maxFrames reject'], imageJobs: [] });
    const first = { ...setting, actions: { 'image.maxFrames': { kind: 'truncate', side: 'right' } } } as const;
    expect(run([gif({ frames: 2 })], first)).toMatchObject({ refused: false, imageJobs: [{ firstFrameOnly: true }] });
  });

  it('compares channels and bits with what the model gets, which is the result where an image is made anew', () => {
    const palette = make.bmp({ bits: 8, pixelsStart: 1078 });
    palette[54] = 99;
    const cmyk = jpeg([jpegFrame(4, 3, { components: 4 }), jpegScan(4)]);
    const images = { palette, cmyk, deep: png({ depth: 16 }) };
    const broken = (name: keyof typeof images, image: Partial<ImageRules>) =>
      run([images[name]], { image }).kept.map((text) => text.split(' ')[1]);
    const asTheyAre = { formats: ['bmp', 'jpeg', 'png'] } as const;
    const anew = { formats: [], reencode: ['bmp', 'jpeg', 'png'] } as const;
    for (const name of ['palette', 'cmyk'] as const) {
      const channels = name === 'palette' ? 1 : 4;
      expect(broken(name, { ...asTheyAre, channels: [channels] })).toEqual([]);
      expect(broken(name, { ...asTheyAre, channels: [3] })).toEqual(['image.channels']);
      expect(broken(name, { ...anew, channels: [3] })).toEqual([]);
      expect(broken(name, { ...anew, channels: [channels] })).toEqual(['image.channels']);
    }
    expect(broken('deep', { ...asTheyAre, bitDepth: [8] })).toEqual(['image.bitDepth']);
    expect(broken('deep', { ...anew, bitDepth: [8] })).toEqual([]);
    expect(broken('deep', { ...anew, bitDepth: [16] })).toEqual(['image.bitDepth']);
  });

  it('cuts an animation to its first frame', () => {
    const setting = { image: { maxFrames: 1 }, actions: { 'image.maxFrames': { kind: 'truncate', side: 'right' } } } as const;
    expect(run([gif({ frames: 9 })], setting)).toMatchObject({
      refused: false,
      imageJobs: [{ firstFrameOnly: true, resultWidth: 4 }],
    });
  });

  it.each<[ImageRuleName, Buffer, Partial<ImageRules>]>([
    ['image.maxDecodedBytes', png({ width: 600, height: 600 }), { maxDecodedBytes: 10 }],
    ['image.maxRatio', png({ width: 600, height: 600 }), { maxRatio: 1 }],
    ['image.structure', steps['image.structure'](50)[2], {}],
    ['image.inflatedSize', steps['image.inflatedSize'](50)[2], {}],
  ])('sends nothing to the decoder that breaks %s', (name, bytes, limits) => {
    const actions = { 'image.width': shrink(2, 2) };
    const setting = { image: { ...limits, width: { max: 3 }, reencode: ['png', 'jpeg'] }, actions } as const;
    const { kept, imageJobs, refused } = run([bytes], setting);
    expect(kept).toContain(`images[0] ${name} reject`);
    expect({ imageJobs, refused }).toEqual({ imageJobs: [], refused: true });
  });

  it('changes nothing while a rule only watches', () => {
    const image = { formats: ['png'], reencode: ['jpeg'], maxPixels: 5 } as const;
    const modes = { 'image.format': 'shadow', 'image.maxPixels': 'shadow' } as const;
    const { kept, imageJobs, refused } = run([jpeg(), png()], { image, modes, actions: { 'image.maxPixels': shrink(1, 1) } });
    expect(kept).toEqual(['images[0] image.maxPixels shadow', 'images[1] image.maxPixels shadow']);
    expect({ imageJobs, refused }).toEqual({ imageJobs: [], refused: false });
  });

  it('does not look at a rule that is off', () => {
    expect(run([png({ tail: Buffer.alloc(9) })], { modes: { 'image.trailingData': 'off' } }).kept).toEqual([]);
    const none = Object.fromEntries([...Object.keys(steps), 'image.maxRatio'].map((name) => [name, 'off']));
    expect(run([Buffer.from('nothing')], { modes: none })).toMatchObject({ kept: [], refused: false });
  });

  const unknownChunk = png({ width: 3000, height: 3000, before: [pngChunk('ABCD', Buffer.alloc(4))] });

  it.each([
    ['of an unknown format', 'image.format', Buffer.from('nothing')],
    ['that cannot be read', 'image.structure', unknownChunk],
    ['whose text does not inflate', 'image.structure', png({ before: [pngChunk('zTXt', Buffer.from('a\0\0no zlib'))] })],
  ] as const)('refuses an image %s by every enforced rule, where that is only watched', (_name, watched, bytes) => {
    const image = { maxPixels: 10_000 };
    for (const mode of ['off', 'shadow', 'sample'] as const) {
      const { kept, refused } = run([bytes], { image, modes: { [watched]: mode } });
      expect(refused).toBe(true);
      expect(kept).toContain('images[0] image.maxPixels reject');
      expect(kept.join()).not.toContain('image.channels');
    }
    const logged = run([bytes], { image, actions: { [watched]: { kind: 'log' }, 'image.maxPixels': shrink(50, 50) } });
    expect(logged.kept).toContain('images[0] image.maxPixels reject');
    expect(logged.imageJobs).toEqual([]);
  });
});
