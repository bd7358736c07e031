// From what serving counted to a proposal: rules that only watched, and that next to nobody broke, may be enforced. Serving traffic is
// whatever clients send, and an attacker is one of them: it may make a contract stricter, and never wider (poisoning, MITRE ATLAS AML.T0020).
import { type Contract, type Mode, type RuleName, rulesSetOn, type TensorRules } from '../../contract/index.ts';
import type { ContractObservations } from './server-status.ts';

export interface PromotionLimits {
  /** Default 10,000. */
  readonly minRequests?: number;
  /** Broken elements over checked requests, from 0 to 1. Default 0.001. */
  readonly maxRate?: number;
  /** Default 7. */
  readonly minDays?: number;
}

export interface Promotion {
  readonly ruleId: string;
  readonly from: Mode;
  readonly broken: number;
}

export interface PromotionProposal {
  /** The same contract with the next revision; without promotions it differs in nothing else. */
  readonly contract: Contract;
  readonly promoted: readonly Promotion[];
  /** Rules that stay as they are, and why. */
  readonly kept: readonly { readonly ruleId: string; readonly why: string }[];
}

export interface PromotionEvidence {
  readonly observations: ContractObservations;
  /** How many days the counts cover. */
  readonly days: number;
}

class Promotions {
  readonly promoted: Promotion[] = [];
  readonly kept: { ruleId: string; why: string }[] = [];
  readonly #evidence: PromotionEvidence;
  readonly #limits: Required<PromotionLimits>;

  constructor(evidence: PromotionEvidence, { minRequests = 10_000, maxRate = 0.001, minDays = 7 }: PromotionLimits) {
    this.#evidence = evidence;
    this.#limits = { minRequests, maxRate, minDays };
  }

  /** Whether this rule may be enforced from now on; says so in the lists. */
  decide(ruleId: string, mode: Mode): boolean {
    if (mode !== 'shadow' && mode !== 'sample') return false;
    const { observations, days } = this.#evidence;
    const { checked, broken, isComplete } = observations;
    const count = broken.get(ruleId);
    const keep = (why: string) => {
      this.kept.push({ ruleId, why });
      return false;
    };
    if (checked < this.#limits.minRequests) return keep(`${checked} requests are fewer than ${this.#limits.minRequests}`);
    if (!(days >= this.#limits.minDays)) return keep(`${days} days are fewer than ${this.#limits.minDays}`);
    if (count === undefined && !isComplete) return keep('the status lists only the rules that were broken most');
    // Each request that broke the rule counts at least once.
    if ((count ?? 0) > checked * this.#limits.maxRate) return keep(`broken ${count} times in ${checked} requests`);
    this.promoted.push({ ruleId, from: mode, broken: count ?? 0 });
    return true;
  }

  tensor<Rules extends TensorRules>(place: string, rules: Rules, mode: Mode): Rules {
    const modes = new Map(rules.modes);
    for (const rule of rulesSetOn(rules)) {
      // Soft bounds are there to watch.
      if (isSoft(rule)) continue;
      if (this.decide(`${place}/${rule}`, rules.modes.get(rule) ?? mode)) modes.set(rule, 'enforce');
    }
    return { ...rules, modes };
  }
}

function isSoft(rule: RuleName): boolean {
  return rule === 'softMin' || rule === 'softMax';
}

function mapValues<Value>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value, key: string) => Value,
): ReadonlyMap<string, Value> {
  return new Map([...map].map(([key, value]) => [key, change(value, key)]));
}

/** Proposes to enforce what the limits allow. It changes modes from shadow and sample to enforce, the revision, and nothing else. */
export function proposePromotions(
  contract: Contract,
  evidence: PromotionEvidence,
  limits: PromotionLimits = {},
): PromotionProposal {
  const promotions = new Promotions(evidence, limits);
  const { mode } = contract;
  const signatures = mapValues(contract.signatures, (signature, name) => ({
    inputs: mapValues(signature.inputs, (rules, alias) => promotions.tensor(`${name}/inputs/${alias}`, rules, mode)),
    outputs: mapValues(signature.outputs, (rules, alias) => promotions.tensor(`${name}/outputs/${alias}`, rules, mode)),
    relations: signature.relations.map((relation) =>
      promotions.decide(`${name}/relations/${relation.id}`, relation.mode ?? mode)
        ? { ...relation, mode: 'enforce' as const }
        : relation,
    ),
  }));
  const metadata = { ...contract.metadata, revision: contract.metadata.revision + 1 };
  return { contract: { ...contract, metadata, signatures }, promoted: promotions.promoted, kept: promotions.kept };
}
