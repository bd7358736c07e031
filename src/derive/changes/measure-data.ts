// Measures new data as a contract of their own, without margins and without what the old contract says, so that the two can be compared.
import {
  type Contract,
  type DimRules,
  type ImageRules,
  type SignatureRules,
  safeImageFormats,
  type TensorRules,
} from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import type { Signature, TensorSpec } from '../../tensor/index.ts';
import type { Dataset, InputMapping } from '../datasets/index.ts';
import { profileDatasets } from '../profile/index.ts';

export interface MeasureOptions {
  /** Default: the contract's only signature, or `serving_default`. */
  readonly signature?: string;
  readonly mappings?: readonly InputMapping[];
}

export interface Measurement {
  /** For `proposeFromData`: rules that were measured have a source. */
  readonly measured: Contract;
  readonly warnings: readonly string[];
}

/** Larger than any size; a dimension that keeps it was not measured. */
const unmeasured: DimRules = { min: 0, max: 2 ** 31 - 1 };

/** Narrower than no image: a profile keeps what is narrower than its data. */
const anyImage: ImageRules = {
  formats: safeImageFormats,
  reencode: ['jpeg', 'webp'],
  maxDecodedBytes: Number.MAX_SAFE_INTEGER,
  maxRatio: Number.MAX_SAFE_INTEGER,
  inflatedSize: 'ignore',
  trailingData: 'allow',
  maxMetadataBytes: Number.MAX_SAFE_INTEGER,
  maxScans: Number.MAX_SAFE_INTEGER,
  checksums: 'ignore',
};

function specOf(alias: string, { dtype, shape }: TensorRules): TensorSpec {
  const sizes = shape?.map((dim) => (dim.kind === 'fixed' ? dim.size : -1)) ?? null;
  return { alias, tensorName: `${alias}:0`, dtype, shape: sizes };
}

/** Type, shape and kind of content; no bound that the profile could keep. */
function bare({ dtype, shape, image, example }: TensorRules): TensorRules {
  return {
    dtype,
    ...(shape === undefined ? {} : { shape }),
    ...(image === undefined ? {} : { image: anyImage }),
    ...(example === undefined ? {} : { example: { ...example, features: new Map(), sparse: [], ragged: [] } }),
    onViolation: new Map(),
    modes: new Map(),
    derivedFrom: new Map(),
  };
}

/** Says of each input whose open sizes were all measured that its shape was. */
function markShapes(signature: SignatureRules, dims: ReadonlyMap<string, DimRules>, source: string): SignatureRules {
  const inputs = [...signature.inputs].map(([alias, rules]): [string, TensorRules] => {
    const names = (rules.shape ?? []).slice(1).flatMap((dim) => (dim.kind === 'symbol' ? [dim.name] : []));
    const isMeasured = names.length > 0 && names.every((name) => dims.get(name)?.max !== unmeasured.max);
    return [alias, isMeasured ? { ...rules, derivedFrom: new Map(rules.derivedFrom).set('shape', source) } : rules];
  });
  return { ...signature, inputs: new Map(inputs) };
}

/**
 * Reads the data once; whoever opened them closes them.
 * @throws DATASET_INVALID when they cannot be read or does not fit the contract's inputs; USAGE when the signature is not there, or a mapping makes
 * no sense.
 */
export async function measureData(
  contract: Contract,
  datasets: readonly Dataset[],
  options: MeasureOptions = {},
): Promise<Measurement> {
  const { signatures } = contract;
  const name = options.signature ?? (signatures.size === 1 ? [...signatures.keys()][0] : 'serving_default');
  const old = signatures.get(name);
  if (old === undefined) throw new AirlockError('USAGE', { message: `The contract has no signature ${printable(name)}` });
  const signature: Signature = {
    name,
    methodName: '',
    inputs: [...old.inputs].map(([alias, rules]) => specOf(alias, rules)),
    outputs: [],
  };
  const inputs = new Map([...old.inputs].map(([alias, rules]) => [alias, bare(rules)]));
  const base: Contract = {
    ...contract,
    metadata: { id: contract.metadata.id, revision: 1, sources: [] },
    dims: new Map([...contract.dims.keys()].map((dim) => [dim, unmeasured])),
    signatures: new Map([[name, { inputs, outputs: new Map(), relations: [] }]]),
  };
  const mappings = options.mappings === undefined ? {} : { mappings: options.mappings };
  const profile = await profileDatasets(signature, datasets, { id: contract.metadata.id, base, margin: 0, ...mappings });
  const { metadata, dims, signatures: found } = profile.contract;
  const source = metadata.sources.at(-1)?.id ?? '';
  const marked = new Map([...found].map(([key, rules]) => [key, markShapes(rules, dims, source)]));
  return { measured: { ...profile.contract, signatures: marked }, warnings: profile.warnings };
}
