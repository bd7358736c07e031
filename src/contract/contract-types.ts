// A contract as the rest of the tree sees it: checked, complete, frozen. The file's schema (schema.ts) gives exactly these types, so
// that what a person writes and what the server enforces cannot drift apart. Data only; nothing here decides.
import type { DType } from '../tensor/index.ts';
import type { RuleName } from './rule-table.ts';

/**
 * What happens to a rule: `off` it is not looked at; `shadow` it is counted and logged, and never changes a request; `sample` it is
 * enforced on a fraction of the requests and shadow on the others; `enforce`.
 */
export type Mode = 'off' | 'shadow' | 'sample' | 'enforce';

/** What is done to an input that breaks a rule which is enforced. Which rules take which action: rule-table.ts. */
export type Action =
  | { readonly kind: 'reject' }
  /** Let it through and count it. */
  | { readonly kind: 'log' }
  /** Set the element to the nearest bound. */
  | { readonly kind: 'clip' }
  /** Set the element to a fixed value, for example `[UNK]` for a word that is not in the vocabulary. */
  | { readonly kind: 'replace'; readonly with: ContractValue }
  /** Cut a dimension, a string, or the frames of an image to its limit; `side` is the side that goes. */
  | { readonly kind: 'truncate'; readonly side: 'left' | 'right' }
  /** Fill a dimension up to its minimum or its fixed size with `value`. */
  | { readonly kind: 'pad'; readonly side: 'left' | 'right'; readonly value: ContractValue }
  /** Decode the image in a process of its own, make it fit the box, and hand over a clean PNG. */
  | { readonly kind: 'downsample'; readonly maxWidth: number; readonly maxHeight: number }
  /** Leave out what the contract does not name. */
  | { readonly kind: 'select' };

export type ActionKind = Action['kind'];

/** Integers that do not fit a double exactly are bigint everywhere; all others are numbers. */
export type ContractNumber = number | bigint;
export type ContractValue = ContractNumber | string | boolean;

/** Both ends are inclusive; at least one is there. */
export interface Interval {
  readonly min?: number;
  readonly max?: number;
}

export interface Contract {
  readonly apiVersion: 'airlock/contract/v1';
  readonly metadata: ContractMetadata;
  /** For every rule that `modes` of its tensor does not name. Default `enforce`. */
  readonly mode: Mode;
  /** The fraction of requests on which rules of mode `sample` are enforced, 0 to 1. Default 0.1. */
  readonly sampleFraction: number;
  /** Violations that one answer lists. Default 32, at most 1,000. */
  readonly maxViolations: number;
  readonly request: RequestRules;
  /** Named dimensions, by name. Each is bound once per request, by the first tensor that has it. */
  readonly dims: ReadonlyMap<string, DimRules>;
  readonly signatures: ReadonlyMap<string, SignatureRules>;
  readonly cost: CostWeights;
}

export interface ContractMetadata {
  /** Letters, digits, `.`, `_`, `-`. */
  readonly id: string;
  /** From 1; goes up with each change. */
  readonly revision: number;
  readonly description?: string;
  /** Where rules come from; `derivedFrom` of a tensor refers to these by `id`. */
  readonly sources: readonly Source[];
}

export interface Source {
  readonly id: string;
  readonly kind:
    | 'saved_model'
    | 'csv'
    | 'jsonl'
    | 'parquet'
    | 'npy'
    | 'npz'
    | 'tfrecord'
    | 'images'
    | 'tfdv_schema'
    | 'tfdv_statistics';
  /** Name of the file or folder, for people; never opened. */
  readonly name: string;
  /** Of the file's bytes; of a folder: of the sorted lines `sha256  relative/path`. */
  readonly sha256: string;
  /** Rows, examples or files that were read. */
  readonly records?: number;
  /** How the bounds were widened, for people: `p0.1 and p99.9 widened by 0.25 of their distance`. */
  readonly margin?: string;
}

