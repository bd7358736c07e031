// Turns what the file system throws into the errors of this folder. Paths of this machine go into `detail` only.
import { AirlockError, type ErrorCode, errnoOf, isAirlockError, printable } from '../../core/index.ts';

/** About a model's folder as a whole. */
export function modelError(code: ErrorCode, text: string, place: string, cause?: unknown): AirlockError {
  return new AirlockError(code, { message: `The model ${text}`, detail: printable(place, 4_096), cause });
}

/** What went wrong while the store was written or read: DISK_FULL, STORE_NOT_WRITABLE, or INTERNAL. What is an AirlockError stays one. */
export function storeError(thrown: unknown): AirlockError {
  if (isAirlockError(thrown)) return thrown;
  const options = { cause: thrown, detail: printable(thrown instanceof Error ? thrown.message : String(thrown), 500) };
  const code = errnoOf(thrown);
  if (['ENOSPC', 'EDQUOT'].includes(code)) return new AirlockError('DISK_FULL', options);
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) return new AirlockError('STORE_NOT_WRITABLE', options);
  return new AirlockError('INTERNAL', options);
}

/** @throws CANCELLED once `signal` has fired, whatever reason it carries. */
export function assertNotCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AirlockError('CANCELLED', { cause: signal.reason });
}
