// Which recordings were asked for. The command line writes one small file for each, a running server reads them every second; both refuse a folder that another user
// could write into, because whoever could would decide whose requests are kept. What may be recorded at all, the server's own configuration says.
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AirlockError, errnoOf } from '../core/index.ts';
import { readPrivateFile, writePrivateFile } from '../runtime/index.ts';

export interface RecordingOrder {
  readonly format: 1;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly model: string;
  /** Share of the accepted requests. */
  readonly samplePercent: number;
  /** Each server ends the recording by itself after so many. */
  readonly maxRequests: number;
  /** As `Date.toISOString` writes it, as all times here. */
  readonly startedAt: string;
  /** When it ends by itself. */
  readonly until: string;
  /** The user who asked. */
  readonly by: string;
  /** Set when somebody ended it. */
  readonly stoppedAt?: string | undefined;
}

const maxOrderBytes = 16 * 1024;
/** Orders that are looked at, the newest by name; an id begins with the time. */
const maxOrders = 1_000;
const orderName = /^([0-9a-f]{16})\.json$/;

const time = z.iso.datetime({ precision: 3 });
const orderSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  model: z.string().min(1).max(1_024),
  samplePercent: z.number().gt(0).max(100),
  maxRequests: z.number().int().min(1).max(1_000_000_000),
  startedAt: time,
  until: time,
  by: z.string().max(256),
  stoppedAt: time.exactOptional(),
}) satisfies z.ZodType<RecordingOrder>;

/** The folder of a store's recordings. */
export function recordingsOf(store: string): string {
  return join(resolve(store), 'recording');
}

/** 48 bits of milliseconds, so that names sort by time, and 16 random bits. */
export function newRecordingId(nowMs: number): string {
  return Math.floor(nowMs).toString(16).padStart(12, '0').slice(-12) + randomBytes(2).toString('hex');
}

/** Undefined for text that is no order. Never throws. */
export function parseOrder(text: string): RecordingOrder | undefined {
  try {
    const parsed = orderSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL. */
export async function writeOrder(store: string, order: RecordingOrder): Promise<void> {
  await writePrivateFile(recordingsOf(store), `${order.id}.json`, `${JSON.stringify(order)}\n`);
}

/** The orders of a store, oldest first. What is no order is left out. @throws STORE_UNSAFE when another user could have written one. */
export async function readOrders(store: string): Promise<readonly RecordingOrder[]> {
  const folder = recordingsOf(store);
  const names = await readdir(folder).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw new AirlockError('STORE_UNSAFE', { detail: 'the folder of recordings cannot be listed', cause: thrown });
  });
  const orders: RecordingOrder[] = [];
  for (const name of names
    .filter((one) => orderName.test(one))
    .sort()
    .slice(-maxOrders)) {
    const text = await readPrivateFile(join(folder, name), maxOrderBytes);
    const order = text === undefined ? undefined : parseOrder(text);
    // A copy under another name would be a second recording.
    if (order !== undefined && name === `${order.id}.json`) orders.push(order);
  }
  return orders;
}

export async function removeOrder(store: string, id: string): Promise<void> {
  await rm(join(recordingsOf(store), `${id}.json`), { force: true });
}

export function isActive(order: RecordingOrder, nowMs: number): boolean {
  return order.stoppedAt === undefined && nowMs < Date.parse(order.until) && nowMs >= Date.parse(order.startedAt) - clockSlackMs;
}

/** The wall clock of the command and of the server may differ by a little, where the store is shared. */
const clockSlackMs = 60_000;
