// Finds the content of an operation's output from the contents of its inputs: every combination of what the inputs can be, up to a limit. It
// computes what TensorFlow would compute and never runs anything of the model.
import { joinDims, unknownDim } from './dims.ts';
import { foldMath } from './fold-math.ts';
import { foldStrings } from './fold-strings.ts';
import { foldStructure } from './fold-structure.ts';
import { distinctConstants, maxAlternatives, sizesOf } from './lattice.ts';
import type { NodeView } from './node-view.ts';
import { type Atom, countOfShape, numbersOf, stringsOf, type Tensor } from './tensors.ts';
import type { Constant, Dim, PartialSizes, Value } from './value-types.ts';

/** Contents of the inputs, undefined where one is not known, and which output is meant; gives that output's content. */
export type Fold = (view: NodeView, inputs: readonly (Tensor | undefined)[], output: number) => Tensor | undefined;

/** Content that was found: constants, or sizes that are known in part. */
export interface Folded {
  readonly constants?: readonly Constant[];
  readonly partial?: PartialSizes;
}

// A map, since an operation may call itself `constructor`.
const folds: ReadonlyMap<string, Fold> = new Map(Object.entries({ ...foldStructure, ...foldMath, ...foldStrings }));

/** True when this operation's output can be known from its inputs' contents. */
export function canFold(op: string): boolean {
  return folds.has(op);
}

// Shape vectors are short: a longer tensor of unknown integers is not one.
const maxUnknownSizes = 32;
const integerTypes = new Set([3, 9]);

/** An integer of which the bounds alone are known can still be one size among known ones. */
function unknownSizes(value: Value): Tensor | undefined {
  if (value.dtype === undefined || !integerTypes.has(value.dtype) || value.shape === undefined) return undefined;
  if (!value.shape.every((size) => typeof size === 'number')) return undefined;
  const shape = value.shape as readonly number[];
  const count = countOfShape(shape);
  if (!(count >= 0 && count <= maxUnknownSizes)) return undefined;
  const size: Dim = {
    isRequest: value.origins.has('request'),
    min: value.min ?? Number.NEGATIVE_INFINITY,
    max: value.max,
  };
  return { shape, atoms: Array.from({ length: count }, () => size) };
}

function tensorOf(constant: Constant): Tensor | undefined {
  const atoms: readonly Atom[] | undefined = constant.numbers ?? constant.strings;
  return atoms === undefined ? undefined : { shape: constant.shape, atoms };
}

/** All contents that an input can have; one undefined when nothing is known. */
export function alternativesOf(value: Value): readonly (Tensor | undefined)[] {
  if (value.constants !== undefined && value.constants.length > 0) return value.constants.map(tensorOf);
  const sizes = value.partial ?? undefined;
  if (sizes !== undefined) return [{ shape: sizes.shape, atoms: sizes.sizes }];
  return [unknownSizes(value)];
}

/** The one content that it has, sizes joined where there are several. */
export function contentOf(value: Value | undefined): Tensor | undefined {
  if (value === undefined) return undefined;
  const sizes = sizesOf(value);
  if (sizes !== undefined) return { shape: sizes.shape, atoms: sizes.sizes };
  const all = alternativesOf(value);
  return all.length === 1 ? all[0] : undefined;
}

function combinations(inputs: readonly Value[]): readonly (readonly (Tensor | undefined)[])[] {
  const all = inputs.map(alternativesOf);
  const count = all.reduce((product, some) => product * some.length, 1);
  if (count > maxAlternatives) return [inputs.map(contentOf)];
  // Counted like the digits of a number, each input with as many values as it has alternatives.
  return Array.from({ length: count }, (_, row) => {
    let rest = row;
    return all.map((some) => {
      const one = some[rest % some.length];
      rest = Math.floor(rest / some.length);
      return one;
    });
  });
}

function joinSizes(tensors: readonly Tensor[]): PartialSizes | undefined {
  const [first, ...others] = tensors;
  if (first === undefined || first.atoms.some((atom) => Buffer.isBuffer(atom))) return undefined;
  let sizes = first.atoms as readonly Dim[];
  for (const other of others) {
    if (other.atoms.length !== sizes.length || other.atoms.some((atom) => Buffer.isBuffer(atom))) return undefined;
    sizes = sizes.map((size, index) => joinDims(size, (other.atoms[index] as Dim) ?? unknownDim));
  }
  return { shape: first.shape, sizes };
}

// Joining a list of a hundred thousand inputs is not what hides a path.
const maxInputs = 4096;

/** Undefined when nothing can be said. */
export function foldNode(view: NodeView, output: number): Folded | undefined {
  const fold = folds.get(view.op);
  if (fold === undefined || view.inputs.length > maxInputs) return undefined;
  const results: Tensor[] = [];
  for (const row of combinations(view.inputs)) {
    const result = fold(view, row, output);
    if (result === undefined) return undefined;
    results.push(result);
  }
  const constants: Constant[] = [];
  for (const result of results) {
    const [numbers, strings] = [numbersOf(result), stringsOf(result)];
    // No element at all is both.
    if (strings !== undefined && (strings.length > 0 || view.inputs[0]?.dtype === 7))
      constants.push({ shape: result.shape, strings });
    else if (numbers !== undefined) constants.push({ shape: result.shape, numbers });
    else {
      const partial = joinSizes(results);
      return partial === undefined ? undefined : { partial };
    }
  }
  const distinct = distinctConstants(constants);
  if (distinct !== undefined) return { constants: distinct };
  const partial = joinSizes(results);
  return partial === undefined ? undefined : { partial };
}
