// Contracts and tensors for the tests of the engine: made of values, not of files, so that a test says exactly what is in force.
import {
  type Contract,
  compileContract,
  completeOutput,
  completeTensor,
  type DimRules,
  type Findings,
  type InputVerdict,
  type Relation,
  type TensorRules,
} from '../../src/contract/index.ts';
import {
  type DType,
  dtypes,
  type NumericTensor,
  type Signature,
  type StringTensor,
  type Tensor,
} from '../../src/tensor/index.ts';

/** Rules of one tensor, with every default. */
export type RuleDraft = Omit<Partial<TensorRules>, 'number' | 'string' | 'onViolation' | 'modes'> & {
  readonly dtype: DType;
  readonly number?: Partial<TensorRules['number']>;
  readonly string?: Partial<TensorRules['string']>;
  readonly onViolation?: Readonly<Record<string, unknown>>;
  readonly modes?: Readonly<Record<string, string>>;
  readonly matchesBatch?: boolean;
  readonly roundTo?: number;
  readonly topK?: number;
  readonly redact?: boolean;
};

function complete({ onViolation = {}, modes = {}, ...rest }: RuleDraft): Parameters<typeof completeTensor>[0] {
  const maps = {
    onViolation: new Map(Object.entries(onViolation)),
    modes: new Map(Object.entries(modes)),
    derivedFrom: new Map(),
  };
  return { ...rest, ...maps } as unknown as Parameters<typeof completeTensor>[0];
}

export interface ContractDraft {
  readonly inputs: Readonly<Record<string, RuleDraft>>;
  readonly outputs?: Readonly<Record<string, RuleDraft>>;
  readonly relations?: readonly Relation[];
  readonly dims?: Readonly<Record<string, DimRules>>;
  readonly mode?: Contract['mode'];
  readonly sampleFraction?: number;
  readonly maxViolations?: number;
  readonly cost?: Contract['cost'];
  readonly request?: Contract['request'];
}

/** A contract with the one signature `s`. */
export function contractOf(draft: ContractDraft): Contract {
  const inputs = Object.entries(draft.inputs).map(([alias, rules]) => [alias, completeTensor(complete(rules))] as const);
  const outputs = Object.entries(draft.outputs ?? {}).map(
    ([alias, rules]) => [alias, completeOutput({ matchesBatch: false, redact: false, ...complete(rules) })] as const,
  );
  return {
    apiVersion: 'airlock/contract/v1',
    metadata: { id: 'test', revision: 1, sources: [] },
    mode: draft.mode ?? 'enforce',
    sampleFraction: draft.sampleFraction ?? 0.1,
    maxViolations: draft.maxViolations ?? 32,
    request: draft.request ?? {},
    dims: new Map(Object.entries(draft.dims ?? {})),
    signatures: new Map([['s', { inputs: new Map(inputs), outputs: new Map(outputs), relations: draft.relations ?? [] }]]),
    cost: draft.cost ?? { base: 0, perElement: 0, perByte: 0, perPixel: 0 },
  };
}

/** The signature that goes with it: every shape unknown, sorted by alias. */
export function signatureOf({ inputs, outputs = {} }: ContractDraft): Signature {
  const specs = (rules: Readonly<Record<string, RuleDraft>>): Signature['inputs'] =>
    Object.entries(rules)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([alias, { dtype }]) => ({ alias, tensorName: `${alias}:0`, dtype, shape: null }));
  return { name: 's', methodName: 'tensorflow/serving/predict', inputs: specs(inputs), outputs: specs(outputs) };
}

/** Numbers (64-bit integers as bigint) as a tensor; half and bfloat16 as their 16 bits. */
export function numbers(
  dtype: NumericTensor['dtype'],
  values: readonly (number | bigint)[],
  shape = [values.length],
): NumericTensor {
  const { itemBytes } = dtypes[dtype];
  const parts = dtype === 'DT_COMPLEX64' || dtype === 'DT_COMPLEX128' ? 2 : 1;
  const bytes = new Uint8Array((values.length * itemBytes) / parts);
  const data = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    const at = (index * itemBytes) / parts;
    if (dtype === 'DT_FLOAT' || dtype === 'DT_COMPLEX64') data.setFloat32(at, Number(value), true);
    else if (dtype === 'DT_DOUBLE' || dtype === 'DT_COMPLEX128') data.setFloat64(at, Number(value), true);
    else if (itemBytes === 8) data.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else if (itemBytes === 4) data.setUint32(at, Number(value), true);
    else if (itemBytes === 2) data.setUint16(at, Number(value), true);
    else data.setUint8(at, Number(value));
  }
  return { dtype, shape, bytes };
}

export function strings(values: readonly (string | Uint8Array)[], shape = [values.length]): StringTensor {
  const parts = values.map((value) => (typeof value === 'string' ? new TextEncoder().encode(value) : value));
  const offsets = new Uint32Array(parts.length + 1);
  for (const [index, part] of parts.entries()) offsets[index + 1] = offsets[index] + part.byteLength;
  return { dtype: 'DT_STRING', shape, bytes: new Uint8Array(Buffer.concat(parts)), offsets };
}

/** The strings of a tensor as text. */
export function textsOf(tensor: Tensor): string[] {
  if (tensor.dtype !== 'DT_STRING') throw new TypeError(tensor.dtype);
  const { bytes, offsets } = tensor;
  return Array.from({ length: offsets.length - 1 }, (_, index) =>
    Buffer.from(bytes.subarray(offsets[index], offsets[index + 1])).toString(),
  );
}

/** Rules that refuse, each once, in the order in which they were found. */
export function refusedBy(findings: Findings): string[] {
  return [...new Set(findings.kept.filter(({ outcome }) => outcome === 'reject').map(({ rule }) => rule.name))];
}

export interface RunOptions {
  readonly draw?: number;
  readonly maxViolations?: number;
}

/** One tensor named `x` through a contract that has rules for nothing else. */
export function runRules(rules: RuleDraft, tensor: Tensor, options: RunOptions = {}): InputVerdict {
  const { draw = 0.5, ...more } = options;
  return runContract({ inputs: { x: rules }, ...more }, { x: tensor }, draw);
}

/** Tensors by alias through a contract. */
export function runContract(draft: ContractDraft, tensors: Readonly<Record<string, Tensor>>, draw = 0.5): InputVerdict {
  const signature = signatureOf(draft);
  const check = compileContract(contractOf(draft), [signature]).signature(signature.name);
  if (check === undefined) throw new Error('the contract has lost its signature');
  const aliases = signature.inputs.map(({ alias }) => alias);
  const paths = aliases.map((alias) => (index?: number) => (index === undefined ? alias : `${alias}[${index}]`));
  return check.checkInputs(
    aliases.map((alias) => tensors[alias]),
    paths,
    { draw },
  );
}
