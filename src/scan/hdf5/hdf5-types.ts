// An HDF5 file as its own structures describe it, whoever would be asked to read it. Nothing here follows a link out of the file.
import type { Source } from '../scan-context.ts';

export type Hdf5Class =
  | 'integer'
  | 'float'
  | 'time'
  | 'string'
  | 'bitfield'
  | 'opaque'
  | 'compound'
  | 'reference'
  | 'enum'
  | 'vlen'
  | 'array'
  | 'unknown';

export interface Hdf5Type {
  readonly class: Hdf5Class;
  /** Bytes of one element as stored; of variable-length ones the 16 bytes that say where. */
  readonly sizeBytes: number;
  /** As NumPy writes it (`<f4`), for numbers; undefined otherwise. */
  readonly numpy?: string;
  readonly isBigEndian: boolean;
  /** Of `opaque`: its tag, at most 256 characters. */
  readonly tag?: string;
  /** Of `vlen`, `array` and `enum`. */
  readonly base?: Hdf5Type;
  /** Of `vlen`: a string. */
  readonly isText: boolean;
  /** Of `array`. */
  readonly dims?: readonly number[];
  readonly members?: readonly { readonly name: string; readonly offset: number; readonly type: Hdf5Type }[];
}

export interface Hdf5Attribute {
  readonly name: string;
  readonly type: Hdf5Type;
  /** Empty: a scalar. Undefined: no value at all. */
  readonly shape: readonly number[] | undefined;
  /** As stored: for variable-length types the places of the values. */
  readonly data: Buffer;
}

export interface Hdf5Filter {
  readonly id: number;
  readonly name: string;
  readonly values: readonly number[];
}

export type Hdf5Layout =
  | { readonly kind: 'compact'; readonly data: Buffer }
  /** `address` undefined: nothing is stored yet. Relative to the file. */
  | { readonly kind: 'contiguous'; readonly address: number | undefined; readonly sizeBytes: number }
  | {
      readonly kind: 'chunked';
      readonly chunk: readonly number[];
      readonly index: 'btree-1' | 'single' | 'implicit' | 'fixed-array' | 'extensible-array' | 'btree-2';
      readonly address: number | undefined;
      /** Of `single` with filters. */
      readonly filteredBytes?: number;
    }
  | { readonly kind: 'virtual'; readonly sources: readonly { readonly file: string; readonly dataset: string }[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** A piece of a file outside of this one. */
export interface Hdf5External {
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Hdf5Dataset {
  readonly type: Hdf5Type;
  readonly shape: readonly number[] | undefined;
  /** What it may grow to; empty where that is the shape. */
  readonly maxShape: readonly number[];
  readonly layout: Hdf5Layout;
  readonly filters: readonly Hdf5Filter[];
  readonly external: readonly Hdf5External[];
}

export type Hdf5Link =
  | { readonly kind: 'hard'; readonly name: string; readonly address: number }
  | { readonly kind: 'soft'; readonly name: string; readonly target: string }
  | { readonly kind: 'external'; readonly name: string; readonly file: string; readonly target: string }
  | { readonly kind: 'user'; readonly name: string; readonly type: number };

export interface Hdf5Object {
  readonly address: number;
  /** By the first way that leads there: `/model_weights/dense/kernel:0`. */
  readonly path: string;
  readonly kind: 'group' | 'dataset' | 'datatype';
  readonly attributes: readonly Hdf5Attribute[];
  readonly links: readonly Hdf5Link[];
  readonly dataset?: Hdf5Dataset;
}

export interface Hdf5File {
  readonly name: string;
  readonly source: Source;
  readonly superblockVersion: number;
  /** Bytes before the superblock, which belong to somebody else. */
  readonly userBlockBytes: number;
  /** What addresses count from. */
  readonly baseBytes: number;
  /** Where the file says that it ends, from its beginning. */
  readonly endBytes: number;
  /** Parents before children. */
  readonly objects: readonly Hdf5Object[];
  /** Structures that could not be read, with where: `group /a: …`. Each makes the file unreadable. */
  readonly problems: readonly string[];
  /** Text of an attribute or dataset of strings: at most `maxBytes` in all. Undefined when it is no text or too long. */
  text(type: Hdf5Type, shape: readonly number[] | undefined, data: Buffer, maxBytes?: number): readonly Buffer[] | undefined;
  /** The elements of a dataset as stored, filters undone. Undefined when its filters or index are not known here. @throws AirlockError. */
  bytes(dataset: Hdf5Dataset, maxBytes: number): Buffer | undefined;
  /** What is stored for it, before filters. Undefined when that is not known. */
  storedBytes(dataset: Hdf5Dataset): number | undefined;
}

/** The number of elements; Infinity stands for what no number can hold. */
export function elementsOf(shape: readonly number[] | undefined): number {
  if (shape === undefined) return 0;
  return shape.reduce((product, size) => product * size, 1);
}
