// What the server and the decoder say to each other: one image there, one PNG back. Fixed headers of numbers and then bytes; no text
// crosses, so that whoever takes over the decoder has no words to say. Pure, because both sides use it; answers are hostile.
import { AirlockError } from '../core/index.ts';

/** The most bytes of an image, and of an answer. */
export const maxMessageBytes = 64 * 1024 * 1024;

/** The decoder's only argument: it is to give up, before it gets an image, what it does not need. */
export const sealArgument = 'seal';

/** A BMP's layout as the server read it: the decoder has no parser for it, and copies pixels. */
export interface BmpPixels {
  readonly bitsPerPixel: number;
  readonly isTopDown: boolean;
  readonly paletteStart: number;
  readonly paletteEntries: number;
  readonly pixelsStart: number;
  readonly rowBytes: number;
}

export const imageFormatCodes = { png: 1, jpeg: 2, gif: 3, webp: 4, bmp: 5 } as const;
export type DecodableFormat = keyof typeof imageFormatCodes;

export interface DecodeRequest {
  readonly format: DecodableFormat;
  /** What the header says; an image that turns out otherwise is refused. */
  readonly width: number;
  readonly height: number;
  /** Of the result: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** Exactly the size of the result. */
  readonly resultWidth: number;
  readonly resultHeight: number;
  /** Bytes that follow the header. */
  readonly imageBytes: number;
  /** For format bmp. */
  readonly bmp?: BmpPixels;
}

/** ready: the decoder is loaded and sealed. image: a PNG follows. undecodable: the image is at fault. */
export const answerKinds = { ready: 1, image: 2, undecodable: 3 } as const;
export type AnswerKind = keyof typeof answerKinds;

export interface AnswerHead {
  readonly kind: AnswerKind;
  /** Bytes that follow. */
  readonly imageBytes: number;
}

export const requestHeadBytes = 64;
export const answerHeadBytes = 16;

const magic = 0x31646c61; // "ald1"

function violation(detail: string): AirlockError {
  return new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: `decoder: ${detail}` });
}

/** The 64 bytes before an image; all numbers are unsigned, little-endian, below 2^32. */
export function encodeDecodeRequest(request: DecodeRequest): Buffer {
  const { format, width, height, channels, resultWidth, resultHeight, imageBytes, bmp } = request;
  const { bitsPerPixel = 0, paletteStart = 0, paletteEntries = 0, pixelsStart = 0, rowBytes = 0 } = bmp ?? {};
  const head = Buffer.alloc(requestHeadBytes);
  [magic, imageFormatCodes[format], width, height, channels, resultWidth, resultHeight, imageBytes].forEach((value, index) => {
    head.writeUInt32LE(value, index * 4);
  });
  const layout = [bitsPerPixel, Number(bmp?.isTopDown ?? false), paletteStart, paletteEntries, pixelsStart, rowBytes];
  layout.forEach((value, index) => {
    head.writeUInt32LE(value, 32 + index * 4);
  });
  return head;
}

/** @throws WORKER_PROTOCOL_VIOLATION when it is none; otherwise the server is believed. */
export function readDecodeRequest(head: Buffer): DecodeRequest {
  const [start, code, width, height, channels, resultWidth, resultHeight, imageBytes] = numbers(head, 0, 8);
  const format = (Object.keys(imageFormatCodes) as DecodableFormat[]).find((name) => imageFormatCodes[name] === code);
  if (start !== magic || format === undefined || imageBytes > maxMessageBytes) throw violation('no request');
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) throw violation('no request');
  const [bitsPerPixel, isTopDown, paletteStart, paletteEntries, pixelsStart, rowBytes] = numbers(head, 32, 6);
  const layout = {
    bitsPerPixel,
    isTopDown: isTopDown === 1,
    paletteStart,
    paletteEntries,
    pixelsStart,
    rowBytes,
  };
  const bmp = format === 'bmp' ? { bmp: layout } : {};
  return { format, width, height, channels, resultWidth, resultHeight, imageBytes, ...bmp };
}

function numbers(head: Buffer, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => head.readUInt32LE(from + index * 4));
}

export function encodeAnswerHead({ kind, imageBytes }: AnswerHead): Buffer {
  const head = Buffer.alloc(answerHeadBytes);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(answerKinds[kind], 4);
  head.writeUInt32LE(imageBytes, 8);
  return head;
}

/**
 * Reads the 16 bytes of an answer, written by whoever holds the decoder.
 * @throws WORKER_PROTOCOL_VIOLATION for anything but an answer with at most `maxImageBytes`, and for bytes where none belong.
 */
export function readAnswerHead(head: Buffer, maxImageBytes: number): AnswerHead {
  const [start, code, imageBytes, reserved] = numbers(head, 0, 4);
  const kind = (Object.keys(answerKinds) as AnswerKind[]).find((name) => answerKinds[name] === code);
  if (start !== magic || reserved !== 0 || kind === undefined) throw violation('the answer is none');
  const most = kind === 'image' ? maxImageBytes : 0;
  if (imageBytes > most) throw violation(`an answer of ${imageBytes} bytes, more than ${most}`);
  return { kind, imageBytes };
}
