// One part of one tensor as it goes to a thread, and what comes back: numbers that can be added up.
import type { Payload } from './payload-types.ts';

/** How elements lie in bytes; `integers` and `bytes` have no NaN. */
export type ElementKind = 'float64' | 'float32' | 'float16' | 'bfloat16' | 'integers' | 'bytes' | 'strings';

export interface Piece {
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of the source: a search may look a little past its piece. */
  readonly endOfTensor: number;
  readonly kind: ElementKind;
  /** Search programs at every byte; otherwise where an element begins, and ELF at every byte. */
  readonly isThorough: boolean;
  /** Bytes of its beginning whose low bits are searched. */
  readonly lowBitsBytes: number;
}

export interface PieceStats {
  elements: number;
  notANumber: number;
  positiveInfinite: number;
  negativeInfinite: number;
  /** Largest finite magnitude. */
  largest: number;
  /** Of a sample of finite values. */
  sumOfSquares: number;
  sampled: number;
  /** First 8 bytes of the piece when it consists of them only, as hex. */
  constant: string | undefined;
  /** Worst first found; offsets from the beginning of the source. */
  payload: Payload | undefined;
  lowBits: Payload | undefined;
  text: { readonly offset: number; readonly sizeBytes: number; readonly sample: string } | undefined;
  /** Of a sample of bytes, how often each was there. */
  histogram: Uint32Array;
}

export function emptyStats(): PieceStats {
  return {
    elements: 0,
    notANumber: 0,
    positiveInfinite: 0,
    negativeInfinite: 0,
    largest: 0,
    sumOfSquares: 0,
    sampled: 0,
    constant: undefined,
    payload: undefined,
    lowBits: undefined,
    text: undefined,
    histogram: new Uint32Array(256),
  };
}

const order = { low: 0, medium: 1, high: 2 } as const;

export function worse(a: Payload | undefined, b: Payload | undefined): Payload | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return order[b.severity] > order[a.severity] ? b : a;
}

/** Adds `part` to `all`, which has the parts before it. */
export function addStats(all: PieceStats, part: PieceStats): void {
  all.constant = all.elements === 0 || all.constant === part.constant ? part.constant : undefined;
  all.elements += part.elements;
  all.notANumber += part.notANumber;
  all.positiveInfinite += part.positiveInfinite;
  all.negativeInfinite += part.negativeInfinite;
  all.largest = Math.max(all.largest, part.largest);
  all.sumOfSquares += part.sumOfSquares;
  all.sampled += part.sampled;
  all.payload = worse(all.payload, part.payload);
  all.lowBits ??= part.lowBits;
  all.text ??= part.text;
  for (let byte = 0; byte < 256; byte++) all.histogram[byte] += part.histogram[byte];
}
