// What is known about a tensor before anything runs: its type, its shape, its content where that is constant, and where the content comes from.
import type { Body, Edge } from '../graph/index.ts';
import type { Size } from './sizes.ts';

/** A size: known; or within bounds; `isRequest` when a request chooses it (a batch, the value of an input). */
export type Dim =
  | number
  | {
      readonly isRequest: boolean;
      readonly min: number;
      /** Undefined: no bound is known. */
      readonly max: number | undefined;
      /** One of the ways to the tensor, of those that the model itself has, makes it this large; a branch that is chosen, for example. */
      readonly choice?: number;
      /** Never below it, as a formula of what a request chooses; present only where somebody asks what a request costs. */
      readonly upper?: Size;
      /** It is `upper`, and not only no larger. */
      readonly isExact?: boolean;
    };

/** Where content comes from. Several when ways meet. `saver`: the file name that a saver is given. `file`: read from a file. */
export type ContentOrigin = 'constant' | 'asset' | 'saver' | 'request' | 'variable' | 'file' | 'random' | 'computed';

/** Content, row-major. Only small tensors (4,096 elements, 64 KiB of strings) are held. */
export interface Constant {
  readonly shape: readonly number[];
  readonly numbers?: readonly number[];
  readonly strings?: readonly Buffer[];
}

/** A small tensor of sizes that are known in part: what Shape gives for a batch of unknown size. Row-major. */
export interface PartialSizes {
  readonly shape: readonly number[];
  readonly sizes: readonly Dim[];
}

export interface Value {
  /** DataType's number; undefined when unknown. */
  readonly dtype: number | undefined;
  /** Undefined: unknown rank. */
  readonly shape: readonly Dim[] | undefined;
  /** All contents that it can have, at most 16, when that is known: several when callers or branches differ. Undefined otherwise. */
  readonly constants: readonly Constant[] | undefined;
  /**
   * `request` only where the request's own values get there: a size taken of a tensor of a request (Shape, row_splits) is `computed`, and
   * so is what chooses between values without being part of them (the index of a Gather, the condition of a Select).
   */
  readonly origins: ReadonlySet<ContentOrigin>;
  /** For a string made of parts: the constant beginning that it surely has (`/etc/` + request). */
  readonly prefix?: Buffer;
  /** Bounds of every element of a number, where known. */
  readonly min?: number;
  readonly max?: number;
  /** Present without `constants` only. */
  readonly partial?: PartialSizes;
  /** Of a handle (variable, list of tensors): type and shape of what it holds. */
  readonly held?: { readonly dtype: number | undefined; readonly shape: readonly Dim[] | undefined };
}

export interface Values {
  of(body: Body, edge: Edge): Value;
  /** Of the data input at this place; undefined when there is none. */
  input(body: Body, node: number, index: number): Value | undefined;
  /** Of the input with this name in the operation's definition (`filenames`), lists taken together; undefined when there is none. */
  namedInput(body: Body, node: number, name: string): readonly Value[];
}
