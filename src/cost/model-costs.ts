// The costs of all signatures that a version can be called with, in the order in which its worker knows them.
import type { Signature } from '../tensor/index.ts';
import type { CostModel } from './cost-model.ts';
import { CostRates } from './cost-rates.ts';
import { SignatureCosts } from './signature-costs.ts';

export class ModelCosts {
  readonly weightBytes: number;
  readonly rates: CostRates;
  /** Undefined for a signature of which nothing is known. */
  readonly signatures: readonly (SignatureCosts | undefined)[];

  /** @param cost checked by `checkCostModel`. A signature that it describes otherwise than the model does counts as one of which nothing is known. */
  constructor(cost: CostModel, signatures: readonly Signature[], rates: CostRates = new CostRates()) {
    this.weightBytes = cost.weightBytes;
    this.rates = rates;
    const byName = new Map(cost.signatures.map((signature) => [signature.name, signature]));
    this.signatures = signatures.map((signature, index) => {
      const found = byName.get(signature.name);
      try {
        return found && new SignatureCosts(found, signature, index, rates);
      } catch (thrown) {
        if (thrown instanceof RangeError) return undefined;
        throw thrown;
      }
    });
  }
}
