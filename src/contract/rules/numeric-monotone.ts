// The rule `monotone`: numbers rise or fall along the last dimension. NaN compares with nothing, so it breaks the rule. Changes nothing.
import type { TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import type { ContractNumber, Monotone } from '../contract-types.ts';
import { numberView, visitRows } from './element-access.ts';

const texts: Readonly<Record<Monotone, string>> = {
  increasing: 'more than the number before it',
  nonDecreasing: 'at least the number before it',
  decreasing: 'less than the number before it',
  nonIncreasing: 'at most the number before it',
};

/** True when `next` may follow `previous`; exact also where one is a bigint. */
export function follows(order: Monotone, previous: ContractNumber, next: ContractNumber): boolean {
  switch (order) {
    case 'increasing':
      return next > previous;
    case 'nonDecreasing':
      return next >= previous;
    case 'decreasing':
      return next < previous;
    case 'nonIncreasing':
      return next <= previous;
  }
}

export function compileMonotone(context: EngineContext): TensorCheck | undefined {
  const { monotone } = context.rules;
  const rule = monotone === undefined ? undefined : context.bind('monotone');
  if (monotone === undefined || rule === undefined) return undefined;
  const expected = texts[monotone];
  return (tensor, { findings, path }) => {
    const rowLength = tensor.shape.at(-1) ?? 1;
    if (tensor.dtype === 'DT_STRING' || rowLength < 2) return tensor;
    const view = numberView(tensor);
    let reports = 0;
    visitRows(view, rowLength, (values, rows, firstRow) => {
      for (let row = 0; row < rows; row++) {
        const base = (firstRow + row) * rowLength;
        for (let i = 1; i < rowLength; i++) {
          const at = row * rowLength + i;
          if (isOrdered(monotone, values[at - 1], values[at], () => [view.exact(base + i - 1), view.exact(base + i)])) continue;
          findings.report(
            rule,
            () => path(base + i),
            expected,
            () => `${view.exact(base + i)} after ${view.exact(base + i - 1)}`,
          );
          reports++;
          if (reports === context.maxReports) return false;
        }
      }
      return true;
    });
    return tensor;
  };
}

function isOrdered(
  order: Monotone,
  previous: number,
  next: number,
  exact: () => readonly [ContractNumber, ContractNumber],
): boolean {
  // Rounding to doubles keeps the order, but may make two 64-bit integers equal that are not.
  if (previous !== next || Math.abs(next) < 2 ** 53) return follows(order, previous, next);
  const [before, after] = exact();
  return follows(order, before, after);
}
