// The reviewed file of further pins, which the operator names in `runtime.pins` or with --pins. Read strictly: one meaning per text, every name
// and number checked, nothing that a built-in official pin says already. Whoever can write it decides what TensorFlow is, so it is refused when
// another user could.
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { schemaViolations } from '../config/index.ts';
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { parseStrictJson } from '../provenance/format/index.ts';
import { assertPrivate } from '../provenance/index.ts';
import { assertOfficialPackage } from './official-packages.ts';
import { builtInPins, libraryNames, type PinTable, slotFileNames } from './pin.ts';
import type { BuiltPin, RuntimePin, SlotPin } from './pin-types.ts';
import { hasCode } from './runtime-error.ts';
import { compareVersions } from './version-order.ts';

/** A file of 400 pins. */
const maxFileBytes = 1024 * 1024;
const maxPins = 500;
const maxFileEntryBytes = 4 * 1024 ** 3;

// Without leading zeros: 2.21.00 is 2.21.0 for pip, and would not be for us.
const version = z.string().regex(/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){2}$/);
const arch = z.enum(['x86_64', 'aarch64']);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().min(1).max(maxFileEntryBytes);
const plain = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => printable(text, maxLength) === text);

const name = z.string().refine((text) => slotFileNames.includes(text));
const slotFile = z.strictObject({ name, bytes, sha256 });
const pinnedFile = z.strictObject({
  entry: z
    .string()
    .max(256)
    .regex(/^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+){0,8}$/),
  ...slotFile.shape,
});

const wheelPin = z.strictObject({
  origin: z.undefined().exactOptional(),
  version,
  arch,
  package: z.string().max(64),
  pythonTag: z.string().regex(/^cp3\d{1,2}$/),
  platformTags: z
    .array(z.string().regex(/^manylinux[0-9_]{1,12}_(?:x86_64|aarch64)$/))
    .min(1)
    .max(8),
  wheel: z.string().max(256),
  wheelBytes: bytes,
  wheelSha256: sha256,
  files: z.array(pinnedFile).min(2).max(slotFileNames.length),
  yanked: z.strictObject({ reason: plain(300), allowed: plain(300) }).exactOptional(),
}) satisfies z.ZodType<RuntimePin>;

const builtPin = z.strictObject({
  origin: z.literal('built'),
  version,
  arch,
  builders: z
    .array(z.strictObject({ id: plain(512), keyId: sha256, attestation: sha256 }))
    .min(1)
    .max(16),
  files: z.array(slotFile).min(3).max(slotFileNames.length),
}) satisfies z.ZodType<BuiltPin>;

const fileSchema = z.strictObject({ format: z.literal(1), pins: z.array(z.union([builtPin, wheelPin])).max(maxPins) });

function refuse(path: string, why: string, cause?: unknown): AirlockError {
  const options = { message: `The file of pins ${printable(basename(path), 200)} ${why}`, detail: printable(path, 4_096) };
  return new AirlockError('RUNTIME_PINS_INVALID', { ...options, cause });
}

function keyOf(pin: SlotPin): string {
  return `${pin.version} for ${pin.arch}`;
}

/** Why a pin whose fields are well formed still makes no sense; undefined when it does. */
function faultOf(pin: SlotPin): string | undefined {
  const names = pin.files.map((file) => file.name);
  if (new Set(names).size !== names.length) return 'has a file twice';
  if (!names.includes(libraryNames.cc) || !names.includes(libraryNames.framework)) return 'lacks one of the two libraries';
  // A licence is a condition of passing the libraries on.
  if (!names.includes('LICENSE')) return 'lacks the LICENSE';
  if (pin.origin === 'built') {
    const keys = pin.builders.map((builder) => builder.keyId);
    return new Set(keys).size === keys.length ? undefined : 'has two builders with one key';
  }
  assertOfficialPackage(pin.package, pin.arch);
  const stem = `${pin.package.replaceAll('-', '_')}-${pin.version}-${pin.pythonTag}-${pin.pythonTag}-`;
  if (pin.wheel !== `${stem}${pin.platformTags.join('.')}.whl`) return 'has a wheel with another name than its fields say';
  if (!pin.platformTags.every((tag) => tag.endsWith(pin.arch))) return 'has a platform of another architecture';
  if (pin.files.some((file) => file.entry.split('/').at(-1) !== file.name || file.entry.split('/').includes('..')))
    return 'takes a file under another name';
  return undefined;
}

