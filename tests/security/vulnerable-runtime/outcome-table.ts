// The table of docs/vulnerable-runtime.md: what each attack did. Rows are written by a run of all attacks, never by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../support/server.ts';
import type { Attack } from './attack.ts';
import type { Outcome } from './run-attack.ts';

const file = path.join(root, 'docs/vulnerable-runtime.md');
const [begin, end] = ['<!-- table: npm run test:vulnerable -->', '<!-- end of the table -->'];

export interface Row {
  readonly attack: Attack;
  readonly plain: Outcome;
  readonly jailed: Outcome;
  readonly newer: Outcome;
  /** Rules of the contract that refuse the request. */
  readonly refusedBy: readonly string[];
  readonly scanned: string;
}

function told({ kind, how, duringLoad }: Outcome, isForeign: boolean): string {
  const when = duringLoad ? ' while it loads' : '';
  if (kind === 'crashed') return `dies${when}: ${how.replace('signal ', '')}`;
  if (kind === 'refused') return `refuses${when}: ${how.replace('TENSORFLOW_', '')}`;
  return isForeign ? 'answers with memory of its own' : 'answers';
}

/** Whether an answer holds memory that nobody gave. */
export const isForeign = ({ isForeign: judge }: Attack, { outputs }: Outcome): boolean =>
  outputs.length > 0 && judge !== undefined && judge(outputs[0]);

function rowText({ attack, plain, jailed, newer, refusedBy, scanned }: Row): string {
  const { cve, op, trigger, inputs } = attack;
  const who = inputs.some(({ kind }) => kind === 'request') ? 'request' : 'model';
  const before = refusedBy.length === 0 ? '–' : `contract: ${refusedBy.join(', ')}`;
  const jail = jailed.kind === 'crashed' ? 'only its worker dies' : told(jailed, isForeign(attack, jailed));
  const cells = [cve, `\`${op}\``, trigger, who, told(plain, isForeign(attack, plain)), scanned, before, jail];
  return `| ${[...cells, told(newer, isForeign(attack, newer))].join(' | ')} |`;
}

function tableText(rows: readonly string[]): string {
  const head = ['advisory', 'operation', 'what it gets', 'from', '2.9.1, plain process', 'scan for 2.9.1'];
  const columns = [...head, 'refused before the worker', '2.9.1 in the jail', '2.21.0'];
  return [`| ${columns.join(' | ')} |`, `|${columns.map(() => '---').join('|')}|`, ...rows].join('\n');
}

function parts(): readonly [before: string, table: string, after: string] {
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no place for the table`);
  return [text.slice(0, from + begin.length), text.slice(from + begin.length, to), text.slice(to)];
}

/** Puts rows in the place of those of the same advisories, in the order of their numbers. */
export function writeTable(rows: readonly Row[]): void {
  const [before, table, after] = parts();
  const lines = new Map([...table.matchAll(/^\| (CVE-\d+-\d+) \|.*$/gm)].map(([line, cve]) => [cve, line]));
  for (const row of rows) lines.set(row.attack.cve, rowText(row));
  const sorted = [...lines].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, line]) => line);
  writeFileSync(file, `${before}\n\n${tableText(sorted)}\n\n${after}`);
}

/** Of each row in the page: the advisory and the operation. */
export function documented(): readonly (readonly [cve: string, op: string])[] {
  return [...parts()[1].matchAll(/^\| (CVE-\d+-\d+) \| `(\w+)`/gm)].map(([, cve, op]) => [cve, op]);
}