/** Narrower than the server's own limits; a wider value changes nothing. */
export interface RequestRules {
  readonly maxBytes?: number;
  readonly maxElements?: number;
  /** Open brackets at one time. */
  readonly maxDepth?: number;
  readonly maxTokens?: number;
}

export interface DimRules {
  readonly min: number;
  readonly max: number;
  readonly multipleOf?: number;
}

export interface SignatureRules {
  readonly inputs: ReadonlyMap<string, TensorRules>;
  readonly outputs: ReadonlyMap<string, OutputRules>;
  readonly relations: readonly Relation[];
}

/** A size, a dimension's name, a multiple of one (`2*seq`) or a sum (`seq+1`), or null for any size. */
export type DimExpression =
  | { readonly kind: 'any' }
  | { readonly kind: 'fixed'; readonly size: number }
  /** multiplier × dimension + offset. */
  | { readonly kind: 'symbol'; readonly name: string; readonly multiplier: number; readonly offset: number };

export type Monotone = 'increasing' | 'nonDecreasing' | 'decreasing' | 'nonIncreasing';

/**
 * All that can be said of one tensor. A rule that is absent is not checked, but for those that are on by default: NaN and infinities
 * are refused, strings that are text are valid UTF-8.
 */
export interface TensorRules {
  /** Pinned: a model whose signature has another type does not go with this contract. */
  readonly dtype: DType;
  /** Absent: the signature's shape alone counts. */
  readonly shape?: readonly DimExpression[];
  readonly maxElements?: number;
  /** Of the tensor's content; for strings the sum of their lengths. */
  readonly maxBytes?: number;
  readonly number?: NumberRules;
  readonly min?: ContractNumber;
  readonly max?: ContractNumber;
  readonly exclusiveMin?: ContractNumber;
  readonly exclusiveMax?: ContractNumber;
  /** Like min and max; always shadow. */
  readonly softMin?: ContractNumber;
  readonly softMax?: ContractNumber;
  /** At most 10,000 values; more belong into a vocabulary. */
  readonly allowed?: readonly ContractValue[];
  readonly vocabulary?: Vocabulary;
  /** All elements differ, or all rows (slices along the first dimension) do. */
  readonly unique?: 'elements' | 'rows';
  /** Along the last dimension. */
  readonly monotone?: Monotone;
  /** Of the whole tensor. */
  readonly sum?: Interval;
  /** Of each slice along the last dimension. */
  readonly rowSum?: Interval;
  /** Norms of each slice along the last dimension. */
  readonly norm?: { readonly l1?: Interval; readonly l2?: Interval; readonly linf?: Interval };
  readonly mean?: Interval;
  readonly standardDeviation?: Interval;
  /** Fraction of the elements that are zero. */
  readonly zeroFraction?: Interval;
  readonly string?: StringRules;
  readonly tokens?: TokenRules;
  readonly image?: ImageRules;
  readonly audio?: AudioRules;
  readonly example?: ExampleRules;
  /** Per rule; absent: reject. */
  readonly onViolation: ReadonlyMap<RuleName, Action>;
  /** Per rule; absent: the contract's. */
  readonly modes: ReadonlyMap<RuleName, Mode>;
  /** Per rule, the id of the source that it was measured on. */
  readonly derivedFrom: ReadonlyMap<RuleName, string>;
}

export interface NumberRules {
  /** Default reject. */
  readonly nan: 'allow' | 'reject';
  readonly infinity: 'allow' | 'reject';
  /** Numbers so small that they have lost precision. Default allow. */
  readonly subnormal: 'allow' | 'reject';
  /** Default allow; `normalize` makes it 0. */
  readonly negativeZero: 'allow' | 'normalize' | 'reject';
  /**
   * For floating-point inputs in JSON. `nearest`: any decimal is rounded once, as IEEE 754 has it; `exactIntegers`: the same, but a
   * number written without a fraction must not lose anything (16777217 for float32); `exact`: nothing may lose anything. Default
   * `nearest`. Binary tensors are what they are.
   */
  readonly narrowing: 'nearest' | 'exactIntegers' | 'exact';
}