/** The pins in the bytes of such a file. @throws RUNTIME_PINS_INVALID, RUNTIME_UNOFFICIAL for a distribution that is none of TensorFlow's own */
export function parsePins(content: Buffer, path: string): readonly SlotPin[] {
  let value: unknown;
  try {
    value = parseStrictJson(content, { maxBytes: maxFileBytes, maxDepth: 8, maxTokens: 50_000, code: 'RUNTIME_PINS_INVALID' });
  } catch (cause) {
    throw refuse(path, `cannot be read: ${isAirlockError(cause) ? cause.message : 'it is no JSON'}`, cause);
  }
  const result = fileSchema.safeParse(value, { reportInput: true });
  if (!result.success) {
    const violations = schemaViolations(result.error.issues.slice(0, 10));
    const at = violations[0]?.path ?? '';
    const error = refuse(path, `is not well formed${at === '' ? '' : ` at ${at}`}`);
    throw new AirlockError(error.code, { message: error.message, detail: error.detail ?? '', violations });
  }
  const seen = new Set<string>();
  for (const pin of result.data.pins) {
    const fault = faultOf(pin);
    if (fault !== undefined) throw refuse(path, `is wrong: ${keyOf(pin)} ${fault}`);
    if (seen.has(keyOf(pin))) throw refuse(path, `has ${keyOf(pin)} twice`);
    seen.add(keyOf(pin));
    // What the file could say otherwise than the table that came with the program is what an attacker would want to say.
    if (pin.origin === undefined && builtInPins.pins.some((known) => keyOf(known) === keyOf(pin)))
      throw refuse(path, `pins ${keyOf(pin)}, whose official wheel Airlock pins itself`);
  }
  return result.data.pins;
}

async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > maxFileBytes) throw refuse(path, `is no file of at most ${maxFileBytes} bytes`);
    const content = Buffer.alloc(maxFileBytes + 1);
    let length = 0;
    for (let got = -1; got !== 0; length += got)
      got = (await handle.read(content, length, content.length - length, length)).bytesRead;
    return content.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/**
 * The pins of a file, which nobody but this user and root may be able to write.
 * @throws RUNTIME_PINS_INVALID, RUNTIME_UNOFFICIAL
 */
export async function readPinsFile(path: string): Promise<readonly SlotPin[]> {
  const file = resolve(path);
  try {
    await assertPrivate(file, 'TRUST_INVALID');
    return parsePins(await readWhole(file), file);
  } catch (thrown) {
    if (isAirlockError(thrown) && thrown.code !== 'TRUST_INVALID') throw thrown;
    const why = isAirlockError(thrown) ? `cannot be trusted: ${thrown.detail ?? 'others may write it'}` : 'cannot be read';
    throw refuse(file, printable(why, 400), thrown);
  }
}

/**
 * All pins that count: those of the file, and Airlock's own. Libraries that were built stand in place of the official ones of their version; an
 * official wheel that Airlock pins cannot be said otherwise. Without a path only Airlock's own.
 * @throws RUNTIME_PINS_INVALID, RUNTIME_UNOFFICIAL
 */
export async function loadPins(path: string | undefined): Promise<PinTable> {
  if (path === undefined) return builtInPins;
  const further = await readPinsFile(path);
  const replaced = new Set(further.map(keyOf));
  return { pins: [...further, ...builtInPins.pins.filter((pin) => !replaced.has(keyOf(pin)))] };
}

/** The pins of a file that may not be there yet. @throws as readPinsFile */
export async function readPinsFileOrNone(path: string): Promise<readonly SlotPin[]> {
  const found = await lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw refuse(path, 'cannot be looked at', error);
  });
  return found === undefined ? [] : await readPinsFile(path);
}

/** The text of a file with these pins: newest first, x86_64 before aarch64, so that a change is one block in a review. */
export function encodePins(pins: readonly SlotPin[]): Buffer {
  const sorted = [...pins].sort(
    (a, b) => compareVersions(b.version, a.version) || (a.arch < b.arch ? 1 : a.arch > b.arch ? -1 : 0),
  );
  return Buffer.from(`${JSON.stringify({ format: 1, pins: sorted }, undefined, 2)}\n`, 'utf8');
}
