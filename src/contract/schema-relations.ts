// Rules between the inputs of one signature, as a contract file writes them.
import { z } from 'zod';
import type { Relation } from './contract-types.ts';
import { contractNumber, finiteNumber, matchingText, plainText, strict, wholeNumber, withDefault } from './fields.ts';
import { mode } from './schema-actions.ts';
import { allowedValues } from './schema-example.ts';

const maxCount = Number.MAX_SAFE_INTEGER;
const alias = () => plainText('the name of an input', 1_024);
const aliases = (least: number) => z.array(alias()).min(least).max(1_000).readonly();
const flag = (text: string) => withDefault(z.boolean(), true).describe(text);

const condition = strict({
  tensor: alias().describe('An input.'),
  min: contractNumber().exactOptional().describe('Smallest value.'),
  max: contractNumber().exactOptional().describe('Largest value.'),
  allowed: allowedValues.exactOptional().describe('The only values.'),
}).meta({ id: 'Condition', description: 'Holds of an element when all that is given holds.' });

const common = {
  id: matchingText('letters, digits, ., _ and -, at most 64', /^[A-Za-z0-9._-]{1,64}$/)
    .exactOptional()
    .describe('Names the relation in violations. Default its place in the list, from 0.'),
  mode: mode.exactOptional().describe('Default the contract’s.'),
};

const relation = z.discriminatedUnion('rule', [
  strict({ ...common, rule: z.literal('sameShape'), tensors: aliases(2).describe('Inputs by name.') }).describe(
    'All these inputs have the same shape.',
  ),
  strict({
    ...common,
    rule: z.literal('ordered'),
    lower: alias().describe('An input.'),
    upper: alias().describe('An input of the same type and shape.'),
    strict: withDefault(z.boolean(), false).describe('lower < upper instead of lower ≤ upper.'),
  }).describe('Element by element, lower ≤ upper.'),
  // biome-ignore lint/suspicious/noThenProperty: a key of the file format; never awaited.
  strict({ ...common, rule: z.literal('implies'), when: condition, then: condition }).describe(
    'Element by element: where `when` holds of one input, `then` holds of another of the same shape.',
  ),
  strict({
    ...common,
    rule: z.literal('maxElements'),
    tensors: aliases(1).describe('Inputs by name.'),
    limit: wholeNumber(0, maxCount).describe('Most elements.'),
  }).describe('The elements of all these inputs together.'),
  strict({
    ...common,
    rule: z.literal('sparse'),
    indices: alias().describe('An input of type int64 and shape [n, rank].'),
    values: alias().describe('An input of shape [n].'),
    denseShape: alias().describe('An input of type int64 and shape [rank].'),
    maxDenseElements: wholeNumber(0, maxCount).exactOptional().describe('Most elements of the dense tensor.'),
    maxDensity: finiteNumber(0, 1).exactOptional().describe('Values over elements of the dense tensor.'),
    sorted: flag('Indices are in row-major order.'),
    unique: flag('No index comes twice.'),
  }).describe('A sparse tensor in three inputs; every index is inside the dense shape.'),
  strict({
    ...common,
    rule: z.literal('ragged'),
    rowSplits: alias().describe(
      'An input of type int32 or int64 and shape [rows + 1]: from 0, never falling, to the number of values.',
    ),
    values: alias().describe('An input.'),
    maxRows: wholeNumber(0, maxCount).exactOptional().describe('Most rows.'),
    maxRowLength: wholeNumber(0, maxCount).exactOptional().describe('Longest row.'),
  }).describe('A ragged tensor in two inputs.'),
]);

/** The relations of one signature, with an id each. */
export const relations = z
  .array(relation)
  .max(1_000)
  .transform((list): readonly Relation[] => list.map((entry, index) => ({ ...entry, id: entry.id ?? String(index) })))
  .prefault([]);