export interface Vocabulary {
  /** Beside the contract: one entry per line, UTF-8, without escapes. At most 64 MiB. */
  readonly file: string;
  /** Of the file's bytes; checked when the contract is loaded. */
  readonly sha256: string;
  /** The share of a tensor's elements that may be missing from it, 0 to 1. Default 0. */
  readonly maxUnknownFraction: number;
  /** The file's lines, read when the contract is loaded. */
  readonly entries: ReadonlySet<string>;
}

export interface StringRules {
  /** `binary` turns every rule of text off. Default utf8. */
  readonly encoding: 'utf8' | 'ascii' | 'binary';
  readonly normalization?: 'NFC' | 'NFKC';
  /** Characters of Unicode's category Cc other than tab, newline and carriage return. Default allow. */
  readonly controlCharacters: 'allow' | 'reject';
  /** Those that reorder text (CVE-2021-42574). */
  readonly bidiControls: 'allow' | 'reject';
  /** Zero-width and other invisible characters (ZWJ inside an emoji sequence excepted). */
  readonly invisible: 'allow' | 'reject';
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly minCodePoints?: number;
  readonly maxCodePoints?: number;
  readonly minGraphemes?: number;
  readonly maxGraphemes?: number;
  /** RE2 syntax; the whole string must match. */
  readonly pattern?: string;
}

/** Rows are slices along the last dimension. */
export interface TokenRules {
  /** Padding; may only stand at one end of a row. */
  readonly padId?: ContractNumber;
  readonly padSide: 'left' | 'right';
  readonly startsWith?: ContractNumber;
  /** The last token that is not padding. */
  readonly endsWith?: ContractNumber;
  readonly specialIds: readonly ContractNumber[];
  readonly maxSpecialTokens?: number;
  /** The longest run of one token; padding does not count. */
  readonly maxRepeatRun?: number;
  /** Tokens of a row without padding. */
  readonly length?: Interval;
}

export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'bmp' | 'webp';

export interface ImageRules {
  /** Handed to the graph as they are. */
  readonly formats: readonly ImageFormat[];
  /** Decoded in a process of their own and handed over as PNG. */
  readonly reencode: readonly ImageFormat[];
  readonly width?: Interval;
  readonly height?: Interval;
  readonly maxPixels?: number;
  readonly channels?: readonly number[];
  readonly bitDepth?: readonly number[];
  readonly maxFrames?: number;
  /** width × height × channels × bytes per sample × frames, by the header. Default 64 MiB. */
  readonly maxDecodedBytes: number;
  /** Decoded bytes by the header over encoded bytes. Default 200. */
  readonly maxRatio: number;
  /** What the pixel data inflates to may differ from what the header declares by no more than this. PNG only. */
  readonly inflatedSize: 'check' | 'ignore';
  readonly trailingData: 'reject' | 'allow';
  /** EXIF, ICC, XMP, text, unknown chunks: bytes in all, encoded and (for compressed ones) inflated. Default 65,536. */
  readonly maxMetadataBytes: number;
  /** Scans of a progressive JPEG. Default 20. */
  readonly maxScans: number;
  readonly checksums: 'check' | 'ignore';
}

export interface AudioRules {
  /** Only WAV; every other container is refused. */
  readonly sampleRate?: readonly number[];
  readonly channels?: readonly number[];
  readonly bitDepth?: readonly number[];
  readonly codings?: readonly ('pcm' | 'float' | 'alaw' | 'mulaw')[];
  readonly durationSeconds?: Interval;
  readonly maxMetadataBytes: number;
}

export type FeatureKind = 'bytes' | 'float' | 'int64';

