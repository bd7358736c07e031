// The store that a command was told to take its advisories from. There is no default: a store that happens to lie in the current folder may have come with what is
// judged, and would say of it what suits it.
import { existsSync } from 'node:fs';
import { AirlockError, printable } from '../core/index.ts';

/** As an option for scans and audits. @throws USAGE when there is none at that place: what Airlock came with would be taken in silence. */
export function givenStore(store: string | undefined): { readonly store?: string } {
  if (store === undefined) return {};
  if (!existsSync(store)) throw new AirlockError('USAGE', { message: `There is no store at ${printable(store, 400)}` });
  return { store };
}
