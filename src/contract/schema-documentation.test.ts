// docs/contracts.md and the schema must not drift apart: its tables are made from the JSON Schema and the table of rules, and its example is
// read. `UPDATE_DOCS=1 npx vitest run src/contract/schema-documentation.test.ts` writes the tables anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ActionKind } from './contract-types.ts';
import { contractJsonSchema } from './json-schema.ts';
import { lintContract } from './lint.ts';
import { parseContract } from './load-contract.ts';
import { type RuleSpec, ruleTable } from './rule-table.ts';

interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly $ref?: string;
  readonly items?: Node;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | false;
  readonly oneOf?: readonly Node[];
  readonly allOf?: readonly Node[];
  readonly $defs?: Readonly<Record<string, Node>>;
}

const file = join(import.meta.dirname, '..', '..', 'docs', 'contracts.md');
const schema = contractJsonSchema() as Node;
const defs = schema.$defs ?? {};

const refName = (node: Node): string | undefined => (node.$ref ?? node.allOf?.[0]?.$ref)?.split('/').at(-1);
const isWide = (limit: number | undefined) => limit === undefined || Math.abs(limit) >= 2 ** 31 - 1;

function typeText(node: Node): string {
  const name = refName(node);
  if (name === 'Action') return '[action](#actions)';
  if (name !== undefined) return name.startsWith('__') ? typeText(defs[name]) : `[${name}](#${name.toLowerCase()})`;
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.oneOf !== undefined) return 'relation, see below';
  if (node.items !== undefined) return `list of ${typeText(node.items)}`;
  if (typeof node.additionalProperties === 'object') return `mapping to ${typeText(node.additionalProperties)}`;
  if (node.properties !== undefined) return `\`{ ${Object.keys(node.properties).join(', ')} }\``;
  const type = typeof node.type === 'string' ? node.type : (node.type ?? []).join(' or ');
  if (type !== node.type || (isWide(node.minimum) && isWide(node.maximum))) return type;
  if (isWide(node.maximum)) return `${type} ≥ ${node.minimum}`;
  return `${type} ${node.minimum}…${node.maximum}`;
}

function rows(node: Node): string[] {
  return Object.entries(node.properties ?? {}).map(([key, value]) => {
    const preset = value.default === undefined ? '' : `\`${JSON.stringify(value.default).replaceAll('"', '')}\``;
    const isRequired = node.required?.includes(key) === true;
    const ref = refName(value);
    const text = value.description ?? (ref === undefined ? '' : defs[ref].description) ?? '';
    return `| \`${key}\` | ${typeText(value)} | ${isRequired ? 'required' : preset} | ${text.replaceAll('|', '\\|')} |`;
  });
}

const head = ['| key | type | default | meaning |', '| --- | --- | --- | --- |'];

function table(title: string, node: Node): string[] {
  if (node.properties === undefined) return [];
  return [`### ${title}`, '', ...(node.description === undefined ? [] : [node.description, '']), ...head, ...rows(node), ''];
}

function keysText(): string {
  const inline = ['metadata', 'request', 'cost'].flatMap((key) => table(key, schema.properties?.[key] ?? {}));
  const { TensorRules: input, OutputRules: output } = defs;
  const added = Object.entries(output.properties ?? {}).filter(([key]) => !Object.hasOwn(input.properties ?? {}, key));
  expect(Object.keys(output.properties ?? {})).toEqual(expect.arrayContaining(Object.keys(input.properties ?? {})));
  const short = {
    ...defs,
    OutputRules: { ...output, description: 'All keys of TensorRules, and:', properties: Object.fromEntries(added) },
  };
  const named = Object.entries(short).filter(([name]) => !name.startsWith('__') && name !== 'Action');
  const relations = defs.SignatureRules.properties?.relations.items?.oneOf ?? [];
  const relationTables = relations.flatMap((node) => table(`relation ${node.properties?.rule.const}`, node));
  return [
    '### The file',
    '',
    ...head,
    ...rows(schema),
    '',
    ...inline,
    ...named.flatMap(([name, node]) => table(name, node)),
    ...relationTables,
  ]
    .join('\n')
    .trimEnd();
}

function rulesText(): string {
  const kinds: readonly ActionKind[] = ['clip', 'replace', 'truncate', 'pad', 'downsample', 'select'];
  const lines = Object.entries<RuleSpec>(ruleTable).map(([name, { subject, actions, text }]) => {
    const list = kinds.filter((kind) => actions.some((action) => action === kind));
    return `| \`${name}\` | ${subject} | ${text} | ${list.join(', ')} |`;
  });
  return ['| rule | on | what | actions |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function withSection(text: string, name: string, content: string): string {
  const begin = text.indexOf('-->\n', text.indexOf(`<!-- ${name}:begin`)) + 4;
  const end = text.indexOf(`<!-- ${name}:end -->`);
  expect(begin, name).toBeGreaterThan(3);
  expect(end, name).toBeGreaterThanOrEqual(begin);
  return `${text.slice(0, begin)}\n${content}\n\n${text.slice(end)}`;
}

it('docs/contracts.md has the tables of the schema and of the rules', () => {
  const text = readFileSync(file, 'utf8');
  const current = withSection(withSection(text, 'keys', keysText()), 'rules', rulesText());
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, current);
  else expect(text).toBe(current);
  for (const name of Object.keys(ruleTable)) expect(current).toContain(`| \`${name}\` |`);
  expect(current.match(/^\| `/gm)?.length).toBeGreaterThan(200);
});

it('the example of docs/contracts.md is a contract that lint has no error for', () => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8')) ?? expect.fail();
  const findings = lintContract(parseContract(example)).map(({ severity, path }) => `${severity} ${path}`);
  expect(findings.filter((line) => !line.startsWith('note'))).toEqual([]);
});
