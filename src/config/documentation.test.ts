// docs/configuration.md and the schema must not drift apart: every key is in the table with its default, and no other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';
import { knownKeys } from './schema.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'configuration.md'), 'utf8');
const rows = new Map([...text.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm)].map(([, key, value]) => [key, value.trim()]));

const folders = new Set(knownKeys.keys());
const leaves = [...knownKeys]
  .flatMap(([place, keys]) => keys.map((key) => (place === '' ? key : `${place}.${key}`)))
  .filter((key) => !folders.has(key) && !key.startsWith('models[].versions.') && key !== 'models');

it('docs/configuration.md has a row for each key and for nothing else', () => {
  expect(leaves.length).toBeGreaterThan(20);
  expect([...rows.keys()].filter((key) => key !== 'models[].versions').sort()).toEqual(leaves.sort());
});

it('docs/configuration.md gives the defaults that the schema fills in', () => {
  const policy = { models: ['*'], signers: ['x'], attestations: [{ type: 'scan' }] };
  const trust = { signers: { x: { key: '/x.pub' } }, policies: { x: policy } };
  const config: unknown = checkConfig({ trust, models: [{ name: 'm', path: '/m', trust: 'x' }] }, '/');
  const valueAt = (key: string) =>
    key
      .replaceAll('[]', '.0')
      .replaceAll('*', 'x')
      .split('.')
      .reduce<unknown>(
        (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
        config,
      );
  const numbers = [...rows].filter(([, value]) => /^\d+$/.test(value));
  expect(numbers.length).toBeGreaterThan(12);
  for (const [key, value] of numbers) expect(Number(valueAt(key)), key).toBe(Number(value));
});
