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
    override: ({ zodSchema, jsonSchema }) => {
      // zod takes a field behind a preprocess step for optional, whatever it says to `undefined`.
      const { def } = zodSchema._zod;
      if (def.type === 'object')
        jsonSchema.required = requiredKeys((def as z.core.$ZodObjectDef).shape, jsonSchema.required ?? []);
      if (jsonSchema.required?.length === 0) delete jsonSchema.required;
      if (!(defaultKey in jsonSchema)) return;
      jsonSchema.default = jsonSchema[defaultKey] as typeof jsonSchema.default;
      delete jsonSchema[defaultKey];
    },
  });
  return { $schema, title: 'Airlock contract', ...schema };
}

function requiredKeys(shape: z.core.$ZodShape, known: readonly string[]): string[] {
  return Object.entries(shape)
    .filter(([key, field]) => known.includes(key) || (field._zod.def.type === 'pipe' && !z.safeParse(field, undefined).success))
    .map(([key]) => key);
}
