// The history of a store's TensorFlow: who asked for which change, when and why, and what came of it. Lines are added and never changed; the hash-chained audit
// log has the same entries for whoever doubts them.
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { withFolderLock } from '../audit/index.ts';
import { AirlockError } from '../core/index.ts';
import { makePrivateFolder, readPrivateFile } from './private-file.ts';
import { runtimeError } from './runtime-error.ts';
import { rolloutOf, type Selection } from './selection.ts';

/**
 * `completed`: what was asked for serves. `rolled back`: it served, and what served before serves again. `failed`: it never served everything, and what
 * served before serves. `cancelled`: somebody asked for something else meanwhile. `interrupted`: the server ended half way.
 */
export type RolloutOutcome = 'completed' | 'rolled back' | 'failed' | 'cancelled' | 'interrupted';

export const rolloutOutcomes = ['completed', 'rolled back', 'failed', 'cancelled', 'interrupted'] as const;

/** What was seen of the requests while a change was under way. */
export interface RolloutCounts {
  /** Answered, or meant to be, by the new workers. */
  readonly requests: number;
  /** Of them, those that the new worker failed and the old one did not. */
  readonly failed: number;
  /** Of the failed ones, those that the old worker answered instead: nobody saw them fail. */
  readonly saved: number;
  /** Answers that were compared. */
  readonly compared: number;
  /** Of them, those that differed beyond the tolerance. */
  readonly drifted: number;
  /** Of the compared ones, those that the old worker does not answer twice in the same way. */
  readonly unstable: number;
  /** The largest differences between two numbers of compared answers; -1 for an infinite one. */
  readonly maxAbsolute: number;
  readonly maxRelative: number;
}

/** How a change ended. */
export interface RolloutEnd {
  readonly outcome: RolloutOutcome;
  /** What did not hold; only of what did not complete. */
  readonly why?: string | undefined;
  /** More about it for whoever runs the server; may name a path. */
  readonly detail?: string | undefined;
  /** From the first worker that was started to the last that took over. */
  readonly movedMs: number;
  /** How long both were kept after that. */
  readonly observedMs: number;
  /** Model versions that were moved. */
  readonly moved: number;
  readonly counts: RolloutCounts;
}

export interface HistoryEntry {
  readonly asked: Omit<Selection, 'format' | 'state' | 'owner'>;
  /** Undefined while it is under way, and for one that no server was told of. */
  readonly ended?: (RolloutEnd & { readonly at: string }) | undefined;
}

const fileName = 'history.jsonl';
const maxLineBytes = 32 * 1024;
const maxFileBytes = 64 * 1024 * 1024;

const text = z.string().max(4_096);
const whole = z.number().int().min(0);
const number = z.number().min(-1);

const askedSchema = z.strictObject({
  id: text,
  kind: z.enum(['promote', 'rollback']),
  configured: text,
  version: text,
  previous: text,
  by: text,
  at: text,
  reason: text.exactOptional(),
  verdict: z.enum(['same', 'changed', 'failed', 'unrehearsed']).exactOptional(),
  rehearsal: text.exactOptional(),
  accepted: text.exactOptional(),
});

const endedSchema = z.strictObject({
  outcome: z.enum(rolloutOutcomes),
  why: text.exactOptional(),
  detail: text.exactOptional(),
  movedMs: whole,
  observedMs: whole,
  moved: whole,
  counts: z.strictObject({
    requests: whole,
    failed: whole,
    saved: whole,
    compared: whole,
    drifted: whole,
    unstable: whole,
    maxAbsolute: number,
    maxRelative: number,
  }),
  at: text,
});

const lineSchema = z.union([
  z.strictObject({ event: z.literal('asked'), asked: askedSchema }),
  z.strictObject({ event: z.literal('ended'), id: text, ended: endedSchema }),
]);

/** Records what was asked for. @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL, AUDIT_LOG_FAILED. */
export function recordAsked(store: string, { format: _format, state: _state, owner: _owner, ...asked }: Selection): void {
  append(store, { event: 'asked', asked });
}

/** Records what came of the change `id`. @throws as `recordAsked`. */
export function recordEnded(store: string, id: string, end: RolloutEnd, at: Date = new Date()): void {
  append(store, { event: 'ended', id, ended: { ...end, at: at.toISOString() } });
}

/** Records that the change `id` was given up before a server said what it had seen of it. @throws as `recordAsked`. */
export function recordDropped(store: string, id: string, why: string, at: Date): void {
  const zero = { requests: 0, failed: 0, saved: 0, compared: 0, drifted: 0, unstable: 0, maxAbsolute: 0, maxRelative: 0 };
  recordEnded(store, id, { outcome: 'cancelled', why, movedMs: 0, observedMs: 0, moved: 0, counts: zero }, at);
}

function append(store: string, line: object): void {
  const folder = rolloutOf(store);
  makePrivateFolder(folder);
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  if (bytes.length > maxLineBytes) throw new AirlockError('INTERNAL', { detail: 'a line of the history is too long' });
  withFolderLock(folder, () => {
    try {
      const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
      const fd = openSync(join(folder, fileName), flags, 0o600);
      try {
        // What a crash cut short must not swallow this line.
        const whole = endsCut(fd) ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes;
        // Unlike writeSync it does not take a part for the whole when the disk is full.
        writeFileSync(fd, whole);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (thrown) {
      throw runtimeError(thrown, 'STORE_NOT_WRITABLE');
    }
  });
}

function endsCut(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

export interface RolloutHistory {
  /** The oldest first. */
  readonly entries: readonly HistoryEntry[];
  /** Lines that are none of ours; a crash can leave one. */
  readonly unreadable: number;
}

/** The whole history; at most 64 MiB are read. @throws STORE_UNSAFE when another user could have written it, or it is larger. */
export function readHistory(store: string): RolloutHistory {
  const content = readPrivateFile(join(rolloutOf(store), fileName), maxFileBytes) ?? '';
  const asked = new Map<string, HistoryEntry['asked']>();
  // Servers that share a store each say how it went; the last word is the one that something was done about.
  const ended = new Map<string, NonNullable<HistoryEntry['ended']>>();
  let unreadable = 0;
  for (const line of content.split('\n')) {
    if (line === '') continue;
    const parsed = lineOf(line);
    if (parsed === undefined) unreadable++;
    else if (parsed.event === 'asked') asked.set(parsed.asked.id, parsed.asked);
    // It may come before the line of who asked: a server can be faster than the command.
    else ended.set(parsed.id, parsed.ended);
  }
  const entries = Array.from(asked, ([id, entry]) => {
    const end = ended.get(id);
    return end === undefined ? { asked: entry } : { asked: entry, ended: end };
  });
  return { entries, unreadable };
}

function lineOf(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    const parsed = lineSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
