// docs/attestations.md is where others read what to write into a statement: it has to name every type, every field and every limit.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examplePredicates } from '../../../tests/support/attestations.ts';
import { severities } from '../../core/index.ts';
import { predicateTypes } from './index.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/attestations.md'), 'utf8');
const sections = new Map(
  page.split(/^## /m).flatMap((section): [string, string][] => {
    const type = /^`(\w+)`/.exec(section)?.[1];
    return type === undefined ? [] : [[type, section]];
  }),
);

/** Names of fields, without what is anybody's own choice. */
function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = new Set(['externalParameters', 'internalParameters', 'hyperparameters', 'metrics', 'digest', 'invocationId']);
  return Object.entries(value).flatMap(([key, inner]) => {
    if (/^\d+$/.test(key)) return fieldsOf(inner);
    return own.has(key) ? [key] : [key, ...fieldsOf(inner)];
  });
}

it('documents each type with its predicate type', () => {
  expect([...sections.keys()].sort()).toEqual(Object.keys(predicateTypes).sort());
  for (const [type, uri] of Object.entries(predicateTypes)) expect(sections.get(type)).toContain(`\`${uri}\``);
});

it.each(Object.entries(examplePredicates()))('documents every field of %s', (type, predicate) => {
  const section = sections.get(type) ?? '';
  const unread = new Set(['invocationId']);
  for (const field of fieldsOf(predicate).filter((name) => !unread.has(name)))
    expect(section, field).toMatch(new RegExp(`[\`.]${field}(?:\\[\\])?[\`.]`));
});

it('documents every severity', () => {
  for (const severity of severities) expect(sections.get('scan')).toContain(`\`${severity}\``);
});
