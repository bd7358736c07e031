// Keeps what was looked at on the way to a decision, in order, so that an operator can read afterwards which rule decided. It decides nothing.
import { AirlockError, violationError } from '../../core/index.ts';
import type { DecisionStep, Manifest, SignerEvidence, Verdict } from '../provenance-types.ts';

/** Where in airlock.yaml a rule stands, what it wants and what there was; all of it printable. */
export interface Refusal {
  readonly code: 'MODEL_UNSIGNED' | 'TRUST_REFUSED' | 'MODEL_ROLLBACK';
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

export class Decision {
  readonly #policy: string;
  readonly #steps: DecisionStep[] = [];
  #rule = 'policy';
  manifest: Manifest | undefined;
  signers: readonly SignerEvidence[] = [];
  readonly attestations: { readonly type: string; readonly signers: readonly string[] }[] = [];
  readonly bundles: string[] = [];

  constructor(policy: string) {
    this.#policy = policy;
  }

  /** From here on, what goes wrong goes wrong in this rule. */
  begin(rule: string): void {
    this.#rule = rule;
  }

  pass(text: string): void {
    this.#steps.push({ rule: this.#rule, outcome: 'passed', text });
  }

  /** Something that does not count, and refuses nothing by that; `rule` is by default the one that was begun. */
  skip(text: string, rule = this.#rule): void {
    this.#steps.push({ rule, outcome: 'skipped', text });
  }

  /** @throws the refusal as an error; whoever catches it gives it to `refused`. */
  refuse({ code, path, expected, got }: Refusal): never {
    throw violationError(code, { path, rule: this.#rule, expected, got });
  }

  refused(thrown: unknown): Verdict {
    const error = AirlockError.from(thrown);
    this.#steps.push({ rule: this.#rule, outcome: 'refused', text: error.message });
    return this.#verdict(error);
  }

  allowed(): Verdict {
    return this.#verdict(undefined);
  }

  #verdict(error: AirlockError | undefined): Verdict {
    const counted = this.#steps.filter(({ outcome }) => outcome !== 'skipped');
    return {
      policy: this.#policy,
      allowed: error === undefined,
      steps: this.#steps,
      decidedBy: counted[counted.length - 1].rule,
      manifest: this.manifest,
      signers: this.signers,
      attestations: this.attestations,
      bundles: this.bundles,
      error,
    };
  }
}
