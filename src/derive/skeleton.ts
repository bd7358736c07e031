// A contract that says no more than a model's signatures do: types, shapes with names for the sizes that are open, and what is on by
// default. Whatever derives a contract begins here and narrows it.
import { type Contract, completeOutput, completeTensor, type DimExpression, type DimRules } from '../contract/index.ts';
import type { MetaGraphInfo } from '../model/index.ts';
import type { Signature, TensorSpec } from '../tensor/index.ts';

export interface SkeletonOptions {
  /** `metadata.id`: letters, digits, `.`, `_`, `-`. Default `model`. */
  readonly id?: string;
  /** Default: every signature that can be called. */
  readonly signatures?: readonly string[];
}

/** Largest batch, and largest of every other open size, until somebody knows better. */
const defaultMaxBatch = 256;
const defaultMaxSize = 1024;

/** The dimension that the first open size of every tensor shares. */
const batchDim = 'batch';

/** Signatures that cannot be called are left out. */
export function contractFromSignature(
  { signatures }: Pick<MetaGraphInfo, 'signatures'>,
  options: SkeletonOptions = {},
): Contract {
  const dims = new Map<string, DimRules>();
  const chosen = signatures.filter(
    ({ name, unsupported }) => unsupported === undefined && options.signatures?.includes(name) !== false,
  );
  return {
    apiVersion: 'airlock/contract/v1',
    metadata: { id: options.id ?? 'model', revision: 1, sources: [] },
    mode: 'enforce',
    sampleFraction: 0.1,
    maxViolations: 32,
    request: {},
    dims,
    signatures: new Map(chosen.map((signature) => [signature.name, signatureRules(signature, dims)])),
    cost: { base: 1, perElement: 0.001, perByte: 0.001, perPixel: 0.001 },
  };
}

function signatureRules(signature: Signature, dims: Map<string, DimRules>) {
  const hasBatch = signature.inputs.some(({ shape }) => shape?.[0] === -1);
  const inputs = signature.inputs.map((spec) => {
    const shape = inputShape(spec, dims);
    return [spec.alias, completeTensor({ ...noExtras(), dtype: spec.dtype, ...(shape === undefined ? {} : { shape }) })] as const;
  });
  const outputs = signature.outputs.map((spec) => {
    const shape = outputShape(spec, hasBatch);
    const matchesBatch = hasBatch && spec.shape?.[0] === -1;
    const draft = { ...noExtras(), dtype: spec.dtype, matchesBatch, redact: false, ...(shape === undefined ? {} : { shape }) };
    return [spec.alias, completeOutput(draft)] as const;
  });
  return { inputs: new Map(inputs), outputs: new Map(outputs), relations: [] };
}

function noExtras() {
  return { onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };
}

/** The first open size is the batch if it stands first; each other one gets a name of its own. */
function inputShape({ alias, shape }: TensorSpec, dims: Map<string, DimRules>): readonly DimExpression[] | undefined {
  if (shape === null) return undefined;
  return shape.map((size, index) => {
    if (size !== -1) return { kind: 'fixed', size };
    const name = index === 0 ? batchDim : freeName(`${alias.replaceAll(/[^A-Za-z0-9_]/g, '_')}_${index}`, alias, dims);
    if (!dims.has(name)) dims.set(name, { min: 1, max: index === 0 ? defaultMaxBatch : defaultMaxSize });
    return { kind: 'symbol', name, multiplier: 1, offset: 0 };
  });
}

/** A dimension's name begins with a letter or `_` and has 64 characters at most; two inputs must not share one by chance. */
function freeName(wish: string, alias: string, dims: ReadonlyMap<string, DimRules>): string {
  const start = /^[A-Za-z_]/.test(wish) ? wish : `_${wish}`;
  // Another signature of the model may well have the same input, which then has the same limits.
  const isPlain = start.length <= 64 && /^[A-Za-z0-9_]+$/.test(alias);
  if (isPlain) return start;
  for (let number = 1; ; number++) {
    const name = `${start.slice(0, 56)}_${number}`;
    if (!dims.has(name)) return name;
  }
}

function outputShape({ shape }: TensorSpec, hasBatch: boolean): readonly DimExpression[] | undefined {
  return shape?.map((size, index) => {
    if (size !== -1) return { kind: 'fixed', size };
    return index === 0 && hasBatch ? { kind: 'symbol', name: batchDim, multiplier: 1, offset: 0 } : { kind: 'any' };
  });
}
