// The sizes for which `airlock cost` works out numbers: those that were given on its command line, and small ones for the rest.
import { AirlockError, printable } from '../core/index.ts';
import type { CostVariable } from '../cost/index.ts';
import type { Signature } from '../tensor/index.ts';

/** One of `--input`: `x=8x128`, or a single size, `x.0=8`, `text.bytes=2000`. */
export interface GivenSize {
  readonly name: string;
  readonly sizes: readonly number[];
}

const maxSize = 2 ** 40;
/** Of the first axis, which most often is the batch; of other axes; and of strings. */
const defaults = { first: 1, other: 64, bytes: 1_000, longest: 100 };

/** @throws USAGE. */
export function parseGivenSize(text: string): GivenSize {
  const at = text.lastIndexOf('=');
  const sizes = text.slice(at + 1).split('x');
  const isWhole = (size: string) => /^[0-9]{1,13}$/.test(size) && Number(size) <= maxSize;
  if (at < 1 || text.length > 4_096 || !sizes.every(isWhole))
    throw new AirlockError('USAGE', {
      message: `--input ${printable(text)}: expected a form such as x=8x128, x.0=8 or text.bytes=2000`,
    });
  return { name: text.slice(0, at), sizes: sizes.map(Number) };
}

/** Values of the variables, in their order. @throws USAGE for a size that no input of the signature has. */
export function sizesFor(
  variables: readonly CostVariable[],
  { name: signature, inputs }: Signature,
  given: readonly GivenSize[],
): readonly number[] {
  const values = variables.map(({ axis }) =>
    typeof axis === 'string' ? defaults[axis] : axis === 0 ? defaults.first : defaults.other,
  );
  for (const { name, sizes } of given) {
    const single = variables.findIndex((variable) => variable.name === name);
    const spec = inputs.find(({ alias }) => alias === name);
    if (spec === undefined && single >= 0 && sizes.length === 1) {
      values[single] = sizes[0];
      continue;
    }
    const fits = spec?.shape?.length === sizes.length && spec.shape.every((size, axis) => size === -1 || size === sizes[axis]);
    if (!fits)
      throw new AirlockError('USAGE', {
        message: `--input ${printable(name)}: signature ${printable(signature)} has no such input, or not of this shape`,
      });
    variables.forEach(({ input, axis }, index) => {
      if (input === name && typeof axis === 'number') values[index] = sizes[axis];
    });
  }
  return values;
}
