// The one form in which a contract's meaning is hashed: formatting, the order of keys, comments, descriptions and defaults that are written
// out never change it, and every change of what is enforced does. The digest is what a hardened model carries; changing this form changes
// the digest of every contract, so do not.
import { createHash } from 'node:crypto';
import type { Contract, OutputRules, Relation, TensorRules } from './contract-types.ts';
import { completeFeature, completeOutput, completeTensor } from './schema-complete.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Integers that a double cannot hold are marked, so that they differ from texts with the same digits. */
function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : { $integer: String(value) };
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) return sorted([...value].map(([key, inner]) => [String(key), inner]));
  if (typeof value === 'object') return sorted(Object.entries(value));
  throw new TypeError(`a contract holds a ${typeof value}`);
}

function sorted(entries: readonly (readonly [string, unknown])[]): Json {
  const kept = entries.filter(([, value]) => value !== undefined);
  // By code units, the same everywhere; a list of pairs, because object keys such as `1` have an order of their own.
  return kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, toJson(value)]);
}

/** A list whose order says nothing. */
function unordered(values: readonly unknown[]): readonly Json[] {
  const texts = [...new Set(values.map((value) => JSON.stringify(toJson(value))))].sort();
  return texts.map((text): Json => JSON.parse(text));
}

function withoutEntries<T extends { readonly sha256: string; readonly maxUnknownFraction: number }>({
  sha256,
  maxUnknownFraction,
}: T) {
  // The file's name is not part of the meaning; its bytes are.
  return { sha256, maxUnknownFraction };
}

function tensorMeaning(rules: TensorRules, mode: string): unknown {
  const { vocabulary, allowed, example, image, onViolation, modes, ...rest } = rules;
  return {
    ...rest,
    vocabulary: vocabulary && withoutEntries(vocabulary),
    allowed: allowed && unordered(allowed),
    image: image && { ...image, formats: unordered(image.formats), reencode: unordered(image.reencode) },
    example: example && {
      ...example,
      features: new Map(
        [...example.features].map(([name, draft]) => {
          const feature = completeFeature(draft);
          const { vocabulary: words, allowed: values } = feature;
          return [name, { ...feature, vocabulary: words && withoutEntries(words), allowed: values && unordered(values) }];
        }),
      ),
    },
    onViolation: new Map([...onViolation].filter(([, action]) => action.kind !== 'reject')),
    modes: new Map([...modes].filter(([rule, own]) => own !== (rule.startsWith('soft') && mode !== 'off' ? 'shadow' : mode))),
  };
}

function relationMeaning(relation: Relation, mode: string): unknown {
  const { mode: own, ...rest } = relation;
  return { ...rest, mode: own === mode ? undefined : own };
}

/** The canonical text of a contract: JSON with sorted keys, every default filled in, without descriptions and vocabulary entries. */
export function canonicalContract(contract: Contract): string {
  const { mode, metadata, signatures, ...rest } = contract;
  const { description: _, ...named } = metadata;
  const tensors = <T extends TensorRules | OutputRules>(map: ReadonlyMap<string, T>, complete: (rules: T) => T) =>
    new Map([...map].map(([alias, rules]) => [alias, tensorMeaning(complete(rules), mode)]));
  return JSON.stringify(
    toJson({
      ...rest,
      mode,
      metadata: named,
      signatures: new Map(
        [...signatures].map(([name, { inputs, outputs, relations }]) => [
          name,
          {
            inputs: tensors(inputs, completeTensor),
            outputs: tensors(outputs, completeOutput),
            relations: relations.map((relation) => relationMeaning(relation, mode)),
          },
        ]),
      ),
    }),
  );
}

/** SHA-256, in hexadecimal, of the canonical text. */
export function contractDigest(contract: Contract): string {
  return createHash('sha256').update(canonicalContract(contract)).digest('hex');
}
