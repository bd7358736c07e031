// All rules of one encoded image, in one order: what it is, its blocks, its size, its weight, and last what takes time. Says what is broken
// and what must be done; decodes nothing, and changes nothing.
import type { Action, ImageRules, Interval } from '../contract-types.ts';
import type { ruleTable } from '../rule-table.ts';
import { fitIntoBox, type ImageBox } from './fit-into-box.ts';
import type { ImageHeader } from './image-header.ts';
import { pngPixelProblem } from './png-pixels.ts';
import { readImageHeader, sniffImageFormat } from './read-image-header.ts';

export type ImageRuleName = Extract<keyof typeof ruleTable, `image.${string}`>;

/** Who hears of the rules that an image breaks, and says what follows. */
export interface ImageJudge {
  /** False for a rule that is off: then it is not looked at. */
  isOn(rule: ImageRuleName): boolean;
  /** False for a rule that only watches: whatever it finds, the image stays as it is. */
  enforces(rule: ImageRuleName): boolean;
  /**
   * Gives the action that must be taken, undefined when there is none besides refusing or counting. Without `isMendable` no action but
   * refusal would help: an image that is too small cannot be made smaller.
   */
  report(rule: ImageRuleName, expected: string, got: () => string, isMendable: boolean): Action | undefined;
}

/** What the decoder must make of an image; see ImageJob. */
export interface ImageTask {
  readonly width: number;
  readonly height: number;
  readonly resultWidth: number;
  readonly resultHeight: number;
  readonly firstFrameOnly: boolean;
}

export interface ImageVerdict {
  /** Absent when the bytes are no image that can be described. */
  readonly header?: ImageHeader;
  /** Present when the image may not go on as it is. Of no use when an enforced rule was broken that nothing mends. */
  readonly task?: ImageTask;
}

/** What is compared with a header, by the rules that a contract has. */
function rulesOnHeaders(rules: ImageRules): ImageRuleName[] {
  const optional: readonly [ImageRuleName, boolean][] = [
    ['image.width', rules.width !== undefined],
    ['image.height', rules.height !== undefined],
    ['image.maxPixels', rules.maxPixels !== undefined],
    ['image.channels', rules.channels !== undefined],
    ['image.bitDepth', rules.bitDepth !== undefined],
    ['image.maxFrames', rules.maxFrames !== undefined],
    ['image.inflatedSize', rules.inflatedSize === 'check'],
    ['image.trailingData', rules.trailingData === 'reject'],
    ['image.checksums', rules.checksums === 'check'],
  ];
  const isSet = optional.flatMap(([name, has]) => (has ? [name] : []));
  return ['image.structure', ...isSet, 'image.maxDecodedBytes', 'image.maxRatio', 'image.maxMetadataBytes', 'image.maxScans'];
}

/** One rule on one number of the header. */
type Comparison = readonly [rule: ImageRuleName, isKept: boolean, expected: () => string, got: () => string];

class ImageCheck {
  readonly #bytes: Uint8Array;
  readonly #rules: ImageRules;
  readonly #judge: ImageJudge;
  /** A broken rule is enforced, and nothing mends it. */
  #isLost = false;
  #box: ImageBox | undefined;
  #firstFrameOnly = false;

  constructor(bytes: Uint8Array, rules: ImageRules, judge: ImageJudge) {
    this.#bytes = bytes;
    this.#rules = rules;
    this.#judge = judge;
  }

