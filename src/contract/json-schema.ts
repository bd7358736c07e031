// The contract file's schema for editors and other tools, made from the schema that the reader uses.
import { z } from 'zod';
import { defaultKey } from './fields.ts';
import { contractSchema } from './schema.ts';

/** JSON Schema (2020-12) of a contract file. What keys mean together is not in it; `airlock contract lint` checks that. */
export function contractJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(contractSchema, {
    target: 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (!(defaultKey in jsonSchema)) return;
      jsonSchema.default = jsonSchema[defaultKey] as typeof jsonSchema.default;
      delete jsonSchema[defaultKey];
    },
  });
  return { $schema, title: 'Airlock contract', ...schema };
}
