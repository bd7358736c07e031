// What a rule of a filter is. The tables in loading-rules.ts and serving-rules.ts are data of these types, and everything else (the
// compiler, the tests) reads them; a rule that cannot be said here cannot be in a filter.
import type { CallName } from './syscall-numbers.ts';

/** Error numbers that a filter may answer with; the same on every Linux processor that Airlock knows. */
export const errnoNumbers = { EPERM: 1, EACCES: 13, ENOSYS: 38 } as const;

export type ErrnoName = keyof typeof errnoNumbers;

/** allow, end the whole process by SIGSYS, or refuse with an error number. */
export type Action = 'allow' | 'kill' | ErrnoName;

/**
 * One argument of a call, compared by value: filters cannot follow pointers. It holds when the argument, without the bits of
 * `ignoring`, is one of `oneOf`. Bits that nobody thought of are thus refused.
 */
export interface Condition {
  /** From 0. */
  readonly argument: number;
  /** 32 where the kernel takes an int and never looks at the rest; 64 otherwise, and then the upper half must be 0. */
  readonly width: 32 | 64;
  /** Unsigned, below 2^32. */
  readonly oneOf: readonly number[];
  readonly ignoring: number;
}

export interface Rule {
  readonly call: CallName;
  /** All must hold. */
  readonly when: readonly Condition[];
  readonly action: Action;
  /** The code that makes this call, or, for a refusal, the code that copes with it. */
  readonly why: string;
  /** Set where no test makes the call: why the rule is there all the same. */
  readonly rare?: string;
}

export interface Policy {
  /** Tried from the first to the last; the first that holds decides. */
  readonly rules: readonly Rule[];
  /** For calls that no rule names, and arguments that no rule has. */
  readonly otherwise: Action;
}

/** An argument that the kernel takes as an int. */
export function int(argument: number, oneOf: readonly number[], ignoring = 0): Condition {
  return { argument, width: 32, oneOf, ignoring };
}

/** An argument that the kernel takes as a long, a size or a pointer. */
export function long(argument: number, oneOf: readonly number[], ignoring = 0): Condition {
  return { argument, width: 64, oneOf, ignoring };
}

export interface RuleOptions {
  readonly when?: readonly Condition[];
  readonly rare?: string;
}

/** The same rule for each of `calls`. */
export function rulesFor(action: Action, calls: readonly CallName[], why: string, options: RuleOptions = {}): Rule[] {
  return calls.map((call) => ({ when: [], ...options, call, action, why }));
}
