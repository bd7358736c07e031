// One image through libvips: decoded, made to fit its box, and written as a PNG that holds pixels and nothing else. The only file that loads
// sharp. Runs in the sealed decoder process only, because every format here is read by C that has been broken before (libwebp's
// CVE-2023-4863, libpng, libjpeg, giflib's successors).
import sharp, { type Sharp } from 'sharp';
import { readBmpPixels } from './bmp-pixels.ts';
import type { DecodeRequest } from './messages.ts';

/** Loaders of libvips that may run; it would choose by itself among two dozen others, by what the bytes look like. */
const loaders = [
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadWebpBuffer',
];

const redAndBlueSwapped = {
  3: [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ],
  4: [
    [0, 0, 1, 0],
    [0, 1, 0, 0],
    [1, 0, 0, 0],
    [0, 0, 0, 1],
  ],
} as const;

/** Metadata is dropped, and the profile with it: TensorFlow's decoders show the samples as they are stored, and so does this. */
async function open(request: DecodeRequest, bytes: Buffer): Promise<Sharp | undefined> {
  const { format, width, height, bmp } = request;
  if (bmp !== undefined) {
    const { data, channels, isBlueFirst } = readBmpPixels(bytes, request, bmp);
    const image = sharp(data, { raw: { width, height, channels } });
    return isBlueFirst && channels !== 1 ? image.recomb(redAndBlueSwapped[channels] as never) : image;
  }
  const image = sharp(bytes, {
    // With less, a JPEG that ends in the middle is filled up with grey: a picture that nobody sent.
    failOn: 'warning',
    limitInputPixels: width * height,
    // The first frame only.
    page: 0,
    pages: 1,
    sequentialRead: true,
    ignoreIcc: true,
  });
  const found = await image.metadata();
  return found.format === format && found.width === width && found.height === height ? image : undefined;
}

/**
 * The PNG, 8 bits per sample, with the channels that were asked for; undefined when the image is not what its header said, or cannot be
 * decoded. Smaller sizes are weighted averages over all pixels (libvips' `linear` kernel, widened by the factor, after steps by whole
 * factors inside the decoders of JPEG and WebP): no pixel is left out and no value lies beyond those of the original. The orientation of
 * EXIF is not applied, as TensorFlow does not.
 */
export async function decodeImage(request: DecodeRequest, bytes: Buffer): Promise<Buffer | undefined> {
  const { width, height, channels, resultWidth, resultHeight } = request;
  try {
    const image = await open(request, bytes);
    if (image === undefined) return undefined;
    const sized =
      resultWidth < width || resultHeight < height
        ? // The server has worked out the size; libvips, which rounds otherwise, would miss a rule by a pixel.
          image.resize({ width: resultWidth, height: resultHeight, fit: 'fill', kernel: 'linear' })
        : image;
    const coloured = sized.toColourspace(channels <= 2 ? 'b-w' : 'srgb');
    const whole = channels % 2 === 0 ? coloured.ensureAlpha() : coloured.removeAlpha();
    const { data, info } = await whole
      .png({ compressionLevel: 2, adaptiveFiltering: false })
      .toBuffer({ resolveWithObject: true });
    return info.channels === channels ? data : undefined;
  } catch {
    // What libvips says of it may hold bytes of the image, and is of no use to anybody who did not send it.
    return undefined;
  }
}

/**
 * Sets libvips up and uses each decoder once, so that everything is loaded that it loads when it is first needed. Then forbids every
 * other loader. @throws when a decoder does not work in this process.
 */
export async function prepareDecoder(): Promise<void> {
  sharp.cache(false);
  sharp.concurrency(1);
  const size = { width: 64, height: 48 } as const;
  const plain = () => sharp({ create: { ...size, channels: 4, background: { r: 200, g: 100, b: 50, alpha: 0.5 } } });
  const grey = () => sharp(Buffer.alloc(size.width * size.height, 90), { raw: { ...size, channels: 1 } }).toColourspace('b-w');
  const samples = [
    ['png', 4, plain().png()],
    ['png', 3, plain().removeAlpha().png({ progressive: true, palette: true })],
    ['png', 1, grey().png()],
    ['jpeg', 3, plain().removeAlpha().jpeg({ progressive: true })],
    ['jpeg', 3, plain().removeAlpha().toColourspace('cmyk').jpeg()],
    ['jpeg', 1, grey().jpeg()],
    ['gif', 3, plain().gif()],
    ['webp', 4, plain().webp()],
    ['webp', 3, plain().removeAlpha().webp({ lossless: true })],
  ] as const;
  for (const [format, channels, made] of samples) {
    const bytes = await made.toBuffer();
    const request = { format, ...size, channels, resultWidth: 20, resultHeight: 15, imageBytes: bytes.length };
    if ((await decodeImage(request, bytes)) === undefined)
      throw new Error(`${format} with ${channels} channels cannot be decoded here`);
    // How it fails is part of what is loaded.
    await decodeImage(request, bytes.subarray(0, bytes.length / 2));
  }
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: loaders });
}
