// The place of an element in the words of whoever sent it, worked out only when something is wrong there. An index into a tensor is
// counted as the client counts: list by list.
import type { ElementPath } from '../contract/index.ts';
import { printable } from '../core/index.ts';
import type { PredictRequest, Tensor, TensorSpec } from '../tensor/index.ts';

/** For the inputs of a predict request: `instances[3].age[2]`, `inputs.age[3][2]`, or without the name where the client gave none. */
export function requestPaths({ signature, format, named, tensors }: PredictRequest): ElementPath[] {
  return tensors.map((tensor, index): ElementPath => {
    const name = named ? `.${printable(signature.inputs[index].alias)}` : '';
    if (format === 'columnar') return (at) => `inputs${name}${indices(tensor.shape, at)}`;
    return (at) => {
      if (at === undefined) return named ? `instances[*]${name}` : 'instances';
      const perRow = rowElements(tensor.shape);
      return `instances[${Math.floor(at / perRow)}]${name}${indices(tensor.shape.slice(1), at % perRow)}`;
    };
  });
}

/** For a program that names its inputs: `age[3]`. */
export function inputPaths(specs: readonly TensorSpec[], tensors: readonly Tensor[]): ElementPath[] {
  return tensors.map(
    (tensor, index): ElementPath =>
      (at) =>
        `${printable(specs[index].alias)}${indices(tensor.shape, at)}`,
  );
}

/** For classify and regress. */
export const examplePaths: readonly ElementPath[] = [(at) => (at === undefined ? 'examples' : `examples[${at}]`)];

function rowElements(shape: readonly number[]): number {
  return Math.max(
    1,
    shape.slice(1).reduce((product, size) => product * size, 1),
  );
}

function indices(shape: readonly number[], at: number | undefined): string {
  if (at === undefined) return '';
  let text = '';
  let rest = at;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    // The first one takes what is left: an index that is too large is shown as such.
    const size = axis === 0 ? Number.POSITIVE_INFINITY : Math.max(1, shape[axis]);
    text = `[${size === Number.POSITIVE_INFINITY ? rest : rest % size}]${text}`;
    rest = Math.floor(rest / size);
  }
  return text;
}
