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
  tensor: alias(),
  min: contractNumber().exactOptional(),
  max: contractNumber().exactOptional(),
  allowed: allowedValues.exactOptional(),
}).meta({ id: 'Condition', description: 'Holds of an element when all that is given holds.' });

const common = {
  id: matchingText('letters, digits, ., _ and -, at most 64', /^[A-Za-z0-9._-]{1,64}$/)
    .exactOptional()
    .describe('Names the relation in violations. Default its place in the list, from 0.'),
  mode: mode.exactOptional().describe('Default the contract’s.'),
};

const relation = z.discriminatedUnion('rule', [
  strict({ ...common, rule: z.literal('sameShape'), tensors: aliases(2) }),
  strict({
    ...common,
    rule: z.literal('ordered'),
    lower: alias(),
    upper: alias(),
    strict: withDefault(z.boolean(), false).describe('lower < upper instead of lower ≤ upper.'),
  }),
  // biome-ignore lint/suspicious/noThenProperty: a key of the file format; never awaited.
  strict({ ...common, rule: z.literal('implies'), when: condition, then: condition }),
  strict({ ...common, rule: z.literal('maxElements'), tensors: aliases(1), limit: wholeNumber(0, maxCount) }),
  strict({
    ...common,
    rule: z.literal('sparse'),
    indices: alias(),
    values: alias(),
    denseShape: alias(),
    maxDenseElements: wholeNumber(0, maxCount).exactOptional(),
    maxDensity: finiteNumber(0, 1).exactOptional(),
    sorted: flag('Indices are in row-major order.'),
    unique: flag('No index comes twice.'),
  }),
  strict({
    ...common,
    rule: z.literal('ragged'),
    rowSplits: alias(),
    values: alias(),
    maxRows: wholeNumber(0, maxCount).exactOptional(),
    maxRowLength: wholeNumber(0, maxCount).exactOptional(),
  }),
]);

/** The relations of one signature, with an id each. */
export const relations = z
  .array(relation)
  .max(1_000)
  .transform((list): readonly Relation[] => list.map((entry, index) => ({ ...entry, id: entry.id ?? String(index) })))
  .prefault([]);
