// Turns what the file system throws into errors that say what to do. It never hides an AirlockError behind another code.
import { AirlockError, type ErrorCode, isAirlockError, printable } from '../core/index.ts';

/** True when `error` is a system error with this code (`ENOENT`, …). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** What stopping an install or a verification half way gives. */
export function cancelled(cause?: unknown): AirlockError {
  return new AirlockError('CANCELLED', { cause });
}

/** Errors: CANCELLED once `signal` has fired, whatever reason it carries. */
export function assertNotCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal.reason);
}

/** `error` as an AirlockError: a full disk, a store that cannot be written and a cancellation have codes of their own, the rest is `fallback`. */
export function runtimeError(error: unknown, fallback: ErrorCode): AirlockError {
  if (isAirlockError(error)) return error;
  const detail = error instanceof Error ? printable(error.message, 500) : undefined;
  const options = { cause: error, ...(detail === undefined ? {} : { detail }) };
  if (hasCode(error, 'ABORT_ERR') || (error instanceof Error && error.name === 'AbortError')) return cancelled(error);
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) return new AirlockError('DISK_FULL', options);
  if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return new AirlockError('STORE_NOT_WRITABLE', options);
  return new AirlockError(fallback, options);
}
