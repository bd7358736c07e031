// What a running server tells the command line through its store: which models it serves on which TensorFlow, and how far a change of it has come. It is a note, not
// an authority: whoever promotes by it is checked once more by the server.
import { join } from 'node:path';
import { z } from 'zod';
import { isDeadOwner } from '../core/index.ts';
import type { ServedIdentity } from './check-rehearsal.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';
import { rolloutOf } from './selection.ts';

export interface ServingNote {
  readonly format: 1;
  /** Of the server; see `ownerMark`. */
  readonly owner: string;
  /** What its configuration names. */
  readonly configured: string;
  readonly tensorflow: string;
  readonly models: readonly ServedIdentity[];
  /** The change that is under way. */
  readonly rollout?:
    | {
        readonly id: string;
        readonly phase: 'moving' | 'observing' | 'going back';
        readonly moved: number;
        readonly total: number;
        readonly model?: string | undefined;
        readonly requests: number;
        readonly failed: number;
      }
    | undefined;
}

const fileName = 'serving.json';
const maxNoteBytes = 4 * 1024 * 1024;

const text = z.string().max(4_096);
const whole = z.number().int().min(0);

const noteSchema = z.strictObject({
  format: z.literal(1),
  owner: z.string().max(128),
  configured: text,
  tensorflow: text,
  models: z.array(z.strictObject({ name: text, version: text, identity: text })).max(100_000),
  rollout: z
    .strictObject({
      id: text,
      phase: z.enum(['moving', 'observing', 'going back']),
      moved: whole,
      total: whole,
      model: text.exactOptional(),
      requests: whole,
      failed: whole,
    })
    .exactOptional(),
});

/** @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL. */
export function writeServingNote(store: string, note: ServingNote): void {
  writePrivateFile(rolloutOf(store), fileName, `${JSON.stringify(note)}\n`);
}

/**
 * The note of the server that wrote last, unless that server is known to be gone. A server in another container cannot be told from one that ended: its note is
 * given. Undefined for what is no note. @throws STORE_UNSAFE when another user could have written it.
 */
export function readServingNote(store: string): ServingNote | undefined {
  const content = readPrivateFile(join(rolloutOf(store), fileName), maxNoteBytes);
  if (content === undefined) return undefined;
  try {
    const parsed = noteSchema.safeParse(JSON.parse(content));
    return parsed.success && !isDeadOwner(parsed.data.owner) ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
