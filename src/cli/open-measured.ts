// The worker of a model that a command measures: what the options of `airlock cost --measure` and `airlock profile` say about it.
import { type OpenedWorker, openWorker } from '../serving/index.ts';
import type { TrustOptions } from './trust-options.ts';
import type { UnsafeLevel } from './unsafe-sandbox-option.ts';

/** Without a key anybody's model is measured. */
export interface MeasuredOptions extends TrustOptions {
  readonly store: string;
  readonly tensorflow: string;
  /** Separated by commas. */
  readonly tags: string;
  /** MiB. */
  readonly memory: number;
  /** Seconds. */
  readonly timeout: number;
  readonly unsafeSandbox?: UnsafeLevel;
  readonly unsafeUnscanned?: boolean;
}

/** @throws as `openWorker`. */
export function openMeasured(path: string, options: MeasuredOptions): Promise<OpenedWorker> {
  const { key, store, tensorflow, tags, memory, timeout, unsafeSandbox, unsafeUnscanned = false } = options;
  return openWorker({
    path,
    store,
    tensorflow,
    tags: tags.split(','),
    ...(key === undefined ? { unsafeUnsigned: true } : { trust: { key } }),
    ...(unsafeSandbox === undefined ? {} : { sandbox: { unsafeLevel: unsafeSandbox } }),
    unsafeUnscanned,
    limits: { memoryMiB: memory, timeoutMs: timeout * 1_000 },
  });
}
