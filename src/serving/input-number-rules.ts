// What a contract says of the numbers of one input before they are a tensor: whether they may lose precision, and whether NaN and the
// infinities are its to judge. Bound once per signature; decides nothing about a request.
import type { BoundRule, Contract, RuleName } from '../contract/index.ts';
import type { Signature } from '../tensor/index.ts';

export interface BoundNarrowing {
  readonly rule: BoundRule;
  readonly exact: 'integers' | 'all';
}

export interface InputNumberRules {
  /** Undefined where numbers may lose precision, or the rule is off. */
  readonly narrowing: BoundNarrowing | undefined;
  /** `allow`: legal values. Undefined: the rule is off, and the contract says nothing of them. */
  readonly nan: BoundRule | 'allow' | undefined;
  readonly infinity: BoundRule | 'allow' | undefined;
}

/** In the order of the signature's inputs. */
export function inputNumberRules(contract: Contract, { name: signature, inputs }: Signature): readonly InputNumberRules[] {
  return inputs.map(({ alias }) => {
    const rules = contract.signatures.get(signature)?.inputs.get(alias);
    const { narrowing = 'nearest', nan, infinity } = rules?.number ?? {};
    const bind = (name: RuleName): BoundRule | undefined => {
      const mode = rules?.modes.get(name) ?? contract.mode;
      if (mode === 'off') return undefined;
      const action = rules?.onViolation.get(name) ?? { kind: 'reject' };
      return { id: `${signature}/inputs/${alias}/${name}`, name, mode, action };
    };
    const rule = narrowing === 'nearest' ? undefined : bind('number.narrowing');
    return {
      narrowing: rule && { rule, exact: narrowing === 'exact' ? 'all' : 'integers' },
      nan: nan === 'allow' ? 'allow' : bind('number.nan'),
      infinity: infinity === 'allow' ? 'allow' : bind('number.infinity'),
    };
  });
}
