// The types of trial.mjs and of the attacks, for the tests; plain JavaScript because the matrix is run without a build of its own.
import type { Jail } from '../../../src/sandbox/index.ts';

export interface Attack {
  readonly name: string;
  readonly shows: string;
  readonly needs?: string;
  readonly apart?: string;
}

export interface Outcome {
  readonly worked: boolean;
  /** An error's name, a signal's, or `no effect`. */
  readonly by?: string;
}

/** What attacks can have changed; compared as a whole. */
export type Observation = Readonly<Record<string, unknown>>;

export interface Outcomes {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly before: Observation;
  readonly after: Observation;
}

export const insideFolder: string;
export const attacks: readonly Attack[];
export function attemptAll(
  jail: Pick<Jail, 'start'>,
  attacks: readonly Attack[],
  options: { readonly seal: boolean },
): Promise<Outcomes>;
