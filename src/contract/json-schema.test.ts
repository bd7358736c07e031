// docs/contract.schema.json is what the reader's own schema says. After a change: `npx airlock contract schema > docs/contract.schema.json`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contractJsonSchema } from './json-schema.ts';
import { ruleTable } from './rule-table.ts';
import { contractSchema } from './schema.ts';

const file = join(import.meta.dirname, '..', '..', 'docs', 'contract.schema.json');

function* nodesOf(root: unknown): Generator<Record<string, unknown>> {
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    if (!Array.isArray(node)) yield node as Record<string, unknown>;
    open.push(...Object.values(node));
  }
}

describe('contractJsonSchema()', () => {
  const schema = contractJsonSchema();

  it('is what docs/contract.schema.json holds', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('has every key of the file, closed mappings, and a description for each key of a tensor', () => {
    expect(Object.keys(schema.properties as object)).toEqual(Object.keys(contractSchema.shape));
    const objects = [...nodesOf(schema)].filter((node) => node.type === 'object');
    expect(objects.length).toBeGreaterThan(25);
    for (const node of objects) expect(node.additionalProperties, JSON.stringify(node).slice(0, 200)).toBeDefined();
    expect([...nodesOf(schema)].filter((node) => 'x-default' in node)).toEqual([]);
    const { TensorRules } = schema.$defs as Record<
      string,
      { properties: Record<string, Record<string, unknown>>; required: string[] }
    >;
    expect(TensorRules.required).toEqual(['dtype']);
    for (const [key, value] of Object.entries(TensorRules.properties))
      expect(value.description ?? value.$ref, key).toBeTypeOf('string');
    expect(TensorRules.properties.dtype.enum).toContain('float32');
  });

  it('knows the defaults and the names of the rules', () => {
    const { ImageRules, TensorRules } = schema.$defs as Record<string, { properties: Record<string, Record<string, unknown>> }>;
    expect(ImageRules.properties.maxRatio.default).toBe(200);
    expect(ImageRules.properties.formats.default).toEqual(['png', 'gif', 'bmp']);
    const names = (TensorRules.properties.modes.propertyNames as { enum: string[] }).enum;
    expect(names).toEqual(Object.keys(ruleTable).filter((name) => name !== 'relation'));
  });
});
