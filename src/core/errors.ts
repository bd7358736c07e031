// The only error class of the tree. It carries a code of the registry and what a client may know.
// `cause` and the stack are for the log; they never cross a socket.
import { type ErrorCode, errorSpec, type StatusName } from './error-registry.ts';

/** One thing that is wrong with an input. Every field is safe to show: values are shortened and hold no control characters. */
export interface Violation {
  /** Where in the input, in the client's own terms: `instances[3].age[2]`; empty for the whole. */
  readonly path: string;
  /** The rule that was broken, as a stable short name: `integer`, `range`, `shape`. */
  readonly rule: string;
  /** Which rule of the model's contract: `serving_default/inputs/age/max`. */
  readonly ruleId?: string;
  readonly expected: string;
  readonly got: string;
}

export interface AirlockErrorOptions {
  /** More precise than the registry's text; must be safe to show to a client. */
  readonly message?: string;
  readonly violations?: readonly Violation[];
  /** For the operator's log and terminal only: may hold paths of this machine. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** When the same request may be sent again; Infinity where that will never help. Default: as the code has it. */
  readonly retryAfterMs?: number;
}

/** Failures that nobody expects, whose place in the program somebody will look for. Of the others V8 would keep a stack that takes longer to record than all else of a refusal. */
const withStack: ReadonlySet<StatusName> = new Set<StatusName>(['internal', 'unknown', 'data_loss']);

const brand: unique symbol = Symbol.for('tf-airlock.error');

/** An expected failure with a code. `message` is what a client may read. */
export class AirlockError extends Error {
  override readonly name = 'AirlockError';
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly [brand] = true;

  constructor(code: ErrorCode, options: AirlockErrorOptions = {}) {
    const { status, text } = errorSpec(code);
    const { stackTraceLimit } = Error;
    if (!withStack.has(status)) Error.stackTraceLimit = 0;
    super(options.message ?? text, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.violations = options.violations ?? [];
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retry(): boolean {
    return this.retryAfterMs === undefined ? errorSpec(this.code).retry : Number.isFinite(this.retryAfterMs);
  }

  /** Turns anything that was thrown into an AirlockError; what is not one becomes INTERNAL, with the original as `cause`. */
  static from(thrown: unknown): AirlockError {
    return isAirlockError(thrown) ? thrown : new AirlockError('INTERNAL', { cause: thrown });
  }
}

/** True across copies of this module, which `instanceof` is not. */
export function isAirlockError(thrown: unknown): thrown is AirlockError {
  return typeof thrown === 'object' && thrown !== null && brand in thrown;
}

/** An error about one place in the input: its message says path, expected and got, which is what people read first. */
export function violationError(code: ErrorCode, violation: Violation): AirlockError {
  const where = violation.path === '' ? '' : ` at ${violation.path}`;
  return new AirlockError(code, {
    message: `${errorSpec(code).text}${where}: expected ${violation.expected}, got ${violation.got}`,
    violations: [violation],
  });
}
