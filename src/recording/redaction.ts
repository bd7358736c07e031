// What never gets into a recording: inputs and features that the configuration names are replaced by stand-ins of the same type and shape before anything of a request
// is kept. A name that fits no input of the model keeps the whole model out: it is most likely a slip, and what it was to keep out would be kept.
import type { CompiledContract, Contract, ElementPath, FeatureRules } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import { elementCount, type Signature, type Tensor } from '../tensor/index.ts';
import { redactExample } from './redact-example.ts';
import { standInFeatures, standInTensors, stringElement, stringTensor } from './stand-in.ts';

/** What decides whether a request with stand-ins would still be accepted. */
export interface RedactionContract {
  readonly contract: Contract;
  readonly compiled: CompiledContract;
}

interface Target {
  /** The whole input, or these features of its tf.Examples. */
  readonly features: ReadonlySet<string> | undefined;
}

const noPath: ElementPath = () => '';

export class Redaction {
  /** By input, then as the signature has it. */
  readonly #targets: ReadonlyMap<string, Target>;
  readonly #contract: RedactionContract | undefined;

  /**
   * @param signatures all that the model's version has.
   * @throws RECORDING_REFUSED when one of `redact` is neither an input of these nor a feature of a string input.
   */
  constructor(redact: readonly string[], signatures: readonly Signature[], contract?: RedactionContract) {
    this.#targets = targetsOf(redact, signatures);
    this.#contract = contract;
    if (contract !== undefined) assertKnownFeatures(this.#targets, contract.contract);
  }

  /**
   * The tensors as they may be kept, in the order of the signature's inputs; undefined when no stand-in passes the contract, or a tf.Example cannot be
   * read for certain: then the request is left out.
   */
  apply(signature: Signature, tensors: readonly Tensor[]): readonly Tensor[] | undefined {
    let kept: readonly Tensor[] = tensors;
    for (const [index, { alias }] of signature.inputs.entries()) {
      const target = this.#targets.get(alias);
      if (target === undefined) continue;
      const found = this.#standInsFor(signature, index, tensors[index], target).find((candidate) =>
        this.#passes(signature, kept.with(index, candidate)),
      );
      if (found === undefined) return undefined;
      kept = kept.with(index, found);
    }
    return kept;
  }

  #standInsFor(signature: Signature, index: number, tensor: Tensor, { features }: Target): readonly Tensor[] {
    const rules = this.#contract?.contract.signatures.get(signature.name)?.inputs.get(signature.inputs[index].alias);
    if (features === undefined) return standInTensors(tensor.dtype, tensor.shape, rules);
    const known = rules?.example?.features ?? new Map<string, FeatureRules>();
    // One round per place in the lists of candidates: all features together, because each alone says nothing about the others.
    return Array.from({ length: maxRounds }, (_, round) => redactExamples(tensor, features, known, round)).flatMap(
      (made) => made ?? [],
    );
  }

  #passes(signature: Signature, tensors: readonly Tensor[]): boolean {
    if (this.#contract === undefined) return true;
    const compiled = this.#contract.compiled.signature(signature.name);
    // The draw enforces what is only sampled too.
    return (
      compiled?.checkInputs(
        tensors,
        signature.inputs.map(() => noPath),
        { draw: 0 },
      ).findings.refused === false
    );
  }
}

const maxRounds = 4;

function redactExamples(
  tensor: Tensor,
  features: ReadonlySet<string>,
  rules: ReadonlyMap<string, FeatureRules>,
  round: number,
): Tensor | undefined {
  if (tensor.dtype !== 'DT_STRING') return undefined;
  const elements: Uint8Array[] = [];
  for (let at = 0; at < elementCount(tensor.shape); at++) {
    const made = redactExample(stringElement(tensor, at), features, (name, { kind }) => {
      const values = kind === undefined ? [] : standInFeatures(kind, rules.get(name));
      return values[Math.min(round, values.length - 1)];
    });
    if (made === undefined) return undefined;
    elements.push(made);
  }
  return stringTensor(tensor.shape, elements);
}

/** A contract that lists the features of an input knows which names are slips. */
function assertKnownFeatures(targets: ReadonlyMap<string, Target>, { signatures }: Contract): void {
  for (const { inputs } of signatures.values()) {
    for (const [alias, { example }] of inputs) {
      if (example?.unknownFeatures !== 'reject') continue;
      const unknown = [...(targets.get(alias)?.features ?? [])].find((name) => !example.features.has(name));
      if (unknown !== undefined) throw unknownName(`${alias}.${unknown}`);
    }
  }
}

function unknownName(entry: string): AirlockError {
  return new AirlockError('RECORDING_REFUSED', {
    message: `Nothing of this model is recorded: recording.redact names ${printable(entry, 200)}, which is neither an input nor a feature of one`,
  });
}

function targetsOf(redact: readonly string[], signatures: readonly Signature[]): ReadonlyMap<string, Target> {
  const inputs = signatures.flatMap((signature) => signature.inputs);
  const whole = new Set<string>();
  const features = new Map<string, Set<string>>();
  for (const entry of redact) {
    if (inputs.some(({ alias }) => alias === entry)) {
      whole.add(entry);
      continue;
    }
    const owners = inputs.filter(({ alias, dtype }) => dtype === 'DT_STRING' && entry.startsWith(`${alias}.`));
    if (owners.length === 0) throw unknownName(entry);
    for (const { alias } of owners) {
      const names = features.get(alias) ?? new Set();
      features.set(alias, names.add(entry.slice(alias.length + 1)));
    }
  }
  const targets = new Map<string, Target>([...features].map(([alias, names]) => [alias, { features: names }]));
  for (const alias of whole) targets.set(alias, { features: undefined });
  return targets;
}
