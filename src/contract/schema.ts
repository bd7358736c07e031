// The one schema of contract files: every key, its bounds and its default. A key that is not here is an error, never ignored. What the
// values mean together is checked by schema-checks.ts.
import { z } from 'zod';
import type { Contract } from './contract-types.ts';
import { finiteNumber, mapping, matchingText, plainText, strict, wholeNumber, withDefault } from './fields.ts';
import { mode } from './schema-actions.ts';
import { dimensionName, dimRules } from './schema-dims.ts';
import { relations } from './schema-relations.ts';
import { outputRules, tensorRules } from './schema-tensor.ts';
import { freeText, sha256 } from './schema-text.ts';

const maxCount = Number.MAX_SAFE_INTEGER;
const tensorName = () => plainText('a name', 1_024);

const source = strict({
  id: plainText('an id', 128).describe('What derivedFrom refers to.'),
  kind: z
    .enum(['saved_model', 'csv', 'jsonl', 'parquet', 'npy', 'npz', 'tfrecord', 'images', 'tfdv_schema', 'tfdv_statistics'])
    .describe('What was read.'),
  name: plainText('a name', 1_024).describe('Name of the file or folder; never opened.'),
  sha256: sha256().describe('Of the file’s bytes; of a folder: of the sorted lines `sha256  relative/path`.'),
  records: wholeNumber(0, maxCount).exactOptional().describe('Rows, examples or files that were read.'),
  margin: freeText('a margin', 1_024).exactOptional().describe('How the bounds were widened, for people.'),
}).meta({ id: 'Source', description: 'Where rules come from.' });

const metadata = strict({
  id: matchingText('letters, digits, ., _ and -, at most 128', /^[A-Za-z0-9._-]{1,128}$/).describe(
    'Letters, digits, ., _ and -.',
  ),
  revision: wholeNumber(1, maxCount).describe('From 1; goes up with each change.'),
  description: freeText('a description', 10_000).exactOptional().describe('For people; not part of the digest.'),
  sources: z.array(source).max(100).readonly().default([]).describe('Where rules come from.'),
});

const request = strict({
  maxBytes: wholeNumber(1, maxCount).exactOptional().describe('Bytes of the body.'),
  maxElements: wholeNumber(1, maxCount).exactOptional().describe('Elements of all tensors.'),
  maxDepth: wholeNumber(1, 256).exactOptional().describe('Nesting of lists and objects.'),
  maxTokens: wholeNumber(1, maxCount).exactOptional().describe('Keys, scalars and brackets.'),
});

const signature = strict({
  inputs: mapping(tensorName(), tensorRules, 1_000).prefault({}).describe('Inputs by name.'),
  outputs: mapping(tensorName(), outputRules, 1_000).prefault({}).describe('Outputs by name.'),
  relations: relations.describe('Rules between inputs.'),
}).meta({ id: 'SignatureRules', description: 'One signature of the model.' });

const weight = (preset: number, text: string) => withDefault(finiteNumber(0, 1e12), preset).describe(text);

const cost = strict({
  base: weight(1, 'Each request.'),
  perElement: weight(0.001, 'Each element.'),
  perByte: weight(0.001, 'Each byte of string content.'),
  perPixel: weight(0.001, 'Each pixel, by image headers.'),
  quadratic: strict({ dim: dimensionName(), weight: finiteNumber(0, 1e12) })
    .exactOptional()
    .describe('Weight × the square of a dimension.'),
});

/** A contract file as YAML gives it, with integers as bigint; vocabularies are empty still. */
export const contractSchema = strict({
  apiVersion: z.literal('airlock/contract/v1').describe('Version of this format.'),
  metadata: metadata.describe('What this contract is, and where it comes from.'),
  mode: withDefault(mode, 'enforce').describe('For every rule that `modes` of its tensor does not name.'),
  sampleFraction: withDefault(finiteNumber(0, 1), 0.1).describe('Share of requests on which rules of mode sample are enforced.'),
  maxViolations: withDefault(wholeNumber(1, 1_000), 32).describe('Violations that one answer lists.'),
  request: request.prefault({}).describe('Narrower than the server’s own limits; a wider value changes nothing.'),
  dims: mapping(dimensionName(), dimRules, 256).prefault({}).describe('Named dimensions.'),
  signatures: mapping(tensorName(), signature, 100).describe('Signatures by name; one that is not here cannot be called.'),
  cost: cost.prefault({}).describe('What a request costs in units of rate limits.'),
}) satisfies z.ZodType<Contract>;
