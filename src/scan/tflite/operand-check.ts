// The kinds of checks that constant operands get: axes, indices, least values. Each makes a check of one operation, which never says anything
// about an operand or a size that is not known.
import type { Operation, Problem } from './operation.ts';

export type Check = (operation: Operation) => readonly Problem[];

export function numbersAt(operation: Operation, at: number): readonly number[] | undefined {
  return operation.inputs[at]?.constant?.numbers;
}

export function rankOf(operation: Operation, at: number): number | undefined {
  return operation.inputs[at]?.shape?.length;
}

export function found(what: string | undefined, advisory?: string, severity: 'medium' | 'high' = 'high'): readonly Problem[] {
  if (what === undefined) return [];
  return [{ what, severity, ...(advisory === undefined ? {} : { advisory }) }];
}

/** An axis may count from the end; `extra` is 1 where it may lie behind the last one. */
export function axisProblem(axis: number | undefined, rank: number | undefined, extra = 0): string | undefined {
  if (axis === undefined || rank === undefined) return undefined;
  const size = rank + extra;
  if (axis >= -size && axis < size) return undefined;
  return `has the axis ${axis} for a tensor of ${rank} dimensions: the kernel reads outside of its shape`;
}

export function axisOption(field: string, input: number, advisory?: string, extra = 0): Check {
  return (operation) => found(axisProblem(operation.option(field), rankOf(operation, input), extra), advisory);
}

export function axisOperand(operand: number, input: number, advisory?: string, extra = 0): Check {
  return (operation) => {
    const rank = rankOf(operation, input);
    for (const axis of numbersAt(operation, operand) ?? []) {
      const problem = axisProblem(axis, rank, extra);
      if (problem !== undefined) return found(problem, advisory);
    }
    return [];
  };
}

/** Indices into dimension `axis` of `data`; request-chosen ones are the kernel's to check. */
export function indexOperand(
  operand: number,
  data: number,
  advisory: string,
  axisOf: (operation: Operation) => number = () => 0,
): Check {
  return (operation) => {
    const shape = operation.inputs[data]?.shape;
    const axis = axisOf(operation);
    const size = shape?.[axis < 0 ? axis + shape.length : axis];
    const bad = numbersAt(operation, operand)?.find((index) => index < 0 || (size !== undefined && size >= 0 && index >= size));
    return found(
      bad === undefined
        ? undefined
        : `has the index ${bad} into ${size ?? 'a number of'} elements: the kernel reads outside of the tensor`,
      advisory,
    );
  };
}

/** Rows of indices, each of which leads into the first dimensions of a shape. */
export function rowsOperand(
  operand: number,
  shapeOf: (operation: Operation) => readonly number[] | undefined,
  advisory: string,
  does: string,
): Check {
  return (operation) => {
    const numbers = numbersAt(operation, operand);
    const width = operation.inputs[operand]?.shape?.at(-1) ?? 0;
    const shape = shapeOf(operation);
    if (numbers === undefined || shape === undefined || width <= 0) return [];
    if (width > shape.length)
      return found(
        `has indices of ${width} numbers for ${shape.length} dimensions: the kernel ${does} outside of the tensor`,
        advisory,
      );
    const at = numbers.findIndex((index, position) => {
      const size = shape[position % width] ?? -1;
      return index < 0 || (size >= 0 && index >= size);
    });
    return found(
      at < 0
        ? undefined
        : `has the index ${numbers[at]} into ${shape[at % width]} elements: the kernel ${does} outside of the tensor`,
      advisory,
    );
  };
}

export function noneBelow(
  operand: number,
  least: number,
  name: string,
  does: string,
  advisory?: string,
  severity?: 'medium' | 'high',
): Check {
  return (operation) => {
    const bad = numbersAt(operation, operand)?.find((value) => value < least);
    return found(bad === undefined ? undefined : `has the ${name} ${bad}: the kernel ${does}`, advisory, severity);
  };
}

export function noZero(operand: number, name: string, advisory?: string): Check {
  return (operation) => {
    const isZero = numbersAt(operation, operand)?.includes(0) === true;
    return found(isZero ? `has the ${name} 0: the kernel divides by it` : undefined, advisory);
  };
}
