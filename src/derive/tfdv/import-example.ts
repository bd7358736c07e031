// Where the rules of features go: the one input of a contract whose strings are serialized tf.Example messages.
import {
  type Contract,
  type ExampleRules,
  type RuleName,
  rulesSetOn,
  type StringRules,
  type TensorRules,
} from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { stringRules } from './feature-draft.ts';
import type { ImportedFeature } from './import-dense.ts';

/** Nothing in a schema says how large an example may be. */
export const maxExampleBytes = 2 ** 20;

function exampleTensor(
  base: TensorRules | undefined,
  rules: ExampleRules,
  features: ReadonlyMap<string, ImportedFeature>,
): TensorRules {
  const isMeasured = [...features.values()].some(({ measured }) => measured.has('min') || measured.has('max'));
  const derivedFrom = new Map<RuleName, string>([
    ['example.unknownFeatures', 'schema'],
    ['example.required', 'schema'],
    ['example.kind', 'schema'],
    ['example.values', isMeasured ? 'statistics' : 'schema'],
  ]);
  const string: StringRules = stringRules('binary', { maxBytes: maxExampleBytes });
  const batch = { kind: 'symbol', name: 'batch', multiplier: 1, offset: 0 } as const;
  const start: TensorRules = base ?? {
    dtype: 'DT_STRING',
    shape: [batch],
    onViolation: new Map(),
    modes: new Map(),
    derivedFrom: new Map(),
  };
  const tensor = { ...start, string, example: rules };
  // A source of a rule that is not there would be a mistake of the contract.
  const present = rulesSetOn(tensor);
  const added = [...derivedFrom].filter(([rule]) => present.has(rule));
  return { ...tensor, derivedFrom: new Map([...start.derivedFrom, ...added]) };
}

/** Without a model: one signature without tensors. */
export function emptyContract(id: string, signature: string): Contract {
  return {
    apiVersion: 'airlock/contract/v1',
    metadata: { id, revision: 1, sources: [] },
    mode: 'enforce',
    sampleFraction: 0.1,
    maxViolations: 32,
    request: {},
    dims: new Map([['batch', { min: 1, max: 256 }]]),
    signatures: new Map([[signature, { inputs: new Map(), outputs: new Map(), relations: [] }]]),
    cost: { base: 1, perElement: 0.001, perByte: 0.001, perPixel: 0.001 },
  };
}

/**
 * `base` with the rules of features on one input, which is added when it is not there.
 * @throws CONTRACT_MISMATCH when the signature is not there, or the input takes no strings.
 */
export function exampleContract(
  base: Contract,
  signatureName: string,
  input: string,
  rules: ExampleRules,
  features: ReadonlyMap<string, ImportedFeature>,
): Contract {
  const signature = base.signatures.get(signatureName);
  if (signature === undefined)
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The model has no signature ${printable(signatureName)}` });
  const old = signature.inputs.get(input);
  if (old !== undefined && old.dtype !== 'DT_STRING')
    throw new AirlockError('CONTRACT_MISMATCH', { message: `Input ${printable(input)} takes no strings` });
  const inputs = new Map(signature.inputs).set(input, exampleTensor(old, rules, features));
  return { ...base, signatures: new Map(base.signatures).set(signatureName, { ...signature, inputs }) };
}

/**
 * The input that takes examples; undefined when the features are the model's own inputs.
 * @throws CONTRACT_MISMATCH when the model has no input of the name that was asked for.
 */
export function chooseInput(
  base: Contract | undefined,
  exampleInput: string | undefined,
  signature: string,
  features: ReadonlyMap<string, ImportedFeature>,
): string | undefined {
  if (base === undefined) return exampleInput ?? 'examples';
  const inputs = base.signatures.get(signature)?.inputs ?? new Map<string, TensorRules>();
  if (exampleInput !== undefined) {
    if (inputs.has(exampleInput)) return exampleInput;
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The model has no input ${printable(exampleInput)}` });
  }
  if ([...features.keys()].some((name) => inputs.has(name))) return undefined;
  const strings = [...inputs].filter(([, { dtype }]) => dtype === 'DT_STRING').map(([name]) => name);
  return inputs.size === 1 && strings.length === 1 ? strings[0] : undefined;
}