/** The tensor's strings are serialized tf.Example messages. */
export interface ExampleRules {
  readonly features: ReadonlyMap<string, FeatureRules>;
  /** A feature that is not named above; `select` in `onViolation` leaves it out. */
  readonly unknownFeatures: 'allow' | 'reject';
  readonly maxFeatures: number;
  readonly sparse: readonly SparseFeatures[];
  readonly ragged: readonly RaggedFeatures[];
}

export interface FeatureRules {
  readonly kind: FeatureKind;
  readonly required: boolean;
  /** Number of values. */
  readonly count?: Interval;
  readonly number?: Pick<NumberRules, 'nan' | 'infinity'>;
  readonly min?: ContractNumber;
  readonly max?: ContractNumber;
  readonly allowed?: readonly ContractValue[];
  readonly vocabulary?: Vocabulary;
  readonly string?: StringRules;
  readonly image?: ImageRules;
  readonly monotone?: Monotone;
  readonly unique?: boolean;
}

/** Features that together are a sparse tensor: indices of one dimension each, and values of the same count. */
export interface SparseFeatures {
  readonly name: string;
  readonly index: readonly string[];
  readonly value: string;
  readonly denseShape: readonly number[];
  /** Values over the product of the dense shape. */
  readonly maxDensity?: number;
  readonly sorted: boolean;
  readonly unique: boolean;
}

export interface RaggedFeatures {
  readonly name: string;
  readonly value: string;
  readonly rowLengths: string;
  readonly maxRows?: number;
  readonly maxRowLength?: number;
}

/** Between the inputs of one signature. `id` names it in violations; default its place in the list. */
export type Relation = { readonly id: string; readonly mode?: Mode } & (
  | { readonly rule: 'sameShape'; readonly tensors: readonly string[] }
  /** Element by element, lower ≤ upper (or < when strict). */
  | { readonly rule: 'ordered'; readonly lower: string; readonly upper: string; readonly strict: boolean }
  /** Element by element: where `when` holds of one tensor, `then` holds of another of the same shape. */
  | { readonly rule: 'implies'; readonly when: Condition; readonly then: Condition }
  /** The elements of all these tensors together. */
  | { readonly rule: 'maxElements'; readonly tensors: readonly string[]; readonly limit: number }
  /** A sparse tensor in three inputs: indices [n, rank] and dense shape [rank] of int64, values [n]. */
  | {
      readonly rule: 'sparse';
      readonly indices: string;
      readonly values: string;
      readonly denseShape: string;
      readonly maxDenseElements?: number;
      readonly maxDensity?: number;
      readonly sorted: boolean;
      readonly unique: boolean;
    }
  /** A ragged tensor in two inputs: row splits [rows + 1], from 0, never falling, to the number of values. */
  | {
      readonly rule: 'ragged';
      readonly rowSplits: string;
      readonly values: string;
      readonly maxRows?: number;
      readonly maxRowLength?: number;
    }
);

/** All that is given must hold. */
export interface Condition {
  readonly tensor: string;
  readonly min?: ContractNumber;
  readonly max?: ContractNumber;
  readonly allowed?: readonly ContractValue[];
}

/** The same rules as an input's, and what makes an answer say less. */
export interface OutputRules extends TensorRules {
  /** The first dimension equals the batch of the inputs (their first dimension). */
  readonly matchesBatch: boolean;
  /** Digits after the point that leave the server; against extraction and inversion. */
  readonly roundTo?: number;
  /** Along the last dimension: all but the k largest become 0 or, in a row with negative numbers, the lowest number of the type. */
  readonly topK?: number;
  /** The values are replaced by zeros (or empty strings) before the answer leaves. */
  readonly redact: boolean;
}

/** What a request costs, in units of its own; charged by rate limits. */
export interface CostWeights {
  readonly base: number;
  readonly perElement: number;
  /** Of string content. */
  readonly perByte: number;
  /** By image headers. */
  readonly perPixel: number;
  /** × the square of this dimension. */
  readonly quadratic?: { readonly dim: string; readonly weight: number };
}
