// Reads the header of a JPEG (ITU-T T.81) and walks its markers from SOI to EOI, entropy-coded data included. Decodes nothing. Only what
// every decoder has is taken: Huffman-coded baseline, extended and progressive frames; the rest is refused by its name.
import { described, hasText, type ImageReading, malformed, uint16BE } from './image-header.ts';

const soi = 0xd8;
const eoi = 0xd9;
const sos = 0xda;
const dri = 0xdd;
const app0 = 0xe0;
const app14 = 0xee;
const app15 = 0xef;
const com = 0xfe;

/** Start-of-frame markers that are taken. */
const frameNames: Readonly<Record<number, string>> = { 192: 'baseline', 193: 'extended', 194: 'progressive' };
/** Markers that are refused, by name. */
const refusedMarkers: Readonly<Record<number, string>> = {
  195: 'a lossless frame (SOF3)',
  197: 'a differential frame (SOF5)',
  198: 'a differential frame (SOF6)',
  199: 'a differential frame (SOF7)',
  200: 'a reserved frame (JPG)',
  201: 'an arithmetic-coded frame (SOF9)',
  202: 'an arithmetic-coded frame (SOF10)',
  203: 'an arithmetic-coded frame (SOF11)',
  204: 'arithmetic coding (DAC)',
  205: 'a differential frame (SOF13)',
  206: 'a differential frame (SOF14)',
  207: 'a differential frame (SOF15)',
  220: 'a height that comes later (DNL)',
  222: 'a hierarchical image (DHP)',
  223: 'a hierarchical image (EXP)',
};
/** Tables: DHT, DQT, DRI. */
const tableMarkers: ReadonlySet<number> = new Set([0xc4, 0xdb, dri]);

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly components: number;
  /** Identifiers of the components, as bits of a 256-bit set would be: at most 4 of them. */
  readonly ids: readonly number[];
  readonly isProgressive: boolean;
}

/** The header of bytes that begin with a JPEG's SOI. Linear in their number. */
export function readJpegHeader(bytes: Uint8Array): ImageReading {
  let at = 2;
  let frame: Frame | undefined;
  let scans = 0;
  let metadataBytes = 0;
  const marker = (got: string) => malformed('markers as the JPEG specification has them', `${got} at ${at}`);
  while (at + 2 <= bytes.length) {
    if (bytes[at] !== 0xff) return marker('bytes between segments');
    const code = bytes[at + 1];
    if (code === 0xff) {
      // A marker may have fill bytes before it.
      at++;
      continue;
    }
    if (code === eoi) {
      if (frame === undefined || scans === 0) return malformed('a frame and a scan', 'an end (EOI) without');
      const { width, height, bitDepth, components } = frame;
      const trailingBytes = bytes.length - (at + 2);
      return described({
        format: 'jpeg',
        width,
        height,
        channels: components,
        ...(components === 4 ? { channelsAnew: 3 } : {}),
        bitDepth,
        frames: 1,
        scans,
        metadataBytes,
        trailingBytes,
      });
    }
    const refused = refusedMarkers[code];
    if (refused !== undefined) return malformed('a baseline, extended or progressive JPEG', refused);
    if (code === soi) return marker('a second image (SOI)');
    const isMetadata = (code >= app0 && code <= app15) || code === com;
    if (!isMetadata && !tableMarkers.has(code) && code !== sos && frameNames[code] === undefined)
      return marker(`the marker ${code}`);
    const length = at + 4 <= bytes.length ? uint16BE(bytes, at + 2) : 0;
    const start = at + 4;
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) return marker('a segment that is not whole');
    if (isMetadata) {
      metadataBytes += isPlainHeader(bytes, code, start, length) ? 0 : length + 2;
    } else if (code === dri) {
      if (length !== 4) return marker(`DRI with ${length} bytes`);
    } else if (frameNames[code] !== undefined) {
      if (frame !== undefined) return marker('a second frame');
      const read = readFrame(bytes, start, length, code === 0xc2);
      if (typeof read === 'string') return malformed('a frame that can be decoded', read);
      frame = read;
    } else if (code === sos) {
      if (frame === undefined) return marker('a scan without a frame');
      const fault = scanFault(bytes, start, length, frame);
      if (fault !== undefined) return marker(fault);
      scans++;
      at = endOfScan(bytes, end);
      continue;
    }
    at = end;
  }
  return malformed('an image up to its end (EOI)', `no end in ${bytes.length} bytes`);
}

/** JFIF without a thumbnail, and Adobe's word on colours: decoders need them. */
function isPlainHeader(bytes: Uint8Array, code: number, start: number, length: number): boolean {
  if (code === app0) return length === 16 && hasText(bytes, start, 'JFIF\0');
  return code === app14 && length === 14 && hasText(bytes, start, 'Adobe');
}

function readFrame(bytes: Uint8Array, start: number, length: number, isProgressive: boolean): Frame | string {
  if (length < 8) return `a header of ${length} bytes`;
  const bitDepth = bytes[start];
  const height = uint16BE(bytes, start + 1);
  const width = uint16BE(bytes, start + 3);
  const components = bytes[start + 5];
  if (bitDepth !== 8 && bitDepth !== 12) return `${bitDepth} bits per sample`;
  if (height === 0) return 'a height that comes later (DNL)';
  if (width === 0) return 'a width of 0';
  if (components !== 1 && components !== 3 && components !== 4) return `${components} components`;
  if (length !== 8 + 3 * components) return `a header of ${length} bytes for ${components} components`;
  const ids: number[] = [];
  for (let i = 0; i < components; i++) {
    const at = start + 6 + 3 * i;
    const [id, sampling, table] = bytes.subarray(at, at + 3);
    const [across, down] = [sampling >> 4, sampling & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4) return `sampling ${across} × ${down}`;
    if (table > 3) return `quantization table ${table}`;
    if (ids.includes(id)) return 'two components of one name';
    ids.push(id);
  }
  return { width, height, bitDepth, components, ids, isProgressive };
}

/** What is wrong with the header of a scan (B.2.3). */
function scanFault(bytes: Uint8Array, start: number, length: number, { ids, isProgressive }: Frame): string | undefined {
  const count = bytes[start];
  if (length < 6 || count < 1 || count > ids.length || length !== 6 + 2 * count) return 'a scan header of a wrong length';
  for (let i = 0; i < count; i++) if (!ids.includes(bytes[start + 1 + 2 * i])) return 'a scan of a component that is not there';
  const after = start + 1 + 2 * count;
  const [first, last] = [bytes[after], bytes[after + 1]];
  if (!isProgressive) return undefined;
  // A progressive scan is of the first coefficient of components, or of others of one component.
  const isValid = first === 0 ? last === 0 : first <= last && last <= 63 && count === 1;
  return isValid ? undefined : `a scan of coefficients ${first} to ${last}`;
}

/** The place of the next marker that ends a scan: after 0xFF comes 0 for the byte itself, a restart, or the end. */
function endOfScan(bytes: Uint8Array, from: number): number {
  let at = from;
  for (; at + 1 < bytes.length; at++) {
    if (bytes[at] !== 0xff) continue;
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}
