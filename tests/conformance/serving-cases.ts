// TensorFlow Serving's own test cases, as data beside the checkout; not part of this repository. Without them the tests that need them
// are skipped, by name.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** The folder of the peers' models and cases, or undefined where it does not exist. */
export const testdata: string | undefined = (() => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'testdata');
  return existsSync(join(folder, 'tensorflow-serving-cases.json')) ? folder : undefined;
})();

/** For the titles of tests that need it. */
export const needsTestdata = testdata === undefined ? ' (skipped: no ../shared/testdata)' : '';

const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.number()).nullable(),
  values: z.array(z.union([z.number(), z.string(), z.boolean()])),
});

const caseSchema = z.looseObject({
  name: z.string(),
  kind: z.string(),
  expect: z.looseObject({
    ok: z.boolean().optional(),
    http: z.number().optional(),
    format: z.enum(['row', 'columnar']).optional(),
    signature_name: z.string().optional(),
    tensors: z.record(z.string(), tensorSchema).optional(),
    json_text: z.string().optional(),
    json_file: z.string().optional(),
    matches: z.boolean().optional(),
    model: z.string().optional(),
    version: z.number().optional(),
    label: z.string().optional(),
    verb: z.string().optional(),
    subresource: z.string().optional(),
    examples: z.array(z.record(z.string(), z.record(z.string(), z.array(z.union([z.number(), z.string()]))))).optional(),
    context: z.record(z.string(), z.record(z.string(), z.array(z.union([z.number(), z.string()])))).optional(),
  }),
  inputs_signature: z.record(z.string(), z.object({ dtype: z.string() })).optional(),
  request_text: z.string().optional(),
  request_gen: z.object({ parts: z.array(z.tuple([z.string(), z.number()])) }).optional(),
  tensors: z.record(z.string(), tensorSchema).optional(),
  format: z.enum(['row', 'columnar']).optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  body: z.string().optional(),
  model: z
    .looseObject({ name: z.string().optional(), dir: z.string().optional(), labels: z.record(z.string(), z.number()).optional() })
    .optional(),
  status: z.string().optional(),
  message: z.string().optional(),
  result: z.array(z.array(z.tuple([z.string(), z.number()]))).optional(),
});

export type ServingCase = z.infer<typeof caseSchema>;

/** All cases of a kind; empty where the data does not exist. */
export function casesOf(kind: string): ServingCase[] {
  if (testdata === undefined) return [];
  const file: unknown = JSON.parse(readFileSync(join(testdata, 'tensorflow-serving-cases.json'), 'utf8'));
  const { cases } = z.object({ cases: z.array(caseSchema) }).parse(file);
  return cases.filter((one) => one.kind === kind);
}

/** The body of a request, also of those that are described instead of written out. */
export function requestText(one: ServingCase): string {
  return one.request_text ?? one.request_gen?.parts.map(([text, times]) => text.repeat(times)).join('') ?? '';
}

/** Cases that Airlock answers differently on purpose; docs/compatibility.md gives the reason for each. */
export const intendedDifferences: ReadonlyMap<string, string> = new Map([
  ['JsontensorTest.DeeplyNestedWellFormed#1', 'REQUEST_FIELD_UNKNOWN'],
  ['JsontensorTest.FloatTensorThatExceedsMaxReturnsInf#1', 'TENSOR_OUT_OF_RANGE'],
  ['JsontensorTest.FloatTensorThatExceedsMaxReturnsInf#2', 'TENSOR_OUT_OF_RANGE'],
  ['ClassifyRegressRequestTest.RequestWithContextAndSignature#1', 'FEATURE_INVALID'],
]);
