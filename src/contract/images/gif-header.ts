// Reads the header of a GIF (87a, 89a) and walks all of its blocks: frames are counted, and none may lie outside the canvas. Decodes
// nothing. A decoder makes a whole canvas of each frame, however small its part is, so that is what decoded bytes are.
import { described, hasText, type ImageReading, malformed, uint16LE } from './image-header.ts';

const headerBytes = 13;
const frameBytes = 10;
const extension = 0x21;
const imageSeparator = 0x2c;
const trailer = 0x3b;
const graphicControl = 0xf9;
const application = 0xff;

/** A colour table's bytes, by the flags before it. */
function tableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** The end of sub-blocks: each has its length first, and an empty one ends them. Undefined when the file ends before. */
function endOfSubBlocks(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at < bytes.length; at += bytes[at] + 1) if (bytes[at] === 0) return at + 1;
  return undefined;
}

/** The header of bytes that begin with GIF87a or GIF89a. Linear in their number. */
export function readGifHeader(bytes: Uint8Array): ImageReading {
  if (bytes.length < headerBytes) return malformed('a header of 13 bytes', `${bytes.length} bytes`);
  const width = uint16LE(bytes, 6);
  const height = uint16LE(bytes, 8);
  if (width === 0 || height === 0) return malformed('a size from 1 × 1', `${width} × ${height}`);
  let at = headerBytes + tableBytes(bytes[10]);
  let frames = 0;
  let metadataBytes = 0;
  /** A graphic control that no frame has used yet. */
  let controlBytes = 0;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === trailer) {
      if (frames === 0) return malformed('at least one frame', 'none');
      metadataBytes += controlBytes;
      const trailingBytes = bytes.length - (at + 1);
      return described({
        format: 'gif',
        width,
        height,
        channels: 3,
        bitDepth: 8,
        frames,
        scans: 1,
        metadataBytes,
        trailingBytes,
      });
    }
    if (kind === imageSeparator) {
      const end = endOfFrame(bytes, at, width, height);
      if (typeof end === 'string') return malformed('frames that can be decoded', `${end} at ${at}`);
      frames++;
      controlBytes = 0;
      at = end;
    } else if (kind === extension) {
      const end = endOfSubBlocks(bytes, at + 2);
      if (end === undefined) break;
      const label = bytes[at + 1];
      if (label === graphicControl) {
        metadataBytes += controlBytes;
        controlBytes = end - at;
      } else if (!isLoop(bytes, at, end)) {
        metadataBytes += end - at;
      }
      at = end;
    } else {
      return malformed('frames and extensions', `a block ${kind} at ${at}`);
    }
  }
  return malformed('blocks up to the trailer', `no trailer in ${bytes.length} bytes`);
}

/** Netscape's extension that says how often an animation is shown. */
function isLoop(bytes: Uint8Array, at: number, end: number): boolean {
  return bytes[at + 1] === application && end - at === 19 && hasText(bytes, at + 3, 'NETSCAPE2.0');
}

/** The end of a frame, or what is wrong with it. */
function endOfFrame(bytes: Uint8Array, at: number, width: number, height: number): number | string {
  if (at + frameBytes > bytes.length) return 'a frame that is not whole';
  const [x, y, columns, rows] = [1, 3, 5, 7].map((place) => uint16LE(bytes, at + place));
  if (columns === 0 || rows === 0 || x + columns > width || y + rows > height)
    return `a frame of ${columns} × ${rows} at ${x}, ${y} on a canvas of ${width} × ${height}`;
  const data = at + frameBytes + tableBytes(bytes[at + 9]);
  if (data >= bytes.length) return 'a frame that is not whole';
  const codeBits = bytes[data];
  if (codeBits < 2 || codeBits > 8) return `codes of ${codeBits} bits`;
  return endOfSubBlocks(bytes, data + 1) ?? 'a frame that is not whole';
}
