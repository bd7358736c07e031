// One block of a tar archive: a header of 512 bytes in the forms v7, ustar and GNU, and the records that replace parts of it.
import type { Source } from '../scan-context.ts';
import { damaged } from './report-file.ts';

export const blockBytes = 512;

/** What pax and GNU records say instead of a header. */
export interface Overrides {
  name?: string;
  linkTarget?: string;
  sizeBytes?: number;
  isSparse?: boolean;
}

/** Up to the first NUL. */
export function text(block: Buffer, start: number, end: number): string {
  const bytes = block.subarray(start, end);
  const nul = bytes.indexOf(0);
  return (nul === -1 ? bytes : bytes.subarray(0, nul)).toString('utf8');
}

/** Octal, or base 256 where the first bit is set; undefined when it is neither. */
function number(block: Buffer, start: number, end: number): number | undefined {
  if ((block[start] & 0x80) !== 0) {
    let value = block[start] & 0x7f;
    for (let index = start + 1; index < end; index++) value = value * 256 + block[index];
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = block
    .toString('latin1', start, end)
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** The checksum that tells a header from data. */
export function checksumFits(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let index = 0; index < blockBytes; index++) {
    if (index === 148) index = 156;
    unsigned += block[index];
    if (block[index] > 127) high++;
  }
  const written = number(block, 148, 156);
  // Old programs added signed bytes.
  return written === unsigned || written === unsigned - 256 * high;
}

const zeros = Buffer.alloc(blockBytes);
/** Two blocks of zeros end an archive. */
export const isZero = (block: Buffer): boolean => block.equals(zeros);

/** `length key=value\n`, again and again. */
export function readPax(bytes: Buffer, into: Overrides, archive: Source): void {
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const space = bytes.subarray(at, at + 12).indexOf(0x20);
    const length = Number(bytes.toString('latin1', at, at + Math.max(space, 0)));
    if (space < 1 || !Number.isSafeInteger(length) || length < space + 3 || at + length > bytes.length) {
      throw damaged(archive.name, 'a pax header is not well formed');
    }
    const record = bytes.subarray(at + space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    const key = record.toString('latin1', 0, Math.max(equals, 0));
    const value = record.subarray(equals + 1).toString('utf8');
    if (key === 'path' || key === 'GNU.sparse.name') into.name = value;
    else if (key === 'linkpath') into.linkTarget = value;
    else if (key === 'size') into.sizeBytes = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (key.startsWith('GNU.sparse.')) into.isSparse = true;
    at += length;
  }
}

export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly linkTarget: string;
  readonly sizeBytes: number;
  readonly mode: number;
}

/** @throws MODEL_INVALID when the size is no number. */
export function readHeader(block: Buffer, archive: Source): TarHeader {
  const sizeBytes = number(block, 124, 136);
  if (sizeBytes === undefined) throw damaged(archive.name, 'the size of a member is no number');
  const isUstar = text(block, 257, 263) === 'ustar' && block[262] === 0;
  const prefix = isUstar ? text(block, 345, 500) : '';
  const name = text(block, 0, 100);
  return {
    type: String.fromCharCode(block[156]),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkTarget: text(block, 157, 257),
    sizeBytes,
    mode: number(block, 100, 108) ?? 0,
  };
}
