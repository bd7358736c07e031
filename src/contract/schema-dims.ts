// Named dimensions and the shapes that use them: `batch`, `2*seq`, `seq+1`, `2*seq+1`.
import { z } from 'zod';
import { maxRank } from '../tensor/index.ts';
import type { DimExpression } from './contract-types.ts';
import { field, matchingText, strict, wholeNumber } from './fields.ts';

const maxSize = 2 ** 31 - 1;
const dimName = '[A-Za-z_][A-Za-z0-9_]{0,63}';
const expression = new RegExp(`^(?:([1-9][0-9]{0,9})\\*)?(${dimName})(?:([+-])([0-9]{1,10}))?$`);

/** The name of a dimension: a letter or `_`, then letters, digits and `_`; at most 64. */
export function dimensionName() {
  return matchingText('the name of a dimension: letters, digits and _, at most 64', new RegExp(`^${dimName}$`));
}

/** `2*seq+1` in its parts; undefined when the text is no expression, or a number in it is above 2^31-1. */
export function parseDimExpression(text: string): DimExpression | undefined {
  const parts = expression.exec(text);
  if (parts === null) return undefined;
  const multiplier = Number(parts[1] ?? 1);
  const distance = Number(parts[4] ?? 0);
  if (multiplier > maxSize || distance > maxSize) return undefined;
  const offset = parts[3] === '-' && distance !== 0 ? -distance : distance;
  return { kind: 'symbol', name: parts[2], multiplier, offset };
}

/** As a contract file writes it. */
export function formatDimExpression(dim: DimExpression): string | number | null {
  if (dim.kind === 'any') return null;
  if (dim.kind === 'fixed') return dim.size;
  const factor = dim.multiplier === 1 ? '' : `${dim.multiplier}*`;
  const sign = dim.offset > 0 ? '+' : '';
  return `${factor}${dim.name}${dim.offset === 0 ? '' : `${sign}${dim.offset}`}`;
}

const dimension = field({
  rule: 'dimension',
  expected: 'a size, the name of a dimension, an expression such as 2*seq+1, or null for any size',
  json: { type: ['integer', 'string', 'null'], minimum: 0, maximum: maxSize, pattern: expression.source },
  read: (value): DimExpression | undefined => {
    if (value === null) return { kind: 'any' };
    if (typeof value === 'string') return parseDimExpression(value);
    return typeof value === 'bigint' && value >= 0n && value <= BigInt(maxSize)
      ? { kind: 'fixed', size: Number(value) }
      : undefined;
  },
});

/** The shape of a tensor. */
export const shapeSchema = z.array(dimension).max(maxRank).readonly();

/** The sizes that a named dimension may have. */
export const dimRules = strict({
  min: wholeNumber(0, maxSize).describe('Smallest size.'),
  max: wholeNumber(0, maxSize).describe('Largest size.'),
  multipleOf: wholeNumber(1, maxSize).exactOptional().describe('The size is a multiple of this.'),
}).meta({ id: 'DimRules', description: 'A named dimension, bound once per request by the first tensor that has it.' });
