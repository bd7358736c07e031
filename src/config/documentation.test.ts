// docs/configuration.md and the schema must not drift apart: every key is in the table with its default, and no other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';
import { knownKeys } from './schema.ts';
import { configKind, parseYamlText } from './yaml-file.ts';

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

const trustText = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'trust.md'), 'utf8');

it('docs/trust.md names each key of the trust section', () => {
  const places = [...knownKeys].filter(([place]) => place.startsWith('trust'));
  const names = new Set(places.flatMap(([, keys]) => keys).filter((key) => key !== '*'));
  expect(names.size).toBeGreaterThan(30);
  const quoted = [...trustText.matchAll(/`([^`]+)`/g)].flatMap(([, text]) => text.split(/[^A-Za-z0-9]+/));
  expect([...names].filter((name) => !quoted.includes(name))).toEqual([]);
});

it('the examples of docs/trust.md load', () => {
  const blocks = trustText.split('\n\n').filter((block) => /^ {4}(trust| {2}signers| {2}denied):/.test(block));
  expect(blocks).toHaveLength(5);
  const [whole, ...parts] = blocks.map((block) => block.replaceAll(/^ {4}/gm, ''));
  const load = (text: string) => checkConfig(parseYamlText(text, 'airlock.yaml', configKind), '/');
  expect(load(whole).models[0].trust).toBe('digits');
  const models = 'models: [{ name: m, path: m, unsafeUnsigned: true }]';
  const [certificate, keyless, twoOfThree, denied] = parts;
  for (const part of [certificate, keyless, twoOfThree]) expect(load(`trust:\n${part}\n${models}`).trust).toBeDefined();
  const ben = '  signers: { ben: { key: ben.pub } }';
  expect(load(`trust:\n${ben}\n${denied}\n${models}`).trust?.denied.models).toEqual(['fraud-us', 'fraud-eu@7']);
});
