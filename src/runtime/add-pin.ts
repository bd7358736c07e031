// Puts a pin into the operator's file of pins: whole or not at all, and only in a form that the reader takes. It is called after a person has said
// yes; nothing that runs by itself may call it.
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import type { SlotPin } from './pin-types.ts';
import { encodePins, parsePins, readPinsFileOrNone } from './pins-file.ts';

export interface AddedPin {
  /** Absolute. */
  readonly file: string;
  /** False when the file said exactly this already; then it was not written. */
  readonly isNew: boolean;
}

/**
 * Adds a pin to a file, which is made when it is missing (mode 0644).
 * @param replace takes the place of what the file says about this version and architecture
 * @throws RUNTIME_PINS_INVALID when the file cannot be trusted or read, or says something else about this version; RUNTIME_UNOFFICIAL;
 * STORE_NOT_WRITABLE
 */
export async function addPin(path: string, pin: SlotPin, replace = false): Promise<AddedPin> {
  const file = resolve(path);
  const known = await readPinsFileOrNone(file);
  const isSame = (other: SlotPin): boolean => other.version === pin.version && other.arch === pin.arch;
  const other = known.find(isSame);
  if (other !== undefined) {
    if (encodePins([other]).equals(encodePins([pin]))) return { file, isNew: false };
    if (!replace) {
      throw new AirlockError('RUNTIME_PINS_INVALID', {
        message: `${printable(basename(file), 200)} says something else about TensorFlow ${pin.version} for ${pin.arch}; take that entry out, or say --replace`,
      });
    }
  }
  const content = encodePins([...known.filter((one) => !isSame(one)), pin]);
  // As everybody will read it: what is refused there must not be written.
  parsePins(content, file);
  await writeWhole(file, content);
  return { file, isNew: true };
}

async function writeWhole(file: string, content: Buffer): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(draft, 'wx', 0o644);
    try {
      await handle.writeFile(content);
      await handle.chmod(0o644);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (cause) {
    throw new AirlockError('STORE_NOT_WRITABLE', {
      message: `The file of pins ${printable(basename(file), 200)} cannot be written`,
      detail: printable(file, 4_096),
      cause,
    });
  } finally {
    await rm(draft, { force: true });
  }
}
