// Counts how many different signers stand behind some signatures. Counting signatures, bundles or names would let one person be two: a key can be
// listed under two names, one signer may hold several certificates, and an ECDSA signature can be changed into another valid one.
import type { SignerEvidence } from '../provenance-types.ts';

/**
 * The most pairs of a name in the trust section and a key that can be formed so that no name and no key is in two of them: a maximum matching.
 * Costs at most names times pieces of evidence, both of which are bounded by the configuration and the set of signatures.
 */
export function countDistinctSigners(evidence: readonly SignerEvidence[]): number {
  const nameOfKey = new Map<string, string>();
  /** Gives `name` a key, if need be by moving another name to a different one. Not deeper than there are names. */
  const assign = (name: string, tried: Set<string>): boolean => {
    for (const { signer, keyId } of evidence) {
      if (signer !== name || tried.has(keyId)) continue;
      tried.add(keyId);
      const holder = nameOfKey.get(keyId);
      if (holder === undefined || assign(holder, tried)) {
        nameOfKey.set(keyId, name);
        return true;
      }
    }
    return false;
  };
  return signerNames(evidence).filter((name) => assign(name, new Set())).length;
}

/** The names, each once, sorted. */
export function signerNames(evidence: readonly SignerEvidence[]): string[] {
  return [...new Set(evidence.map(({ signer }) => signer))].sort();
}
