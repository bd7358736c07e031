// Where an audit log lies and what its lines look like. One folder; files `audit-NUMBER.jsonl` that continue each other, NUMBER being that of their
// first entry; and `head.json`, which says how the log ends. Each line is JSON and holds the SHA-256 of the line before it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf } from '../core/index.ts';

/** One line without its end. */
export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly event: string;
  readonly data: unknown;
  /** SHA-256 of the line before, hex; 64 zeros in the first. */
  readonly previous: string;
}

/** How a log ends: the number of its last entry and the SHA-256 of its line. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export const emptyHead: AuditHead = { seq: 0, hash: '0'.repeat(64) };

/** Longer entries are refused: a log line is no place for a report. */
export const maxLineBytes = 64 * 1024;

const fileName = /^audit-(\d{12})\.jsonl$/;
const headPattern = /^\{"seq":(\d{1,15}),"hash":"([0-9a-f]{64})"\}\n$/;

export function hashOf(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

export function nameOfFile(firstSeq: number): string {
  return `audit-${String(firstSeq).padStart(12, '0')}.jsonl`;
}

/** The files of a log in order, with the number of their first entry; empty when there is none. @throws AUDIT_LOG_FAILED. */
export function listFiles(folder: string): { readonly name: string; readonly firstSeq: number }[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => {
        const [, digits] = fileName.exec(name) ?? [];
        return digits === undefined ? [] : [{ name, firstSeq: Number(digits) }];
      })
      .sort((a, b) => a.firstSeq - b.firstSeq);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw new AirlockError('AUDIT_LOG_FAILED', { detail: String(thrown), cause: thrown });
  }
}

/** Undefined when there is none. @throws AUDIT_LOG_INVALID when it is not one. */
export function readHead(folder: string): AuditHead | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, 'head.json'), 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw new AirlockError('AUDIT_LOG_FAILED', { detail: String(thrown), cause: thrown });
  }
  const [, seq, hash] = headPattern.exec(text) ?? [];
  if (hash === undefined) throw new AirlockError('AUDIT_LOG_INVALID', { message: 'head.json of the audit log is damaged' });
  return { seq: Number(seq), hash };
}

export function formatHead({ seq, hash }: AuditHead): string {
  return `{"seq":${seq},"hash":"${hash}"}\n`;
}
