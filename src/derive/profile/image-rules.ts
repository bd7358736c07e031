// The rules that follow from the headers of images. What the contract says of them already, because the graph decodes nothing else or
// because it is a limit against bombs, is only ever narrowed: files outside of it are counted and said.
import { type ImageRules, safeImageFormats, type TensorRules } from '../../contract/index.ts';
import type { ImageMeasure } from './image-measure.ts';
import { commonInterval, type Extremes, intervalText, isOutside } from './intervals.ts';
import { lengthBounds } from './margins.ts';
import type { RuleDraft, RuleOptions } from './rule-draft.ts';

export function addImages(images: ImageMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  if (images.firstProblem !== undefined) {
    const { index, text } = images.firstProblem;
    to.warn(
      `${images.problems} of ${images.count} files are no images that can be allowed; the first is number ${index}: ${text}`,
    );
  }
  if (images.bytes.count === 0) return;
  const measured = imageRules(images, options.margin);
  to.draft.image = base.image === undefined ? measured : narrowImage(measured, base.image);
  if (base.image !== undefined) for (const text of outsideOf(base.image, images)) to.warn(text);
  to.draft.string = {
    encoding: 'binary',
    controlCharacters: 'allow',
    bidiControls: 'allow',
    invisible: 'allow',
    maxBytes: lengthBounds(images.bytes, options.margin).max,
  };
  to.derive('image.format', 'image.width', 'image.height', 'image.maxPixels', 'image.channels', 'image.bitDepth');
  to.derive('image.maxFrames', 'image.maxDecodedBytes', 'image.maxRatio', 'image.maxMetadataBytes', 'string.maxBytes');
  if (images.formats.has('jpeg')) to.derive('image.maxScans');
}

interface MeasuredImageRules extends ImageRules {
  readonly width: Extremes;
  readonly height: Extremes;
}

function imageRules(images: ImageMeasure, margin: number): MeasuredImageRules {
  const sorted = (values: Iterable<number>) => [...values].sort((one, other) => one - other);
  const formats = [...images.formats.keys()].sort();
  return {
    formats: formats.filter((format) => safeImageFormats.includes(format)),
    reencode: formats.filter((format) => !safeImageFormats.includes(format)),
    width: lengthBounds(images.width, margin),
    height: lengthBounds(images.height, margin),
    maxPixels: lengthBounds(images.pixels, margin).max,
    channels: sorted(images.channels.keys()),
    bitDepth: sorted(images.bitDepths.keys()),
    maxFrames: images.maxFrames,
    maxDecodedBytes: lengthBounds(images.decodedBytes, margin).max,
    maxRatio: Math.ceil(images.maxRatio * (1 + margin)),
    inflatedSize: 'check',
    trailingData: images.trailing === 0 ? 'reject' : 'allow',
    maxMetadataBytes: lengthBounds(images.metadataBytes, margin).max,
    maxScans: Math.max(images.maxScans, 1),
    checksums: images.badChecksums === 0 ? 'check' : 'ignore',
  };
}

/** What both allow; of a rule of which they would leave nothing, what was there before. */
function narrowImage(measured: MeasuredImageRules, base: ImageRules): ImageRules {
  const seen = [...measured.formats, ...measured.reencode];
  const formats = base.formats.filter((format) => seen.includes(format));
  const reencode = base.reencode.filter((format) => seen.includes(format));
  return {
    ...measured,
    ...(formats.length + reencode.length === 0
      ? { formats: base.formats, reencode: base.reencode }
      : { formats: formats.sort(), reencode: reencode.sort() }),
    ...narrowSize('width', measured, base),
    ...narrowSize('height', measured, base),
    ...commonValues('channels', measured, base),
    ...commonValues('bitDepth', measured, base),
    ...lesser('maxPixels', measured, base),
    ...lesser('maxFrames', measured, base),
    ...lesser('maxDecodedBytes', measured, base),
    ...lesser('maxRatio', measured, base),
    ...lesser('maxMetadataBytes', measured, base),
    ...lesser('maxScans', measured, base),
    ...(base.trailingData === 'reject' ? { trailingData: 'reject' } : {}),
    ...(base.checksums === 'check' ? { checksums: 'check' } : {}),
  };
}

type Limit = 'maxPixels' | 'maxFrames' | 'maxDecodedBytes' | 'maxRatio' | 'maxMetadataBytes' | 'maxScans';

function lesser(key: Limit, measured: ImageRules, base: ImageRules): Partial<ImageRules> {
  const [one, other] = [measured[key], base[key]];
  return one === undefined || other === undefined ? {} : { [key]: Math.min(one, other) };
}

function narrowSize(key: 'width' | 'height', measured: MeasuredImageRules, base: ImageRules): Partial<ImageRules> {
  const limits = base[key];
  return limits === undefined ? {} : { [key]: commonInterval(measured[key], limits) ?? limits };
}

function commonValues(key: 'channels' | 'bitDepth', measured: ImageRules, base: ImageRules): Partial<ImageRules> {
  const other = base[key];
  if (other === undefined) return {};
  const common = other.filter((value) => measured[key]?.includes(value));
  return { [key]: common.length === 0 ? other : common };
}

/** Which files the rules that were there before refuse, rule by rule. */
function outsideOf(base: ImageRules, images: ImageMeasure): string[] {
  const found: string[] = [];
  const formats = [...base.formats, ...base.reencode];
  for (const [format, count] of images.formats)
    if (!formats.includes(format)) found.push(`${count} of ${images.count} files are ${format}, which the model does not take`);
  for (const [key, counts] of [
    ['channels', images.channels],
    ['bitDepth', images.bitDepths],
  ] as const)
    for (const [value, count] of counts)
      if (base[key]?.includes(value) === false) found.push(`${count} of ${images.count} files have ${key} ${value}`);
  for (const key of ['width', 'height'] as const) {
    const { min, max } = images[key];
    const limits = base[key];
    if (limits !== undefined && isOutside({ min, max }, limits))
      found.push(`files have the ${key} ${intervalText({ min, max })}, allowed is ${intervalText(limits)}`);
  }
  const largest: Readonly<Record<Limit, number>> = {
    maxPixels: images.pixels.max,
    maxFrames: images.maxFrames,
    maxDecodedBytes: images.decodedBytes.max,
    maxRatio: images.maxRatio,
    maxMetadataBytes: images.metadataBytes.max,
    maxScans: images.maxScans,
  };
  for (const key of Object.keys(largest) as Limit[]) {
    const limit = base[key];
    if (limit !== undefined && largest[key] > limit)
      found.push(`files need ${key} ${Math.ceil(largest[key])}, which stays at ${limit}`);
  }
  if (base.trailingData === 'reject' && images.trailing > 0) found.push(`${images.trailing} files have bytes after their end`);
  if (base.checksums === 'check' && images.badChecksums > 0) found.push(`${images.badChecksums} files have wrong checksums`);
  return found;
}