  run(): ImageVerdict {
    const { formats, reencode } = this.#rules;
    const format = sniffImageFormat(this.#bytes);
    if (format === undefined || !(formats.includes(format) || reencode.includes(format))) {
      const expected = [...new Set([...formats, ...reencode])].join(', ') || 'no image';
      this.#break('image.format', expected, () => format ?? 'another format');
      if (this.#isLost) return {};
      if (format === undefined) return this.#unreadable('another format');
    }
    const { header, problem } = readImageHeader(this.#bytes);
    if (header === undefined) {
      this.#break(problem.rule, problem.expected, () => problem.got);
      return this.#unreadable(problem.got);
    }
    this.#compareSize(header);
    this.#compareWeight(header);
    // Takes time for each byte, so only for an image that is welcome otherwise.
    if (
      !this.#isLost &&
      header.format === 'png' &&
      this.#rules.inflatedSize === 'check' &&
      this.#judge.isOn('image.inflatedSize')
    ) {
      const fault = pngPixelProblem(this.#bytes);
      if (fault !== undefined) this.#break(fault.rule, fault.expected, () => fault.got);
    }
    const task = this.#task(header);
    return task === undefined ? { header } : { header, task };
  }

  /** The rule that says so may only watch, or be off: then every rule refuses that is enforced and could not be looked at. */
  #unreadable(got: string): ImageVerdict {
    if (this.#isLost) return {};
    for (const rule of rulesOnHeaders(this.#rules))
      if (this.#judge.enforces(rule)) this.#break(rule, 'an image that can be read', () => got);
    return {};
  }

  #break(rule: ImageRuleName, expected: string, got: () => string, isMendable = false): Action | undefined {
    if (!this.#judge.isOn(rule)) return undefined;
    const action = this.#judge.report(rule, expected, got, isMendable);
    if (action === undefined && this.#judge.enforces(rule)) this.#isLost = true;
    return action;
  }

  #compareSize(header: ImageHeader): void {
    const { width, height, frames } = header;
    const rules = this.#rules;
    // What the model gets, not what becomes of it before.
    const [channels, bitDepth] = this.#isMadeAnew(header)
      ? [header.channelsAnew ?? header.channels, 8]
      : [header.channels, header.bitDepth];
    this.#compareSide('image.width', rules.width, width);
    this.#compareSide('image.height', rules.height, height);
    if (rules.maxPixels !== undefined && width * height > rules.maxPixels)
      this.#shrink('image.maxPixels', `at most ${rules.maxPixels} pixels`, () => `${width} × ${height}`);
    if (rules.channels !== undefined && !rules.channels.includes(channels))
      this.#break('image.channels', `${rules.channels.join(', ')} channels`, () => `${channels}`);
    if (rules.bitDepth !== undefined && !rules.bitDepth.includes(bitDepth))
      this.#break('image.bitDepth', `${rules.bitDepth.join(', ')} bits per sample`, () => `${bitDepth}`);
    if (rules.maxFrames !== undefined && frames > rules.maxFrames) {
      const action = this.#break('image.maxFrames', `at most ${rules.maxFrames} frames`, () => `${frames}`, true);
      if (action?.kind === 'truncate') this.#firstFrameOnly = true;
    }
  }

  #compareSide(rule: 'image.width' | 'image.height', { min, max }: Interval = {}, size: number): void {
    if (min !== undefined && size < min) this.#break(rule, `at least ${min} pixels`, () => `${size}`);
    if (max !== undefined && size > max) this.#shrink(rule, `at most ${max} pixels`, () => `${size}`);
  }

  #shrink(rule: ImageRuleName, expected: string, got: () => string): void {
    const action = this.#break(rule, expected, got, true);
    if (action?.kind !== 'downsample') return;
    const { maxWidth, maxHeight } = this.#box ?? action;
    this.#box = { maxWidth: Math.min(maxWidth, action.maxWidth), maxHeight: Math.min(maxHeight, action.maxHeight) };
  }

  #compareWeight(header: ImageHeader): void {
    const { decodedBytes, metadataBytes, trailingBytes, scans, badChecksum } = header;
    const { maxDecodedBytes, maxRatio, maxMetadataBytes, maxScans, trailingData, checksums } = this.#rules;
    // What lies behind the image is no part of it: it would buy a larger bomb.
    const ratio = decodedBytes / (this.#bytes.length - trailingBytes);
    const comparisons: readonly Comparison[] = [
      [
        'image.maxDecodedBytes',
        decodedBytes <= maxDecodedBytes,
        () => `at most ${maxDecodedBytes} bytes`,
        () => `${decodedBytes}`,
      ],
      ['image.maxRatio', ratio <= maxRatio, () => `at most ${maxRatio} × its size`, () => `${ratio.toFixed(1)} ×`],
      [
        'image.maxMetadataBytes',
        metadataBytes <= maxMetadataBytes,
        () => `at most ${maxMetadataBytes} bytes`,
        () => `${metadataBytes}`,
      ],
      ['image.maxScans', scans <= maxScans, () => `at most ${maxScans} scans`, () => `${scans}`],
      ['image.trailingData', trailingData === 'allow' || trailingBytes === 0, () => 'nothing', () => `${trailingBytes} bytes`],
      [
        'image.checksums',
        checksums === 'ignore' || badChecksum === undefined,
        () => 'right ones',
        () => `a wrong one: ${badChecksum}`,
      ],
    ];
    for (const [rule, isKept, expected, got] of comparisons) if (!isKept) this.#break(rule, expected(), got);
  }

  /** A rule that only watches changes no image. */
  #isMadeAnew({ format }: ImageHeader): boolean {
    return this.#rules.reencode.includes(format) && this.#judge.enforces('image.format');
  }

  #task(header: ImageHeader): ImageTask | undefined {
    const { width, height, frames } = header;
    if (this.#box === undefined && !this.#firstFrameOnly && !this.#isMadeAnew(header)) return undefined;
    if (frames > 1 && !this.#firstFrameOnly) this.#break('image.maxFrames', '1 frame, to be made anew', () => `${frames}`, true);
    const box = this.#box === undefined ? { maxWidth: width, maxHeight: height } : this.#fit(width, height, this.#box);
    return { width, height, resultWidth: box.maxWidth, resultHeight: box.maxHeight, firstFrameOnly: true };
  }

  /** A box may be wider than a rule that it has to satisfy, and a narrow image can become too small in it. */
  #fit(width: number, height: number, box: ImageBox): ImageBox {
    const { width: widths = {}, height: heights = {}, maxPixels } = this.#rules;
    const fitted = fitIntoBox(
      { width, height },
      {
        maxWidth: Math.min(box.maxWidth, widths.max ?? box.maxWidth),
        maxHeight: Math.min(box.maxHeight, heights.max ?? box.maxHeight),
        maxPixels,
      },
    );
    const got = () => `${fitted.maxWidth} × ${fitted.maxHeight} when it fits its box`;
    if (fitted.maxWidth < (widths.min ?? 1)) this.#break('image.width', `at least ${widths.min} pixels`, got);
    if (fitted.maxHeight < (heights.min ?? 1)) this.#break('image.height', `at least ${heights.min} pixels`, got);
    return fitted;
  }
}

/**
 * Checks one encoded image. Every rule that is on and broken is reported once. Linear in the number of bytes, whatever they expand to.
 */
export function checkImageBytes(bytes: Uint8Array, rules: ImageRules, judge: ImageJudge): ImageVerdict {
  return new ImageCheck(bytes, rules, judge).run();
}
