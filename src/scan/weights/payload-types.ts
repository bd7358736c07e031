// What a search for hidden programs says, and how much it may cost.

export interface Payload {
  /** `an ELF executable for x86-64`, after "hold". */
  readonly what: string;
  /** Where it begins in the bytes that were searched. */
  readonly offset: number;
  /** `high` for what can be run, `medium` for archives, `low` for what is ordinary in strings. */
  readonly severity: 'low' | 'medium' | 'high';
}

/**
 * What checks beyond a few bytes may still cost, in their own steps. Bytes that look like the beginning of an archive at every
 * place would make a search take for ever; where this is used up, that is reported, so that decoys hide nothing.
 */
export interface SearchBudget {
  steps: number;
}

export function searchBudget(): SearchBudget {
  return { steps: 2_000_000 };
}
