// Looks at one part of one tensor, a megabyte at a time: what is no number, what is hidden. The same code runs in the scan and in
// its threads.
import { findHead, findPayload, headTable, payloadAt } from './find-payload.ts';
import { judgeText, minRunBytes, textRuns } from './find-text.ts';
import { findInLowBits } from './low-bits.ts';
import { countNumbers } from './numbers.ts';
import { type Payload, type SearchBudget, searchBudget } from './payload-types.ts';
import { emptyStats, type Piece, type PieceStats, worse } from './piece-types.ts';

/** Exactly this part of the source, at a multiple of 8 in memory; valid until the next call. */
export type ReadBytes = (offset: number, length: number) => Buffer;

/** Fits the second cache. */
export const chunkBytes: number = 256 * 1024;
/** How far past its chunk a head is read. */
export const overlapBytes = 4096;
const histogramStride = 61;
const minTextBytes = 256;
/** Where not every byte is searched, shorter text than twice this is passed over. */
const coarseStrideBytes = 64;

const elf = Buffer.from('\x7fELF', 'latin1');

/** ELF at every byte of what is not searched thoroughly, as it is what is hidden most. */
function findElf(bytes: Buffer, budget: SearchBudget): Payload | undefined {
  let worst: Payload | undefined;
  for (let at = bytes.indexOf(elf); at !== -1; at = bytes.indexOf(elf, at + 1))
    worst = worse(worst, payloadAt(bytes, at, budget));
  return worst;
}

/** Heads where an integer begins; for floats this happens while they are counted. */
function findInIntegers(bytes: Buffer, length: number, budget: SearchBudget): Payload | undefined {
  let worst: Payload | undefined;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length >>> 2);
  for (let index = 0; index < words.length; index++) {
    if (headTable[words[index] & 0xffff] !== 0) worst = worse(worst, payloadAt(bytes, index * 4, budget));
  }
  return worst;
}

function isConstant(bytes: Buffer): boolean {
  return bytes.length >= 16 && bytes.subarray(8).equals(bytes.subarray(0, bytes.length - 8));
}

/** Prose in runs of printable bytes, and programs as text. */
function searchText(bytes: Buffer, at: number, isThorough: boolean, stats: PieceStats): void {
  const stride = isThorough ? minRunBytes / 2 : coarseStrideBytes;
  for (const run of textRuns(bytes, 2 * stride, stride)) {
    const verdict = judgeText(bytes, run);
    if (verdict.codeSigns > 0) {
      const what = `a program as text: "${verdict.sample}"`;
      stats.payload = worse(stats.payload, { what, offset: at + run.start, severity: 'high' });
    }
    const sizeBytes = run.end - run.start;
    if (verdict.isProse && sizeBytes >= minTextBytes)
      stats.text ??= { offset: at + run.start, sizeBytes, sample: verdict.sample };
  }
}

/** Looks at a piece of a tensor. `read` may throw what its source throws. */
export function searchPiece(piece: Piece, read: ReadBytes): PieceStats {
  const stats = emptyStats();
  const budget = searchBudget();
  const end = piece.offset + piece.sizeBytes;
  let first: Buffer | undefined;
  let allConstant = true;
  for (let at = piece.offset; at < end; at += chunkBytes) {
    const length = Math.min(chunkBytes, end - at);
    const bytes = read(at, Math.min(length + overlapBytes, piece.endOfTensor - at));
    const own = bytes.subarray(0, length);
    let found: Payload | undefined;
    countNumbers(own, piece.kind, stats, (index) => {
      if (headTable[own[index * 4] | (own[index * 4 + 1] << 8)] !== 0) found = worse(found, payloadAt(bytes, index * 4, budget));
    });
    if (allConstant) {
      first ??= Buffer.from(own.subarray(0, 8));
      allConstant = own.subarray(0, 8).equals(first) && isConstant(own);
    }
    if (piece.kind === 'strings') found = findPayload(bytes, { budget, isWords: true });
    else if (piece.isThorough) found = findHead(bytes, budget);
    else {
      if (piece.kind !== 'float32') found = findInIntegers(bytes, length, budget);
      found = worse(found, findElf(bytes, budget));
    }
    if (found !== undefined && found.offset < length)
      stats.payload = worse(stats.payload, { ...found, offset: at + found.offset });
    if (piece.kind !== 'strings') searchText(bytes, at, piece.isThorough, stats);
    if (at === piece.offset && piece.lowBitsBytes > 0) {
      const low = findInLowBits(own.subarray(0, piece.lowBitsBytes));
      if (low !== undefined) stats.lowBits = { ...low, offset: at };
    }
    for (let index = 0; index < length; index += histogramStride) stats.histogram[own[index]]++;
  }
  stats.constant = allConstant ? first?.toString('hex') : undefined;
  return stats;
}
